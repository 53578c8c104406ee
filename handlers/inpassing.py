"""王女士没接电话, 给王女士发了配置表, 把王女士转给李娜: said of a customer in passing.

A customer who is named is the one who is meant, never the one who was looked at before. What is
none of the things below is what they care about, or is said not to be understood.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from handlers import (
    acts,
    cards,
    corrections,
    digest_lines,
    escalation,
    journey,
    names,
    reminding,
    suggest,
    whens,
)
from handlers import inpassing_words as said_
from handlers.context import Ctx
from handlers.values import Action, Inbound, Send
from storage import dialogs

EDGES = " 　，,：:。.！!~、"
LOST = (
    "没看懂要给{name}做什么。可以这样说：\n· 记录 {name} 到店\n· {name}说：冬天续航怎么样\n"
    "· 已联系 {name}\n· {name}"
)
UNREACHED = (
    "好，这次不算联系上。什么时候再联系{name}？回复 明早、下午3点 都行；"
    "发过消息了回复 已联系 {name}"
)
REPLIED = "好。把{name}的话直接贴过来，我给话术；聊完了回复 已联系 {name}"
TO_THEM = (
    "这像是要发给{name}的话，没有记到TA名下。想知道能不能这样发，回复 检查 加这句话；"
    "是TA说的，回复 {name}说：…"
)
ONE_BY_ONE = "说到了{names}，要一起记的话请写清做了什么，例如：{both}都到店了；其余请一位一位说。"
FAR = timedelta(days=7)  # what is put off for longer is frozen, so that nothing else reminds
MOST = 5  # customers in one breath


@dataclass(frozen=True, slots=True)
class Said:
    """`head` and `rest` stand before and after the name."""

    name: str
    head: str
    rest: str
    msg: Inbound


_GREETS = re.compile(r"(?:您好|你好|早上好|上午好|中午好|下午好|晚上好|早安|新年好|节日快乐)")
_WANTS = re.compile(r"(?:还|也|又|一直|很|挺)?(?:想|要|打算|准备|觉得|希望|考虑|愿意|决定)")
_SOMEBODY = re.compile(r"我(?:来|想|要|看|觉得|家|老婆|老公|朋友|就|也)|(?:介绍|推荐)了?我")
Answer = Callable[[re.Match[str], Said, Ctx], Iterator[Action] | None]


def said(words: str, known: Sequence[str], msg: Inbound, ctx: Ctx) -> Iterator[Action] | None:
    """None where nobody is named, or the words may as well be those of a customer."""
    named = _named(words, known)
    if not named or len(words) > 60 or "\n" in words:
        return None
    if len(named) > 1:
        if merged := said_.SAME.fullmatch(words):
            then = {"do": "merge", "text": merged["other"]}
            return acts.with_customer(merged["name"], msg.sender, then, ctx)
        text = ONE_BY_ONE.format(names="、".join(named), both="和".join(named[:2]))
        return iter([Send(msg.sender, text)])
    head, _, rest = words.partition(named[0])
    one = Said(named[0], head.strip(EDGES).removesuffix("客户"), rest.strip(EDGES), msg)
    for pattern, answer in TABLE:
        match = pattern.fullmatch(f"{one.head}|{one.rest}")
        if match and (actions := answer(match, one, ctx)) is not None:
            return actions
    return None if one.head else _theirs(one, ctx)


def _named(words: str, known: Sequence[str]) -> list[str]:
    """The names that stand in these words, in their order; 王女 is not seen in 王女士."""
    found: list[tuple[int, str]] = []
    for name in sorted(dict.fromkeys(known), key=len, reverse=True):
        if name and name in words:
            found.append((words.index(name), name))
            words = words.replace(name, "\0" * len(name))
    return [name for _, name in sorted(found)]


def _do(do: str, text: str = "") -> Answer:
    def answer(_: re.Match[str], one: Said, ctx: Ctx) -> Iterator[Action]:
        return acts.with_customer(one.name, one.msg.sender, {"do": do, "text": text}, ctx)

    return answer


def _theirs(one: Said, ctx: Ctx) -> Iterator[Action] | None:
    """嫌贵, 老公不同意: what they care about; otherwise there is nothing that could be kept."""
    if _GREETS.match(one.rest):
        return iter([Send(one.msg.sender, TO_THEM.format(name=one.name))])
    if _SOMEBODY.search(one.rest):
        return None
    reading = ctx.read(one.rest)
    wants = reading.intents and _WANTS.match(one.rest)
    known = any(s.kind not in ("datetime", "phone") for s in reading.slots)
    if reading.concerns or wants or (known and reading.speech_act != "question"):
        then = {"do": "words", "text": one.rest}
        return acts.with_customer(one.name, one.msg.sender, then, ctx)
    if reading.speech_act == "question":
        return _searched(one.rest, one, ctx)
    return iter([Send(one.msg.sender, LOST.format(name=one.name))])


def _searched(words: str, one: Said, ctx: Ctx) -> Iterator[Action]:
    """Scripts for them; nothing is kept as their own words."""
    customer = names.look(one.name, one.msg.sender, ctx).one
    if customer:
        cards.focus(customer, one.msg.sender, ctx)
    return suggest.search(words, one.msg.sender, customer, ctx)


def _how(match: re.Match[str], one: Said, ctx: Ctx) -> Iterator[Action]:
    """装不了充电桩怎么办 tells a worry as well as it asks for words."""
    if ctx.read(match["what"]).concerns:
        then = {"do": "words", "text": match["what"]}
        return acts.with_customer(one.name, one.msg.sender, then, ctx)
    return _searched(match["what"], one, ctx)


def _silent(_: re.Match[str], one: Said, ctx: Ctx) -> Iterator[Action]:
    return _searched("客户不回消息怎么跟进", one, ctx)


def _advice(_: re.Match[str], one: Said, ctx: Ctx) -> Iterator[Action] | None:
    """What to say next: of what is unresolved, else of the moment."""
    customer = names.look(one.name, one.msg.sender, ctx).one
    return acts.advise(customer, one.msg.sender, ctx) if customer else None


def _unreached(match: re.Match[str], one: Said, ctx: Ctx) -> Iterator[Action] | None:
    """Nobody answered: no contact, so a time is asked for that may be said alone."""
    customer = names.look(one.name, one.msg.sender, ctx).one
    if customer is None:
        return None
    if at := whens.said(match.groupdict().get("later") or "", ctx):
        return acts.snoozer(at)(customer, None, one.msg.sender, ctx)
    dialogs.begin(ctx.db, dialog_id=ctx.new_id(), member=one.msg.sender, kind="item",
                  body={"customer": customer.id, "followup": ""}, now=ctx.now)  # fmt: skip
    return iter([Send(one.msg.sender, UNREACHED.format(name=one.name))])


def _replied(_: re.Match[str], one: Said, ctx: Ctx) -> Iterator[Action] | None:
    """That they have answered, without what: their words are what helps."""
    customer = names.look(one.name, one.msg.sender, ctx).one
    if customer is None:
        return None
    cards.focus(customer, one.msg.sender, ctx)
    return iter([Send(one.msg.sender, REPLIED.format(name=one.name))])


def _later(match: re.Match[str], one: Said, ctx: Ctx) -> Iterator[Action] | None:
    """下周三再联系, 过年再说: put off, or frozen where that is far."""
    customer = names.look(one.name, one.msg.sender, ctx).one
    at = whens.said(match["when"], ctx)
    if at is None or customer is None:
        return None
    if at - ctx.now > FAR:
        then = {"do": "record", "text": f"冷冻到{match['when']}"}
        return acts.perform(customer, one.msg.sender, then, ctx)
    return acts.snoozer(at)(customer, None, one.msg.sender, ctx)


def _reminded(match: re.Match[str], one: Said, ctx: Ctx) -> Iterator[Action] | None:
    """周五给王女士打电话: a time ahead and something to do is a reminder."""
    words = f"{match['head']}{one.name}{match['rest']}"
    if whens.said(match["head"], ctx) is None or ctx.read(words).speech_act == "question":
        return None
    return reminding.plainly(words, one.msg, ctx)


def _level(match: re.Match[str], one: Said, ctx: Ctx) -> Iterator[Action]:
    text = "，".join(filter(None, (match["to"], match["why"])))
    return acts.with_customer(one.name, one.msg.sender, {"do": "override", "text": text}, ctx)


def _moved(match: re.Match[str], one: Said, ctx: Ctx) -> Iterator[Action] | None:
    """把王女士转给李娜: a manager decides, an advisor hands over what is theirs."""
    to = match["to"]
    if to not in {a.name for a in ctx.settings.advisors}:
        return None
    if ctx.team.in_charge(one.msg.sender):
        return escalation.move(to, one.name, one.msg.sender, ctx)
    then = {"do": "hand_over", "text": to}
    return acts.with_customer(one.name, one.msg.sender, then, ctx)


def _noted(match: re.Match[str], one: Said, ctx: Ctx) -> Iterator[Action] | None:
    """备注 王女士 喜欢白色: stays on the card."""
    customer = names.look(one.name, one.msg.sender, ctx).one
    return digest_lines.keep(customer, match["note"], one.msg.sender, ctx) if customer else None


def _wrong_tag(_: re.Match[str], one: Said, ctx: Ctx) -> Iterator[Action] | None:
    customer = names.look(one.name, one.msg.sender, ctx).one
    return corrections.ask(customer, one.msg.sender, ctx) if customer else None


def _stars(match: re.Match[str], one: Said, ctx: Ctx) -> Iterator[Action]:
    then = {"do": "rate", "text": f"{match['stars']} {match['more'] or ''}".strip()}
    return acts.with_customer(one.name, one.msg.sender, then, ctx)


def _merged(match: re.Match[str], one: Said, ctx: Ctx) -> Iterator[Action]:
    then = {"do": "merge", "text": match["other"]}
    return acts.with_customer(one.name, one.msg.sender, then, ctx)


def _urged(match: re.Match[str], one: Said, ctx: Ctx) -> Iterator[Action] | None:
    """提醒张伟联系王女士, by whoever runs the store: the advisor reads it now."""
    customer = names.look(one.name, one.msg.sender, ctx).one
    if customer is None or ctx.team.in_charge(one.msg.sender) is None:
        return None
    whose = ctx.team.name(customer.owner)
    if not whose or not match["what"].startswith(whose):
        return None
    words = f"{match['what'].removeprefix(whose)}{one.name}{one.rest}"
    return digest_lines.tell(customer, words, one.msg.sender, ctx)


def _record(template: str) -> Answer:
    """As if it had been logged with these words."""

    def answer(match: re.Match[str], one: Said, ctx: Ctx) -> Iterator[Action]:
        then = {"do": "record", "text": template.format(**match.groupdict())}
        return acts.with_customer(one.name, one.msg.sender, then, ctx)

    return answer


def _lost(_: re.Match[str], one: Said, ctx: Ctx) -> Iterator[Action]:
    return acts.with_customer(one.name, one.msg.sender, {"do": "lost", "text": one.rest}, ctx)


def _bought(match: re.Match[str], one: Said, ctx: Ctx) -> Iterator[Action] | None:
    """买了理想L6 is a loss where another brand is named."""
    reading = ctx.read(one.rest)
    other = reading.slot("rival") or any(c.code == "rival" for c in reading.concerns)
    return _lost(match, one, ctx) if other else None


def _done_and(match: re.Match[str], one: Said, ctx: Ctx) -> Iterator[Action] | None:
    """已联系王女士，约了周六上午: both, one after the other."""
    more = (match["more"] or "").strip(EDGES)
    if more and _NOBODY.fullmatch(f"|{more}"):
        return _unreached(match, one, ctx)
    steps = [{"do": "done"}]
    if more and journey.parse(more, ctx):
        steps.append({"do": "record", "text": more})
    elif more and ctx.read(more).concerns:
        steps.append({"do": "words", "text": more})
    return (action for then in steps
            for action in acts.with_customer(one.name, one.msg.sender, then, ctx))  # fmt: skip


def _done_to(match: re.Match[str], one: Said, ctx: Ctx) -> Iterator[Action] | None:
    """给李先生报价19.8万了: an event that the advisor took part in."""
    words = match["more"]
    if journey.parse(words, ctx) is None or ctx.read(words).speech_act == "question":
        return None
    then = {"do": "record", "text": words}
    return acts.with_customer(one.name, one.msg.sender, then, ctx)


def _phone(match: re.Match[str], one: Said, ctx: Ctx) -> Iterator[Action]:
    then = {"do": "correct", "text": f"电话 {re.sub('[^0-9]', '', match['phone'])}"}
    return acts.with_customer(one.name, one.msg.sender, then, ctx)


# Several in one breath

_NOBODY = re.compile(said_.NO_ANSWER)
_BOTH = re.compile(said_.BOTH)


def together(
    words: str, known: Sequence[str], msg: Inbound, ctx: Ctx
) -> Iterator[Action] | None:  # fmt: skip
    """王女士和李先生都到店了: the same for each of them, each taken back by itself."""
    named = _named(words, known)
    if not 2 <= len(named) <= MOST or "\n" in words:
        return None
    rest = words
    for name in named:
        rest = rest.replace(name, "")
    rest = re.sub(r"[\s，,、：:和跟与及]+|两[批位个]|[。！!]$", "", rest)
    if _BOTH.fullmatch(rest):
        return _each([(name, {"do": "done"}) for name in named], msg, ctx)
    if pairs := _clauses(words, named, ctx):
        return _each(pairs, msg, ctx)
    if ctx.read(rest).speech_act == "question" or not _happened(rest, ctx):
        return None
    text = re.sub(r"都|也", "", rest)
    return _each([(name, {"do": "record", "text": text}) for name in named], msg, ctx)


def _happened(words: str, ctx: Ctx) -> bool:
    notes = journey.everything(words, ctx)
    return bool(notes) and all(note.happened for note in notes)


def _clauses(
    words: str, named: Sequence[str], ctx: Ctx
) -> list[tuple[str, dict[str, str]]]:  # fmt: skip
    """王女士昨天到店，李先生下订了: to each their own; [] where it is not told like that."""
    found = []
    for clause in filter(None, re.split(r"[，,；;。！!]\s*", words)):
        name = next((n for n in named if clause.startswith(n)), "")
        rest = clause.removeprefix(name).strip(EDGES)
        if not name or any(n in rest for n in named) or not journey.parse(rest, ctx):
            return []
        found.append((name, {"do": "record", "text": rest}))
    return found


def _each(
    pairs: Sequence[tuple[str, dict[str, str]]], msg: Inbound, ctx: Ctx
) -> Iterator[Action]:  # fmt: skip
    for name, then in pairs:
        yield from acts.with_customer(name, msg.sender, then, ctx)


_WORDS: tuple[tuple[str, Answer], ...] = (
    (said_.STATE, _do("show")),
    (said_.LOOK, _do("show")),
    (said_.NEXT, _do("checklist")),
    (said_.WHY, _do("why")),
    (said_.NOTED, _noted),
    (said_.WRONG_TAG, _wrong_tag),
    (said_.STARS, _stars),
    (said_.ERASE, _do("erase")),
    (said_.NO_SOP, _do("leave_sop")),
    (said_.MERGE, _merged),
    (said_.SILENT, _silent),
    (said_.ADVICE, _advice),
    (said_.DONE, _do("done")),
    (said_.DONE_WITH, _do("done")),
    (said_.DONE_AND, _done_and),
    (said_.DONE_TO, _done_to),
    (said_.TOLD, _done_and),
    (said_.COMES, _do("appointment")),
    (said_.PHONE, _phone),
    (said_.NO_ANSWER, _unreached),
    (said_.REPLIED, _replied),
    (said_.DELETED, _record("退订")),
    (said_.LEAVE_ALONE, _record("退订")),
    (said_.GIVEN_UP, _lost),
    (said_.BOUGHT, _bought),
    (said_.LEVEL, _level),
    (said_.MOVE, _moved),
    (said_.PAUSE, _record("冷冻")),
    (said_.LATER, _later),
    (said_.URGED, _urged),
    (said_.TASK, _reminded),
    (said_.HOW, _how),
)  # the first that fits
TABLE = tuple((re.compile(f"^(?:{pattern})$"), answer) for pattern, answer in _WORDS)
