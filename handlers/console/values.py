"""What a page is made of: figures, a picture, tables; and who looks, at what, since when."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from handlers.proposals import Rule
from handlers.tables import Cell, Table
from nlp.lexicon import Lexicon


class Missing(LookupError):
    """There is no such thing for this reader, whether or not it exists for somebody else."""


@dataclass(frozen=True, slots=True)
class Stat:
    label: str
    value: str
    note: str = ""
    warn: bool = False


@dataclass(frozen=True, slots=True)
class Series:
    name: str
    values: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """`kind`: bar or line; None in a series is a gap, not a zero."""

    title: str
    kind: str
    labels: tuple[str, ...]
    series: tuple[Series, ...]
    percent: bool = False


@dataclass(frozen=True, slots=True)
class Act:
    """A button beside a row: what is done, to which."""

    what: str
    id: str
    label: str
    to: str = "replay"  # the address that is asked to do it


@dataclass(frozen=True, slots=True)
class Section:
    """A table with its picture; `links` lead from the first cell of a row, "" leads nowhere."""

    table: Table
    chart: Chart | None = None
    links: tuple[str, ...] = ()
    acts: tuple[Act | None, ...] = ()


@dataclass(frozen=True, slots=True)
class Choice:
    """A filter: its name in the address, what it is called, and what can be chosen."""

    key: str
    title: str
    options: tuple[tuple[str, str], ...]
    chosen: str = ""


@dataclass(frozen=True, slots=True)
class Field:
    """`kind`: line, wide, text (several lines), choice, hidden, shown (not to be changed), head."""

    name: str
    label: str
    value: str = ""
    kind: str = "line"
    options: tuple[tuple[str, str], ...] = ()
    note: str = ""
    rows: int = 3


@dataclass(frozen=True, slots=True)
class Button:
    do: str
    label: str
    main: bool = False


@dataclass(frozen=True, slots=True)
class Form:
    """What somebody fills in, sent to the page `to`; one that `asks` only changes nothing."""

    title: str
    to: str
    fields: tuple[Field, ...]
    buttons: tuple[Button, ...]
    note: str = ""
    asks: bool = False


@dataclass(frozen=True, slots=True)
class Piece:
    """Words in a line; `mark`: "" as they are, gone, come, told (what caused something)."""

    text: str
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Panel:
    """What the program says beside a form; `tone`: "", ok, warn, bad."""

    title: str
    lines: tuple[tuple[Piece, ...], ...]
    tone: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """`tone` is good, bad, open or "" for what is neither."""

    at: str
    label: str
    count: str
    state: str
    tone: str = ""


@dataclass(frozen=True, slots=True)
class Planned:
    """A day of an agenda."""

    key: str
    number: str
    weekday: str
    today: bool
    chosen: bool
    entries: tuple[Entry, ...] = ()
    more: str = ""


@dataclass(frozen=True, slots=True)
class Agenda:
    """Weeks of seven days from Monday on; None stands for a day of another month."""

    title: str
    weeks: tuple[tuple[Planned | None, ...], ...]


@dataclass(frozen=True, slots=True)
class Page:
    title: str
    lead: str = ""
    stats: tuple[Stat, ...] = ()
    text: str = ""  # to be read as it stands
    sections: tuple[Section, ...] = ()
    choices: tuple[Choice, ...] = ()
    search: str | None = None  # the words in the search box, None where there is none
    next: str = ""  # where the following rows begin
    clock: bool = True  # whether a period can be chosen
    agenda: Agenda | None = None
    forms: tuple[Form, ...] = ()
    panels: tuple[Panel, ...] = ()
    hint: str = "姓名"  # what can be searched for
    timed: bool = False  # whether it is told how long it took


@dataclass(frozen=True, slots=True)
class Reader:
    """Somebody with a session: their roles, and the stores whose data they see."""

    member: str
    name: str
    roles: frozenset[str]
    stores: tuple[str, ...]
    names: bool  # sees who the customers are


@dataclass(frozen=True, slots=True)
class Setting:
    """One key of the configuration as the program runs with it; a secret shows no value."""

    key: str
    group: str
    value: str
    default: str
    source: str
    meaning: str
    paste: str = ""  # what to write into the file to change it


@dataclass(frozen=True, slots=True)
class Way:
    """A surface as the configuration has it: on, or off and why."""

    name: str
    title: str
    on: bool
    said: str


def _no_settings() -> tuple[tuple[Setting, ...], str]:
    return (), ""


def _no_lexicon(_: Sequence[Rule]) -> tuple[Lexicon, tuple[str, ...]]:
    return Lexicon.load(None), ()


@dataclass(frozen=True, slots=True)
class Lent:
    """What only the shell knows: files of the configuration and of the lexicon.

    `settings` gives every key and what is wrong with the file; `teach` the lexicon with further
    rules and what is doubtful about them. `own` are the rules of the company's own file.
    """

    settings: Callable[[], tuple[tuple[Setting, ...], str]] = _no_settings
    teach: Callable[[Sequence[Rule]], tuple[Lexicon, tuple[str, ...]]] = _no_lexicon
    own: Callable[[], tuple[tuple[str, Rule], ...]] = tuple
    writable: bool = False  # whether there is an own folder for the lexicon
    ways: tuple[Way, ...] = ()


@dataclass(frozen=True, slots=True)
class View:
    """What a reader wants to see: some of their stores, a span, and what the address says."""

    reader: Reader
    stores: tuple[str, ...]
    since: datetime
    until: datetime
    words: str  # the span as people say it
    query: Mapping[str, str] = field(default_factory=dict)
    whole: bool = False  # every row, for a file
    lent: Lent = field(default_factory=Lent)

    @property
    def names(self) -> bool:
        return self.reader.names


Row = tuple[Cell, ...]
