"""What a game is: plain JSON state, a set-up, and moves that give the next state."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

State = dict[str, Any]
Facts = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Turn:
    """The state after a move, what to say, and who has won, if that ends it."""

    state: State
    say: str
    winner: str = ""
    over: bool = False


class Game(Protocol):
    name: str
    rules: str

    def setup(self, facts: Facts, rng: random.Random, played: Sequence[State]) -> State: ...

    def opening(self, state: State) -> str: ...

    def play(self, state: State, player: str, name: str, text: str) -> Turn | None:
        """None when the text is chatter and no move."""
        ...

    def ending(self, state: State) -> str:
        """What to say when time is up."""
        ...
