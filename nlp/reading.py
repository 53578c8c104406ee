"""What one message says: the value that every other part of the product builds on."""

from collections.abc import Mapping
from typing import Any, NamedTuple

Span = tuple[int, int]
"""Half-open code-point offsets into the text as it was given."""

CONCERNS = (
    "price", "finance", "tradein", "policy", "delivery", "range", "charging", "battery", "energy",
    "power", "handling", "comfort", "space", "exterior", "interior", "config", "smart", "safety",
    "quality", "brand", "service", "resale", "cost", "rival", "family", "trust",
)  # fmt: skip
INTENTS = (
    "test_drive", "visit", "quote", "order", "deposit", "finance_plan", "tradein_eval", "compare",
    "ask_spec", "ask_promo", "ask_address", "ask_time", "delay", "cool_off", "lost", "complaint",
    "opt_out", "cancel_order", "referral", "greeting", "thanks", "chitchat",
)  # fmt: skip
SPEECH_ACTS = ("question", "statement", "requirement", "condition", "refusal")
TIER_SIGNALS = ("high", "mid", "low", "none")


# Named tuples, since each message makes several: frozen dataclasses take three times as long


class Concern(NamedTuple):
    """What the customer cares about; polarity is 1 pleased, 0 asking or neutral, -1 worried."""

    code: str
    polarity: int
    confidence: float
    evidence: str
    span: Span
    rule: str = ""


class Intent(NamedTuple):
    """Something the customer wants to do; negated when they say that they do not."""

    code: str
    strength: float
    negated: bool
    evidence: str
    span: Span
    rule: str = ""


class Slot(NamedTuple):
    """A value named in the text; `value` has the JSON shape of the public interface."""

    kind: str
    value: Any
    text: str
    span: Span


class Signal(NamedTuple):
    """Words that speak for a buying window: `level` is H, A, B or C, `tier` high, mid or low."""

    name: str
    tier: str
    level: str
    evidence: str
    span: Span


class Reading(NamedTuple):
    """Everything understood from one message, each part with the words that say so."""

    text: str
    concerns: tuple[Concern, ...] = ()
    intents: tuple[Intent, ...] = ()
    slots: tuple[Slot, ...] = ()
    signals: tuple[Signal, ...] = ()
    speech_act: str = "statement"
    tier_signal: str = "none"
    about: str = ""  # "" the speaker, otherwise for whom they ask: 爸, 朋友
    rules: tuple[str, ...] = ()  # names of the lexicon rules that fired, for the hit counters

    def intent(self, code: str) -> Intent | None:
        """The intent of that code, unless the customer says the opposite."""
        return next((i for i in self.intents if i.code == code and not i.negated), None)

    def slot(self, *kinds: str) -> Slot | None:
        return next((s for s in self.slots if s.kind in kinds), None)


def to_json(reading: Reading, line_id: Any) -> Mapping[str, Any]:
    """The output line of `salesbot tag`."""
    return {
        "id": line_id,
        "concerns": [
            {"code": c.code, "polarity": c.polarity, "confidence": c.confidence,
             "evidence": c.evidence, "span": list(c.span)}
            for c in reading.concerns
        ],
        "intents": [
            {"code": i.code, "strength": i.strength, "negated": i.negated,
             "evidence": i.evidence, "span": list(i.span)}
            for i in reading.intents
        ],
        "slots": [
            {"kind": s.kind, "value": s.value, "text": s.text, "span": list(s.span)}
            for s in reading.slots
        ],
        "speech_act": reading.speech_act,
        "tier_signal": reading.tier_signal,
    }  # fmt: skip
