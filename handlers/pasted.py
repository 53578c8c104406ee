"""The customer's words, pasted by an advisor: whose they are, and what to make of them."""

from collections.abc import Iterator

from handlers import acts, answers, names, paste, pick, suggest
from handlers.context import Ctx
from handlers.values import Action, Inbound, Send
from nlp import mask
from storage import dialogs


def customer_words(words: str, msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    """What is no command is taken for a customer's words, pasted by the advisor."""
    me = ctx.team.name(msg.sender)
    chat = paste.transcript(words, me)
    if chat and chat.unclear:
        return _who_speaks(chat, words, msg, ctx)
    pasted = chat or paste.told(words)
    if pasted and pasted.text:
        return acts.with_customer(
            pasted.name, msg.sender, {"do": "words", "text": pasted.text}, ctx
        )
    short = paste.named(words)
    if short and _is_name(short.name, msg.sender, ctx):
        then = {"do": "words", "text": short.text}
        return acts.with_customer(short.name, msg.sender, then, ctx)
    customer = acts.focused(msg.sender, ctx)
    if customer is None:
        return nameless(words, msg, ctx)
    if _says_nothing(words, msg.sender, ctx):
        return iter([Send(msg.sender, answers.LOST)])
    return acts.booked(customer, words, msg.sender, ctx)


def _is_name(name: str, member: str, ctx: Ctx) -> bool:
    """A customer's name, or what is plainly called like one."""
    return name.endswith(names.TITLES) or bool(names.find(name, names.visible(member, ctx)).exact)


def _says_nothing(words: str, member: str, ctx: Ctx) -> bool:
    """Neither a question nor anything understood: a slip rather than a customer's words."""
    reading = pick.read(words, ctx)
    said = reading.concerns or reading.intents or reading.signals
    return not said and reading.speech_act != "question"


def _who_speaks(chat: paste.Paste, words: str, msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    if not chat.unclear:
        yield Send(msg.sender, answers.LOST)
        return
    body = {"speakers": list(chat.unclear), "text": words}
    dialogs.begin(ctx.db, dialog_id=ctx.new_id(), member=msg.sender, kind="which", body=body,
                  now=ctx.now)  # fmt: skip
    rows = [f"{n}. {name}" for n, name in enumerate(chat.unclear, 1)]
    yield Send(msg.sender, "\n".join(["这段记录里有几个人说话，哪位是客户？", *rows, "回复序号。"]))


def nameless(words: str, msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    """Nobody was named: scripts at once, and a question who it was."""
    if _says_nothing(words, msg.sender, ctx):
        yield Send(msg.sender, answers.LOST)
        return
    reading = pick.read(words, ctx)
    yield from suggest.show(words, reading, None, None, msg.sender, (), ctx)
    body = {"text": mask.phones(words)}
    dialogs.begin(ctx.db, dialog_id=ctx.new_id(), member=msg.sender, kind="who", body=body,
                  now=ctx.now)  # fmt: skip
    yield Send(msg.sender, "这是哪位客户说的？回复姓名，我记到TA名下；不用记就回复 0。")
