"""What a handler may use: lent by the shell for one message or one tick."""

import hashlib
import itertools
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from handlers.audience import Audiences, standard
from handlers.dictionary import Dictionary, shipped
from handlers.settings import Settings
from handlers.team import Team
from nlp.lexicon import Lexicon
from nlp.model import Model
from nlp.reading import Reading
from scriptbank.bank import Bank
from scriptbank.facts import Facts
from scriptbank.script import Usage
from storage.db import Db


@dataclass(frozen=True, slots=True)
class Ctx:
    """`now` was read once; `cause` names the message or tick, ids are derived from it."""

    db: Db
    now: datetime
    lexicon: Lexicon
    bank: Bank
    rng: random.Random
    settings: Settings
    team: Team
    cause: str
    model: Model | None = None  # the learnt layer, where a company has trained one
    usage: Mapping[str, Usage] | None = None  # how scripts fared, when it was counted already
    quiz: tuple[Mapping[str, object], ...] = ()
    facts: Facts = field(default_factory=Facts)  # what is known of the models
    tags: Dictionary = field(default_factory=shipped)  # what gives a customer which tag
    audiences: Audiences = field(default_factory=standard)
    _counter: Iterator[int] = field(default_factory=itertools.count, repr=False)
    # Not handed on by `replace`, which may be by another lexicon or at another time.
    _readings: dict[str, Reading] = field(default_factory=dict, repr=False, init=False)

    def new_id(self) -> str:
        """Unique, and the same again when the same message is replayed."""
        name = f"{self.cause}/{next(self._counter)}"
        return hashlib.blake2s(name.encode(), digest_size=10).hexdigest()

    def read(self, text: str) -> Reading:
        """Understand a customer's words; the same ones of one message are read once."""
        if text not in self._readings:
            own = self.settings.nlp.own_brands
            reading = self.lexicon.read(text, at=self.now, own_brands=own)
            self._readings[text] = self.model.improve(reading) if self.model else reading
        return self._readings[text]

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.settings.timezone)

    @property
    def local(self) -> datetime:
        return self.now.astimezone(self.zone)

    @property
    def today(self) -> date:
        return self.local.date()

    def on(self, day: date, clock: time) -> datetime:
        """That wall-clock time in the business zone."""
        return datetime.combine(day, clock, tzinfo=self.zone)

    def tomorrow(self, clock: time) -> datetime:
        return self.on(self.today + timedelta(days=1), clock)
