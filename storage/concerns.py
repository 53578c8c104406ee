"""The life of a concern: a column of its tag that is moved on by hand, by a script, by words."""

from storage.db import Db


def states(db: Db, customer: str) -> dict[str, str]:
    """The state of every concern of a customer."""
    sql = "select code, state from tags where customer = :c and kind = 'concern' order by code"
    return {row["code"]: row["state"] for row in db.rows(sql, c=customer)}


def state(db: Db, customer: str, code: str, becomes: str) -> None:
    sql = """update tags set state = :s where customer = :c and kind = 'concern'
        and code = :code"""
    db.run(sql, s=becomes, c=customer, code=code)
