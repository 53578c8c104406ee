"""素材 提车: pictures, films and owners' words for an advisor to pass on."""

import re
from collections.abc import Iterator

from rapidfuzz import fuzz

from handlers import acts
from handlers.context import Ctx
from handlers.values import Action, Inbound, Media, Send
from nlp.labels import CONCERNS
from nlp.normalise import plain
from scriptbank.script import Script
from storage import dialogs, materials
from storage.materials import Material

OWNERS = ("试驾感受", "提车分享")  # told by somebody, who must have agreed
KINDS = {"图片": "image", "视频": "video", "文件": "file", "试驾感受": "", "提车分享": ""}
PICTURES, FILMS = (".jpg", ".jpeg", ".png"), (".mp4",)
SHOWN = 6
LIKE = 60  # of 100: what is less alike was not asked for
NONE = "素材库里没有这样的素材。运营可以用 salesbot materials add 添加。"


def search(match: re.Match[str], msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    """A numbered list; 发素材 2 hands one over."""
    found = find(match["words"] or "", ctx)
    if not found:
        yield Send(msg.sender, NONE)
        return
    dialogs.begin(ctx.db, dialog_id=ctx.new_id(), member=msg.sender, kind="materials",
                  body={"ids": [m.id for m in found]}, now=ctx.now)  # fmt: skip
    rows = [f"{n}. [{m.kind}] {m.title}{_until(m)}" for n, m in enumerate(found, 1)]
    yield Send(msg.sender, "\n".join([*rows, "回复 发素材 1，我发给您转给客户。"]))


def _until(material: Material) -> str:
    return f"（到{material.valid_to}）" if material.valid_to else ""


def find(words: str, ctx: Ctx) -> list[Material]:
    """Those in use that the words name, the likest first; all of them without words."""
    wanted = plain(words).strip()
    scored = [(_likeness(wanted, m), m) for m in materials.live(ctx.db, ctx.today)]
    best = sorted(scored, key=lambda pair: -pair[0])
    return [m for score, m in best if not wanted or score >= LIKE][:SHOWN]


def _likeness(wanted: str, material: Material) -> float:
    concerns = [CONCERNS[code] for code in material.concerns.split() if code in CONCERNS]
    told = " ".join((material.kind, material.title, material.models, *concerns, material.words))
    parts = wanted.split() or [wanted]
    return min(fuzz.partial_ratio(part, plain(told)) for part in parts)


def hand(match: re.Match[str], msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    dialog = acts.recent(msg.sender, ctx, "materials")
    ids = dialog.body["ids"] if dialog else []
    n = int(match["n"] or 1)
    material = materials.get(ctx.db, ids[n - 1]) if 1 <= n <= len(ids) else None
    if material is None or not usable(material, ctx):
        said = f"请回复 发素材 1 到 发素材 {len(ids)}。" if ids else "先回复 素材 加关键词。"
        yield Send(msg.sender, said if material is None else "这份素材已经停用或过期。")
        return
    yield from out(material, msg.sender)


def out(material: Material, member: str) -> Iterator[Action]:
    """As something that can be passed on: the file itself, the address, the words."""
    link = material.place if is_link(material.place) else ""
    if material.place and not link:
        yield Media(member, media_kind(material), material.id, material.title, material.place)
    if said := "\n".join(part for part in (material.words, link) if part):
        yield Send(member, said)


def attached(script: Script, member: str, ctx: Ctx) -> Iterator[Action]:
    """What goes with a script that was taken; what has expired stays behind."""
    for reference in script.attachments:
        material = materials.get(ctx.db, reference)
        if material and usable(material, ctx):
            yield from out(material, member)


def usable(material: Material, ctx: Ctx) -> bool:
    in_date = material.valid_to is None or ctx.today <= material.valid_to
    return material.state == "live" and in_date


def media_kind(material: Material) -> str:
    """image, video or file, as WeCom calls them."""
    low = material.place.lower()
    return "image" if low.endswith(PICTURES) else "video" if low.endswith(FILMS) else "file"


def is_link(place: str) -> bool:
    return place.startswith(("https://", "http://"))
