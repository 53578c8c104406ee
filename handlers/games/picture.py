"""看图猜车: a picture of the material library where there is one, and clues from the facts."""

from collections.abc import Sequence

from handlers.games import guessing
from handlers.games.base import Game, Kit, State
from handlers.games.truth import NO_FACTS

CLUES = 6


def setup(kit: Kit, played: Sequence[State]) -> State | str:
    """A model whose clues do not name it."""
    entries = [e for model in kit.facts.model if len((e := _entry(model.name, kit))["clues"]) > 1]
    if not entries:
        return NO_FACTS
    recent = played[: len(entries) - 1]
    found = guessing.fresh(entries, kit, recent)
    rest = found["clues"][1:]
    kit.rng.shuffle(rest)
    clues = [found["clues"][0], *rest[: CLUES - 1]]
    state = guessing.begin(found["id"], clues, found["answers"], found["explain"], kit)
    pictures = [name for model, name in kit.pictures if model == found["id"]]
    return {**state, "picture": kit.rng.choice(pictures) if pictures else "", "shown": 2}


def _entry(name: str, kit: Kit) -> State:
    model = next(m for m in kit.facts.model if m.name == name)
    facts = [f for f in kit.facts.on(kit.day) if f.model == name and f.label]
    seats = "或".join(str(n) for n in model.seats)
    first = "，".join(filter(None, (model.energy, model.kind, seats and f"{seats}座")))
    clues = [first, *(f"{f.label} {f.shown}" for f in facts)]
    proof = f"{facts[0].text}（{facts[0].proof}）" if facts else ""
    return {"id": name, "clues": [c for c in clues if c and name.lower() not in c.lower()],
            "answers": [name], "explain": proof}  # fmt: skip


def opening(state: State) -> str:
    picture = f"（看素材图“{state['picture']}”）" if state["picture"] else ""
    return (
        f"🚗 看图猜车{picture}：这是哪款车？\n{guessing.shown(state)}\n"
        "@我 说 猜 加车型；要下一条线索说 提示。"
    )


GAME = Game(
    "看图猜车", "看图或看线索，说出车型，先猜中的得分。", setup, opening, guessing.play,
    guessing.ending, guessing.hint, starts=("猜车", "看图猜车型"), unit="题",
)  # fmt: skip
