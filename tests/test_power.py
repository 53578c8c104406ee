"""The power goes: what was acknowledged is there, and what was not is whole or absent."""

import itertools
import os
import random

import apsw
import pytest
from power import Disk, Powered

from bot.sandbox.demo import START
from storage import inbox
from storage.sqlite import Sqlite

CUTS = int(os.environ.get("SALESBOT_CUTS", "60"))
NAMES = itertools.count()


def lives(seed, synchronous, lives=4):
    """Keep messages through some power cuts; returns those that were acknowledged and are lost."""
    chance = random.Random(seed)
    disk = Disk(f"disk{next(NAMES)}")
    acknowledged: list[str] = []
    for life in range(lives):
        store = Powered(disk, synchronous)
        if life == 0:
            store.build()
            store.db.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)  # the tables stay
        assert store.rows("pragma integrity_check")[0]["integrity_check"] == "ok"
        kept = {row["id"] for row in store.rows("select id from inbox")}
        if lost := [key for key in acknowledged if key not in kept]:
            return lost
        for n in range(chance.randrange(1, 12)):
            batch = [f"{life}-{n}-{k}" for k in range(chance.randrange(1, 6))]
            with store.atomic():
                for key in batch:
                    inbox.keep(store, inbox.Kept(key, "app", "zhang", "x" * chance.randrange(4000)),
                               START)  # fmt: skip
            acknowledged += batch
            if chance.random() < 0.2:
                store.db.wal_checkpoint()
        if chance.random() < 0.5:  # in the middle of a transaction
            store.db.execute("begin immediate")
            inbox.keep(store, inbox.Kept(f"{life}-never", "app", "zhang", "x"), START)
        disk = disk.cut(chance, f"disk{next(NAMES)}")
        store.db.close()
    return []


@pytest.mark.parametrize("seed", range(CUTS // 4))
def test_nothing_acknowledged_is_lost_when_the_power_goes(seed):
    assert lives(seed, "full") == []


def test_without_the_sync_at_every_commit_it_would_be():
    """The control: a check that cannot fail proves nothing."""
    assert any(lives(seed, "normal") for seed in range(10))


def test_the_store_asks_for_that_sync(tmp_path):
    store = Sqlite(tmp_path / "s.db")

    assert store.rows("pragma synchronous")[0]["synchronous"] == 2
    assert store.rows("pragma journal_mode")[0]["journal_mode"] == "wal"
    store.close()
