"""All games there are: every file of this folder that holds a `GAME`."""

import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

from handlers.games.base import Game


def _found() -> Iterator[Game]:
    for module in pkgutil.iter_modules([str(Path(__file__).parent)]):
        if module.name in ("alone", "found", "host", "lobby", "control"):
            continue  # they import this one
        game = getattr(importlib.import_module(f"handlers.games.{module.name}"), "GAME", None)
        if isinstance(game, Game):
            yield game


GAMES: Mapping[str, Game] = MappingProxyType({game.name: game for game in _found()})
