"""How often each rule of the lexicon fired, so that dead ones can be found."""

from collections.abc import Iterable
from datetime import datetime

from storage.db import Db, Row


def hit(db: Db, rules: Iterable[str], now: datetime) -> None:
    sql = """insert into rule_hits (rule, hits, last_at) values (:rule, 1, :now)
        on conflict (rule) do update set hits = rule_hits.hits + 1, last_at = excluded.last_at"""
    db.many(sql, [{"rule": rule, "now": now} for rule in rules])


def hits(db: Db) -> list[Row]:
    return db.rows("select rule, hits, last_at from rule_hits order by hits desc, rule")
