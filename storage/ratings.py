"""Ratings of the aibot's answers; an answer is named by the message it answers."""

from dataclasses import dataclass
from datetime import datetime

from storage.db import Db, Row, at


@dataclass(frozen=True, slots=True)
class Rating:
    answer: str
    member: str
    verdict: int  # 1 good, 2 bad
    reasons: tuple[int, ...]
    words: str
    at: datetime

    @property
    def id(self) -> str:
        return f"{self.answer}:{self.member}"


def put(db: Db, rating: Rating) -> None:
    sql = """insert into ratings (id, answer, member, verdict, reasons, words, at)
        values (:id, :answer, :member, :verdict, :reasons, :words, :at)
        on conflict (id) do update set verdict = excluded.verdict, reasons = excluded.reasons,
            words = excluded.words, at = excluded.at"""
    reasons = " ".join(map(str, rating.reasons))
    db.run(sql, id=rating.id, answer=rating.answer, member=rating.member, verdict=rating.verdict,
           reasons=reasons, words=rating.words, at=rating.at)  # fmt: skip


def withdraw(db: Db, answer: str, member: str) -> None:
    db.run("delete from ratings where id = :id", id=f"{answer}:{member}")


def counts(db: Db, since: datetime) -> dict[int, int]:
    sql = "select verdict, count(*) as n from ratings where at >= :since group by verdict"
    return {row["verdict"]: row["n"] for row in db.rows(sql, since=since)}


def bad(db: Db, since: datetime, limit: int = 50) -> list[tuple[Rating, str]]:
    """The newest complaints, each with the body of the question that was answered."""
    sql = """select r.*, coalesce(i.body, '') as body from ratings r
        left join inbox i on i.id = r.answer
        where r.at >= :since and r.verdict = 2 order by r.at desc, r.id limit :limit"""
    return [(_rating(row), str(row["body"])) for row in db.rows(sql, since=since, limit=limit)]


def _rating(row: Row) -> Rating:
    reasons = tuple(int(one) for one in row["reasons"].split())
    return Rating(row["answer"], row["member"], row["verdict"], reasons, row["words"],
                  at(row["at"]))  # fmt: skip


def forget(db: Db, before: datetime) -> int:
    return db.run("delete from ratings where at < :before", before=before)
