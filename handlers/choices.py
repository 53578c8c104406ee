"""A question with a few answers: as a card to tap, or by its digits."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from handlers.context import Ctx
from handlers.values import Button, Card
from storage import dialogs

MOST = 6  # buttons of a card


@dataclass(frozen=True, slots=True)
class Choice:
    """`do` names what an answer is for; `options` are words and what they stand for."""

    do: str
    title: str
    text: str
    options: tuple[tuple[str, str], ...]
    about: Mapping[str, str] = field(default_factory=dict)


def ask(member: str, choice: Choice, ctx: Ctx) -> Card:
    options = choice.options[:MOST]
    dialog = ctx.new_id()
    body: dict[str, Any] = {**choice.about, "do": choice.do, "options": options}
    dialogs.begin(ctx.db, dialog_id=dialog, member=member, kind="choice", body=body, now=ctx.now)
    buttons = tuple(Button(words, f"pick:{n}", 1 if n == 1 else 2)
                    for n, (words, _) in enumerate(options, 1))  # fmt: skip
    digits = "、".join(f"{n} {words}" for n, (words, _) in enumerate(options, 1))
    return Card(to=member, task_id=dialog, title=choice.title, buttons=buttons,
                text=f"{choice.text}也可以回复序号：{digits}。")  # fmt: skip
