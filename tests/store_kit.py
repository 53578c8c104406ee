"""A store in memory with every table, as `migrate` makes it; its steps are run once a process."""

import functools
import sqlite3

from storage.sqlite import Sqlite


@functools.cache
def _made() -> bytes:
    store = Sqlite(None)
    store.migrate()
    made = store._conn.serialize()
    store.close()
    return made


def memory() -> Sqlite:
    """A fresh one, in whichever thread asks; tests/test_storage.py runs the steps themselves."""
    source, store = sqlite3.connect(":memory:"), Sqlite(None)
    source.deserialize(_made())
    source.backup(store._conn)  # an ordinary store in memory, unlike one that is deserialised
    source.close()
    return store
