"""Pictures, films and owners' words to go with a script: what, whose consent, until when."""

from dataclasses import dataclass, fields
from datetime import date, datetime, timedelta

from storage.db import Db, Row, at, one

MEDIA_LIFE = timedelta(hours=70)  # WeCom keeps an upload for three days


@dataclass(frozen=True, slots=True)
class Material:
    """`place` is a file in the materials folder or an address; `models` and `concerns` are
    separated by blanks; `consent` says who agreed and when."""

    id: str
    kind: str
    title: str
    place: str
    words: str
    models: str
    concerns: str
    consent: str
    valid_to: date | None
    state: str
    at: datetime
    by_whom: str


_NAMES = [f.name for f in fields(Material)]


def add(db: Db, found: Material) -> None:
    marks = ", ".join(f":{name}" for name in _NAMES)
    values = {name: getattr(found, name) for name in _NAMES}
    day = found.valid_to.isoformat() if found.valid_to else None
    sql = f"insert into materials ({', '.join(_NAMES)}) values ({marks})"
    db.run(sql, **{**values, "valid_to": day})


def live(db: Db, day: date) -> list[Material]:
    """In use and inside their dates, the newest first."""
    sql = """select * from materials where state = 'live'
        and (valid_to is null or valid_to >= :day) order by at desc, id"""
    return [_material(row) for row in db.rows(sql, day=day.isoformat())]


def everything(db: Db) -> list[Material]:
    return [_material(row) for row in db.rows("select * from materials order by at desc, id")]


def get(db: Db, material_id: str) -> Material | None:
    row = one(db, "select * from materials where id = :id", id=material_id)
    return _material(row) if row else None


def stop(db: Db, material_id: str) -> bool:
    sql = "update materials set state = 'stopped' where id = :id and state = 'live'"
    return db.run(sql, id=material_id) == 1


def uploaded(db: Db, material_id: str, media_id: str, now: datetime) -> None:
    """Where WeCom keeps it for the next days; "" when it must be uploaded again."""
    sql = "update materials set media_id = :media, media_at = :now where id = :id"
    db.run(sql, id=material_id, media=media_id, now=now)


def media_of(db: Db, material_id: str, now: datetime) -> str:
    """The media id that is still good, or "" """
    sql = "select media_id, media_at from materials where id = :id"
    row = one(db, sql, id=material_id)
    if row is None or not row["media_id"] or now - at(row["media_at"]) > MEDIA_LIFE:
        return ""
    return str(row["media_id"])


def _material(row: Row) -> Material:
    values = {name: row[name] for name in _NAMES}
    day = date.fromisoformat(row["valid_to"]) if row["valid_to"] else None
    return Material(**{**values, "valid_to": day, "at": at(row["at"])})
