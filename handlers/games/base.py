"""What a game is: plain JSON state, a set-up, and moves that give the next state.

A game is a value; its functions know no clock, no store and no network. The host lends it facts
and seeded chance, keeps its state after every move and books what its turns give.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal

from scriptbank.facts import Facts

State = dict[str, Any]
Questions = Sequence[Mapping[str, Any]]
Gain = tuple[str, int]  # player, points
LETTERS = "ABCDEFGH"


@dataclass(frozen=True, slots=True)
class Kit:
    """What a set-up may draw on. `subject` is what was said after the game's name."""

    rng: random.Random
    day: date
    questions: Questions = ()
    facts: Facts = field(default_factory=Facts)
    pictures: tuple[tuple[str, str], ...] = ()  # model, name of a picture in the material library
    subject: str = ""
    when: date | None = None  # a day that the subject names
    by: str = ""  # who starts it
    worth: int = 5  # points for a right answer


@dataclass(frozen=True, slots=True)
class Turn:
    """The state after a move and what to say.

    `gains` are booked at once; `bonus` pays only when enough people took part. `took` is false
    when the move did not count, so that the player may try again.
    """

    state: State
    say: str
    gains: tuple[Gain, ...] = ()
    bonus: tuple[Gain, ...] = ()
    over: bool = False
    took: bool = True


def forget(state: State, player: str) -> State:
    """Without whatever the state holds of a player, who left the games in the middle of one."""
    return {key: _without(value, player) for key, value in state.items()}


def _without(value: Any, player: str) -> Any:
    if isinstance(value, dict):
        return {k: _without(v, player) for k, v in value.items() if k != player and v != player}
    if isinstance(value, list):
        return [_without(v, player) for v in value if not _theirs(v, player)]
    return value


def _theirs(value: Any, player: str) -> bool:
    return value == player or (isinstance(value, dict) and value.get("by") == player)


def _no_hint(_: State) -> tuple[State, str] | None:
    return None


def _no_menu(_: State) -> tuple[str, ...]:
    return ()


@dataclass(frozen=True, slots=True)
class Game:
    """`setup` answers in words when it cannot; `play` with None when the text is no move.

    `ending` is for when the time is up or the starter closes it. `pace` says which time limit
    holds: a question, a round, a chain that each move prolongs, or days beside other games.
    """

    name: str
    rules: str
    setup: Callable[[Kit, Sequence[State]], State | str]
    opening: Callable[[State], str]
    play: Callable[[State, str, str, str], Turn | None]
    ending: Callable[[State], Turn]
    hint: Callable[[State], tuple[State, str] | None] = _no_hint
    menu: Callable[[State], tuple[str, ...]] = _no_menu
    forget: Callable[[State, str], State] = forget
    starts: tuple[str, ...] = ()  # what else one may say to start it
    subject: bool = False  # whether words follow its name
    pace: Literal["question", "round", "chain", "days"] = "question"
    unit: str = "局"

    @property
    def aside(self) -> bool:
        """Runs for days beside the one game a group plays."""
        return self.pace == "days"
