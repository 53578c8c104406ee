"""The utterances that we wrote for development: understanding stays above a floor."""

from pathlib import Path

import pytest

from nlp.lexicon import Lexicon
from nlp.measure import own

FLOORS = {
    "concerns": 0.80, "intents": 0.85, "tier": 0.85, "act": 0.85, "slots": 0.92, "alarms": 0.90,
}  # fmt: skip


@pytest.fixture(scope="module")
def scores():
    return own(Lexicon.load(), Path(__file__).parent / "data" / "nlp_dev.jsonl")


@pytest.mark.parametrize("part", FLOORS)
def test_the_development_set_is_understood(scores, part):
    assert scores[part].f1 >= FLOORS[part], str(scores[part])


def test_no_opt_out_and_no_complaint_is_missed(scores):
    assert scores["alarms"].recall == 1.0
