"""What three managers would have read on telling days of the ninety: of one store, of a city with
two, and of the brand, which sees figures only.

Each moment is kept as a copy of the store; in the copy two of the four advisors work elsewhere.
"""

import random
from datetime import datetime, time

from ninety import SETTINGS, STORE

from bot.sandbox import demo
from handlers import digests
from handlers.context import Ctx
from handlers.digest_values import MONTHLY
from handlers.settings import Manager, Store
from handlers.team import Team
from storage.sqlite import Sqlite

TOLD = {(3, 6, 17, 45): "第一天晚上", (3, 7, 8, 45): "第二天早上", (4, 11, 17, 45): "忙的周六",
        (5, 6, 8, 45): "五一假期回来", (5, 31, 17, 45): "月末", (6, 1, 9, 0): "上个月"}  # fmt: skip
OTHER = Store(id="s2", name="海淀店", city="北京")
MANAGERS = (
    Manager(userid="chen", name="陈静", stores=("s1",)),
    Manager(userid="city", name="周磊", stores=("s1", "s2")),
    Manager(userid="brand", name="品牌", stores=("s1", "s2"), brand=True, names=False),
)
ROLES = {"chen": "店长", "city": "城市经理", "brand": "品牌"}
MOVED = ("wangq", "zhao")


def keeper(folder):
    """Called after each tick: copies the store at the moments above."""
    moments = {datetime(2026, *when, tzinfo=demo.START.tzinfo) for when in TOLD}

    def keep(life):
        if life.now in moments:
            life.db.backup(folder / f"{life.now:%m%d%H%M}.db")

    return keep


def read(folder, knowledge):
    """Every digest of every moment as one text."""
    for when, words in TOLD.items():
        now = datetime(2026, *when, tzinfo=demo.START.tzinfo)
        db = Sqlite(folder / f"{now:%m%d%H%M}.db")
        for who in MOVED:
            db.run("update customers set store = 's2' where owner = :who", who=who)
        ctx = _ctx(db, now, knowledge)
        edition = MONTHLY if now.time() == time(9) else digests.edition_at(ctx)
        for manager in ctx.settings.managers:
            yield f"# {words} · {ROLES[manager.userid]}\n\n"
            found = ctx.team.manager(manager.userid)
            yield f"{digests.compile_for(found, edition, ctx).text}\n\n"
        db.close()


def _ctx(db, now, knowledge):
    advisors = tuple(a.model_copy(update={"store": "s2"}) if a.userid in MOVED else a
                     for a in SETTINGS.advisors)  # fmt: skip
    news = {"stores": (STORE, OTHER), "advisors": advisors, "managers": MANAGERS}
    settings = SETTINGS.model_copy(update=news)
    return Ctx(db=db, now=now, lexicon=knowledge.lexicon, bank=knowledge.bank,
               rng=random.Random(1), settings=settings, team=Team(settings), cause="read",
               usage={}, facts=knowledge.facts)  # fmt: skip
