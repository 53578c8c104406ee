"""The company's own files of rules: taken up when they change, unless they are broken.

Each of them is read once and kept by whoever reads it. What changes on disk is tried here first: a
file that is wrong is told with its line and what would be right, and the good one goes on working.
"""

import tomllib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from handlers import activities, cadence, cadence_table, sop, winback
from handlers.group_plans import plan as group_plan
from handlers.settings import Settings

Signature = tuple[tuple[str, int, int], ...]
WRONG = (OSError, ValueError)  # TOML that cannot be read is a ValueError, too


@dataclass(frozen=True, slots=True)
class Watched:
    """`problems` reads the files as they are now; `forget` has them read anew by their users."""

    what: str
    place: Path
    problems: Callable[[], Sequence[object]]
    warm: Callable[[], Any]
    forget: Callable[[], None]

    def signature(self) -> Signature:
        """Names, times and sizes; () where there is nothing."""
        files = sorted(self.place.glob("*.toml")) if self.place.is_dir() else [self.place]
        return tuple(_stamps(files))

    def wrong(self) -> list[str]:
        """Everything that is wrong, each with its file."""
        try:
            return [str(problem) for problem in self.problems()]
        except WRONG as exc:
            return [_plain(exc, self.place.name)]


def _stamps(files: Sequence[Path]) -> Iterator[tuple[str, int, int]]:
    for file in files:
        if file.exists():
            stat = file.stat()
            yield file.name, stat.st_mtime_ns, stat.st_size


def _plain(exc: Exception, name: str) -> str:
    if isinstance(exc, tomllib.TOMLDecodeError):
        return f"{name} 不是合法的 TOML（{exc}），请改这一行"
    if isinstance(exc, OSError):
        return f"{name} 读不到：{exc.strerror}"
    return str(exc)


def watched(settings: Settings) -> tuple[Watched, ...]:
    """Those that the settings name."""
    found = (
        _plans(settings.sop.plans), _rooms(settings.group_sop.plans),
        _reasons(settings.lost.reasons), _templates(settings.activities.templates),
        _cadence(settings.followups.table),
    )  # fmt: skip
    return tuple(one for one in found if str(one.place) != ".")


def _plans(folder: str) -> Watched:
    return Watched("SOP 计划", Path(folder), lambda: sop.read_folder(Path(folder))[1],
                   lambda: sop.known(folder), sop.forget)  # fmt: skip


def _rooms(folder: str) -> Watched:
    return Watched("社群计划", Path(folder), lambda: group_plan.read_folder(Path(folder))[1],
                   lambda: group_plan.own(folder), group_plan.own.cache_clear)  # fmt: skip


def _reasons(file: str) -> Watched:
    def problems() -> Sequence[object]:
        winback.read(Path(file))
        return ()

    return Watched("召回理由", Path(file), problems, lambda: winback.reasons(file),
                   winback.reasons.cache_clear)  # fmt: skip


def _templates(folder: str) -> Watched:
    def problems() -> Sequence[object]:
        for file in sorted(Path(folder).glob("*.toml")):
            activities.read(file)
        return ()

    return Watched("活动模板", Path(folder), problems, lambda: activities.templates(folder),
                   activities.templates.cache_clear)  # fmt: skip


def _cadence(file: str) -> Watched:
    def problems() -> Sequence[object]:
        cadence_table.with_own(Path(file))
        return ()

    return Watched("节奏表", Path(file), problems, lambda: cadence.table(file),
                   cadence.table.cache_clear)  # fmt: skip


@dataclass(slots=True)
class Watch:
    """What is on disk as it was when it was looked at last."""

    files: tuple[Watched, ...]
    seen: dict[str, Signature]

    @classmethod
    def over(cls, settings: Settings) -> "Watch":
        """Read everything that is right now, so that what breaks later cannot take its place."""
        found = watched(settings)
        for one in found:
            if not one.wrong():
                one.warm()
        return cls(found, {one.what: one.signature() for one in found})

    def look(self) -> list[str]:
        """What was taken up, or what is wrong and goes on as it was; each change is told once."""
        said: list[str] = []
        for one in self.files:
            now = one.signature()
            if now != self.seen[one.what]:
                self.seen[one.what] = now
                said += _taken(one)
        return said


def _taken(one: Watched) -> list[str]:
    if wrong := one.wrong():
        return [f"{one.what}有错，继续用旧的：{'；'.join(wrong[:5])}"]
    one.forget()
    one.warm()
    return [f"{one.what}已更新"]
