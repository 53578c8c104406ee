"""The customer's words, pasted by an advisor: whose they are, and what to make of them."""

from collections.abc import Iterator
from datetime import timedelta

from handlers import (
    acts,
    answers,
    appointments,
    bursts,
    inpassing,
    journey,
    names,
    paste,
    suggest,
)
from handlers.context import Ctx
from handlers.values import Action, Inbound, Send
from nlp import mask
from storage import dialogs
from storage.dialogs import Dialog


def customer_words(words: str, msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    """What is no command is taken for a customer's words, pasted by the advisor."""
    chat = paste.transcript(words, ctx.team.name(msg.sender))
    if chat and chat.unclear:
        return _who_speaks(chat, words, msg, ctx)
    told = chat or paste.told(words) or _short(words, msg, ctx)
    if told and told.text and told.name:
        then = {"do": "words", "text": told.text, "own": told.own}
        return acts.with_customer(told.name, msg.sender, then, ctx)
    if actions := _about(words, msg, ctx):
        return actions
    return _bare(told.text if told and told.text else words, msg, ctx)


def _short(words: str, msg: Inbound, ctx: Ctx) -> paste.Paste | None:
    """李先生：保值率咋样, where that is a name and no list or time."""
    found = paste.named(words)
    return found if found and (not found.name or _is_name(found.name, msg.sender, ctx)) else None


def _about(words: str, msg: Inbound, ctx: Ctx) -> Iterator[Action] | None:
    """王女士; 王女士问冬天续航怎么样; 昨天王女士到店: a customer's name stands at its head."""
    known = [c.name for c in names.mentioned(words, msg.sender, ctx)]
    if not known:
        return None
    if actions := inpassing.together(words, known, msg, ctx):
        return actions
    found = paste.about(words, known) or _dated(words, known, ctx)
    actions = _named(*found, msg, ctx) if found else None
    return actions or inpassing.said(words, known, msg, ctx) or _another(words, known, msg, ctx)


def _another(
    words: str, known: list[str], msg: Inbound, ctx: Ctx
) -> Iterator[Action] | None:  # fmt: skip
    """Words that name somebody are not taken for those of the one who was looked at before."""
    customer = acts.focused(msg.sender, ctx)
    return nameless(words, msg, ctx) if customer and customer.name not in known else None


def _named(name: str, rest: str, msg: Inbound, ctx: Ctx) -> Iterator[Action] | None:
    if not rest:
        return acts.with_customer(name, msg.sender, {"do": "show"}, ctx)
    text = paste.asks(rest)
    if text and _of_appointment(name, text, msg.sender, ctx):
        return acts.with_customer(name, msg.sender, {"do": "record", "text": text}, ctx)
    if text:
        return acts.with_customer(name, msg.sender, {"do": "words", "text": text}, ctx)
    if journey.parse(rest, ctx) and ctx.read(rest).speech_act != "question":
        return acts.with_customer(name, msg.sender, {"do": "record", "text": rest}, ctx)
    return None


CHANGES = ("改期", "确认", "取消预约")


def _of_appointment(name: str, text: str, member: str, ctx: Ctx) -> bool:
    """王女士说不来了, where she was expected: the appointment is meant."""
    customer = names.look(name, member, ctx).one
    if customer is None or appointments.expected(customer, ctx) is None:
        return False
    note = journey.parse(text, ctx)
    return note is not None and note.kind in CHANGES


JUST = ("刚才", "刚刚", "刚", "现在")


def _dated(words: str, known: list[str], ctx: Ctx) -> tuple[str, str] | None:
    """昨天王女士到店: a time and nothing else before the name; the time goes with what was done."""
    name = next((n for n in known if n and n in words), "")
    head, _, rest = words.partition(name) if name else (words, "", "")
    head, rest = head.strip(" ，,"), rest.strip(" ，,：:")
    if not rest or not head or not (head in JUST or answers.timed(head, ctx)):
        return None
    return (name, f"{head}{rest}") if journey.parse(f"{head}{rest}", ctx) else None


def _bare(words: str, msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    """Words of whoever was named a moment ago, or of nobody."""
    customer = acts.focused(msg.sender, ctx)
    if customer is None:
        return nameless(words, msg, ctx)
    going_on = bursts.going_on(customer, "paste", msg.sender, ctx)
    if not going_on and _says_nothing(words, msg.sender, ctx):
        return iter([Send(msg.sender, answers.LOST)])
    return acts.booked(customer, words, msg.sender, ctx, piece=True)


def _is_name(name: str, member: str, ctx: Ctx) -> bool:
    """A customer's name, or what is plainly called like one."""
    return name.endswith(names.TITLES) or bool(names.look(name, member, ctx).exact)


def _says_nothing(words: str, member: str, ctx: Ctx) -> bool:
    """Neither a question nor anything understood: a slip rather than a customer's words."""
    reading = ctx.read(words)
    meant = [i for i in reading.intents if i.code != "chitchat"]
    said = reading.concerns or meant or reading.signals
    return not said and reading.speech_act != "question"


def _who_speaks(chat: paste.Paste, words: str, msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    if not chat.unclear:
        yield Send(msg.sender, answers.LOST)
        return
    body = {"speakers": list(chat.unclear), "text": mask.phones(words)}
    dialogs.begin(ctx.db, dialog_id=ctx.new_id(), member=msg.sender, kind="which", body=body,
                  now=ctx.now)  # fmt: skip
    rows = [f"{n}. {name}" for n, name in enumerate(chat.unclear, 1)]
    yield Send(msg.sender, "\n".join(["这段记录里有几个人说话，哪位是客户？", *rows, "回复序号。"]))


def _just_asked(member: str, ctx: Ctx) -> Dialog | None:
    """Whose words, asked so shortly before that these must be the rest of them."""
    window = timedelta(seconds=ctx.settings.nlp.burst_seconds)
    return dialogs.newest(ctx.db, member, ctx.now - window, "who") if window else None


def nameless(words: str, msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    """Nobody was named: scripts at once, and a question who it was."""
    if earlier := _just_asked(msg.sender, ctx):
        dialogs.close(ctx.db, earlier.id)
        words = bursts.joined([earlier.body["text"], words], ctx)
    if _says_nothing(words, msg.sender, ctx):
        yield Send(msg.sender, answers.LOST)
        return
    reading = ctx.read(words)
    yield from suggest.show(words, reading, None, None, msg.sender, (), ctx)
    body = {"text": mask.phones(words)}
    dialogs.begin(ctx.db, dialog_id=ctx.new_id(), member=msg.sender, kind="who", body=body,
                  now=ctx.now)  # fmt: skip
    yield Send(msg.sender, "这是哪位客户说的？回复姓名，我记到TA名下；不用记就回复 0。")
