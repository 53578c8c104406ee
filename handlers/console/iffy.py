"""如果 in the console: past days under another setting, who moves, how long it took to count."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice

from handlers import whatif, whatif_past
from handlers.console.door import BRAND, MANAGER
from handlers.console.parts import Line, section, text
from handlers.console.values import (
    Button,
    Field,
    Form,
    Page,
    Panel,
    Piece,
    Section,
    Stat,
    View,
)
from handlers.context import Ctx
from handlers.settings import Settings
from handlers.tables import Table
from handlers.whatif import Outcome, SettingError
from storage import customers
from storage.customers import Customer

SEEN = 2000  # customers of a page; the command line counts them all
SHOWN = 20
DAYS = (("7", "近7天"), ("30", "近30天"), ("90", "近90天"))


def page(view: View, ctx: Ctx) -> Page:
    given = [line.strip() for line in view.query.get("given", "").split("\n") if line.strip()]
    form = _form(view, ctx)
    said = "日报、提醒、意向和级别照改了以后的设置再算一遍；只算，不改，也不发。"
    if not given or "=" not in view.query.get("given", "").replace("＝", "="):
        return Page("如果", said, clock=False, forms=(form,))
    try:
        return _counted(given, form, view, ctx)
    except SettingError as exc:
        wrong = Panel("不能这样试", ((Piece(str(exc)),),), "bad")
        return Page("如果", said, clock=False, forms=(form,), panels=(wrong,))


def _form(view: View, ctx: Ctx) -> Form:
    given, days = view.query.get("given", ""), view.query.get("ago", "30")
    key = given.strip()
    if key and "=" not in key and (value := current(key, ctx.settings)):
        given = f"{key}={value}"
    return Form("改哪个设置", "whatif", (
        Field("given", "设置（一行一个，键=值）", given, "text",
              note="例如 tiers.window_h_days=10、followups.cadence_h_days=1"),
        Field("ago", "看几天", days, "choice", DAYS)),
        (Button("", "算一算", main=True),), asks=True,
        note=f"可以试的：{'、'.join(whatif_past.TRIED)} 里的键。")  # fmt: skip


def current(key: str, settings: Settings) -> str:
    """The value of now, to be changed; "" for a key that cannot be tried."""
    part, _, name = key.partition(".")
    found = getattr(getattr(settings, part, None), name, None) if name else None
    return "" if found is None or part not in whatif_past.TRIED else str(found)


def _counted(given: list[str], form: Form, view: View, ctx: Ctx) -> Page:
    days = {key: int(key) for key, _ in DAYS}.get(view.query.get("ago", ""), 30)
    among = list(islice(_among(view, ctx), SEEN + 1))
    cut, among = len(among) > SEEN, among[:SEEN]
    manager = ctx.team.manager(view.reader.member)
    found = whatif_past.run(among, manager, given, days, ctx)
    note = f"客户太多，按编号取了{SEEN}位来算，比例可信，人数不是全部。" if cut else ""
    panel = Panel("一句话", ((Piece(found.sentence),),), note=note)
    moved = _moved(among, given, view, ctx)
    table = replace(found.table, title="会变的")
    lines = (Line(row) for row in found.table.rows)
    sections = [section(table, lines, view)]
    if found.digests:
        read = (Line(row) for row in found.digests.rows)
        sections.append(section(found.digests, read, view))
    return Page("如果", clock=False, forms=(form,), panels=(panel,), timed=True,
                stats=(Stat("看了", str(len(among)), "位客户"),
                       Stat("会变", str(moved.moved), "位的级别或意向")),
                sections=(*sections, *_who(moved, view, ctx)))  # fmt: skip


def _among(view: View, ctx: Ctx) -> Iterator[Customer]:
    for some in customers.pages(ctx.db, stores=view.stores):
        yield from some


def _moved(among: Sequence[Customer], given: Sequence[str], view: View, ctx: Ctx) -> Outcome:
    """Whose tier or level is another one; other settings change nobody's."""
    tiers = [text for text in given if whatif_past.section(text) == "tiers"]
    return whatif.run(among, tiers, ctx) if tiers else Outcome(judged=len(among))


def _who(found: Outcome, view: View, ctx: Ctx) -> Iterator[Section]:
    if not found.examples:
        return
    named = bool(view.reader.roles & {MANAGER}) and view.names
    table = Table("who", "谁会变", (
        text("who", "客户"), text("owner", "顾问"), text("kind", "什么"), text("was", "现在"),
        text("now", "改了以后"), text("why", "理由")), (),
        f"举{whatif.EXAMPLES}位以内的例子。" + ("" if named else "您看不到姓名。"))  # fmt: skip
    staff = not view.reader.roles <= {BRAND}
    lines = (
        Line((m.customer.name if named else f"客户{n}",
              ctx.team.name(m.customer.owner) if staff else None, kind, was, now, m.reason),
             f"customer?id={m.customer.id}" if named else "")
        for n, m in enumerate(found.examples[:SHOWN], 1) for kind, was, now in m.kinds
    )  # fmt: skip
    yield section(table, lines, view)
