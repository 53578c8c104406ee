"""帮助: one screen, and nothing in it that is not understood."""

import re

import pytest

from handlers import helping
from handlers.answers import LOST
from handlers.commands import COMMANDS

# What answers a question or a list, and so is no command by itself.
ANSWERS = ("明早 1", "周六下午3点", "王女士到了", "王女士没来，堵车", "王女士改到周日上午")
PHRASES = [
    (topic.name, phrase)
    for topic in helping.topics()
    for line in topic.lines
    for phrase in re.split(r"｜|；", line)
]


def said(phrase):
    """What is to be typed: before the last colon of a phrase stands the words themselves."""
    return phrase.rpartition("：")[0] or phrase


@pytest.mark.parametrize(("topic", "phrase"), PHRASES)
def test_every_phrase_of_the_help_is_understood(talk, topic, phrase):
    words = said(phrase)
    known = words in ANSWERS or any(p.match(words) for p, _ in COMMANDS)
    if not known:
        talk.says("zhang", words)
        known = LOST not in talk.texts()

    assert known, words


def test_the_first_screen_is_one_message_and_leads_to_the_others(talk):
    talk.says("zhang", "帮助")

    assert len(talk.texts().encode()) < 2048
    assert "帮助 客户" in talk.texts()
    assert "帮助 管理" not in talk.texts()
    talk.says("chen", "帮助")
    assert "帮助 管理" in talk.texts("chen")


@pytest.mark.parametrize("topic", [t.name for t in helping.topics()])
def test_every_topic_is_one_message(talk, topic):
    talk.says("chen", f"帮助 {topic}")

    assert "还有：" in talk.texts("chen")
    assert len(talk.texts("chen").encode()) < 2048


def test_a_topic_that_is_none_names_those_there_are(talk):
    talk.says("zhang", "帮助 天气")

    assert "没有“天气”这一类" in talk.texts()
    assert "帮助 话术" in talk.texts()
