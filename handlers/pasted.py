"""The customer's words, pasted by an advisor: whose they are, and what to make of them."""

from collections.abc import Iterator

from handlers import acts, answers, paste, pick, suggest
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
    customer = acts.focused(msg.sender, ctx)
    if customer:
        return acts.booked(customer, words, msg.sender, ctx)
    return nameless(words, msg, ctx)


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
    reading = pick.read(words, ctx)
    found = pick.find(words, reading, None, msg.sender, (), ctx)
    empty = not (reading.concerns or reading.intents or reading.slots)
    if empty and not found.confident and reading.speech_act != "question":
        yield Send(msg.sender, answers.LOST)
        return
    yield from suggest.show(words, reading, None, None, msg.sender, (), ctx)
    body = {"text": mask.phones(words)}
    dialogs.begin(ctx.db, dialog_id=ctx.new_id(), member=msg.sender, kind="who", body=body,
                  now=ctx.now)  # fmt: skip
    yield Send(msg.sender, "这是哪位客户说的？回复姓名，我记到TA名下；不用记就回复 0。")
