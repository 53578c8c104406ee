"""No text, however it was made up, keeps a pattern of ours busy.

Every pattern of the package is found by machine and attacked with what its own grammar says would
hurt: each of its repetitions, over and over, behind all that leads up to it, with an end that does
not fit.
"""

import functools
import importlib
import os
import pkgutil
import random
import re
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from re import _constants as ops
from re import _parser

import pytest

import bot
import handlers
import nlp
import scriptbank
import storage
from bot.plain import readable

ROOT = Path(__file__).parent.parent
PACKAGES = (bot, handlers, nlp, scriptbank, storage)
LONG = 10_000  # characters that are sent
SECONDS = 0.1  # of the processor; a pattern that looks at each character once takes thousandths
ENDS = ("", "\x00", "~")
# These see nothing that somebody else wrote, or nothing long.
OWN = {
    "bot.console.setup": "our own documentation",
    "bot.sandbox": "the pretend WeCom, on this machine only",
    "storage.dialect": "our own SQL",
    "scriptbank.fill": "scripts, whose length is limited when they are saved",
    "handlers.audience._NAMED": "problems in our own words",
    "bot.config": "the configuration",
}
REPEATS = (ops.MAX_REPEAT, ops.MIN_REPEAT, ops.POSSESSIVE_REPEAT)
LISTS = tuple | list | set | frozenset


# Finding them


def inside(value, depth=0):
    if isinstance(value, re.Pattern):
        yield value
    elif depth < 4 and isinstance(value, LISTS):
        for one in value:
            yield from inside(one, depth + 1)
    elif depth < 4 and isinstance(value, Mapping):
        for key, one in value.items():
            yield from inside(key, depth + 1)
            yield from inside(one, depth + 1)
    elif depth < 4 and hasattr(value, "__dataclass_fields__") and not isinstance(value, type):
        for field in value.__dataclass_fields__:
            yield from inside(getattr(value, field, None), depth + 1)


@functools.cache
def found():
    """Each pattern with one of the names it has, and the whole text of the modules."""
    patterns, texts = {}, []
    for package in PACKAGES:
        for info in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if info.name.endswith("__main__"):
                continue
            module = importlib.import_module(info.name)
            texts.append(Path(module.__file__).read_text(encoding="utf-8"))
            for name, value in list(vars(module).items()):
                for pattern in inside(value):
                    if isinstance(pattern.pattern, str):
                        patterns.setdefault(pattern, f"{info.name}.{name}")
    return patterns, "\n".join(texts)


@functools.cache
def uses():
    """By which of their methods names are called, anywhere."""
    calls = {}
    for name, method in re.findall(r"\b(\w+)(?:\[[^]]*\])?\.(\w+)\(", found()[1]):
        calls.setdefault(name, set()).add(method)
    return calls


def searching(name):
    """Whether it is tried at every place of a text, or only where it begins."""
    used = uses().get(name.rpartition(".")[2], set())
    return not used or bool(used - {"match", "fullmatch"})


# Attacking them


def drawn(parsed, dice):
    """A text that a part of a pattern asks for, more or less."""
    return "".join(_drawn(op, given, dice) for op, given in parsed)


def _drawn(op, given, dice):
    if op is ops.LITERAL:
        return chr(given)
    if op in (ops.NOT_LITERAL, ops.ANY):
        return dice.choice("x一 ")
    if op is ops.IN:
        return _one_of(given, dice)
    if op is ops.BRANCH:
        return drawn(dice.choice(given[1]), dice)
    if op is ops.SUBPATTERN:
        return drawn(given[3], dice)
    if op is ops.ATOMIC_GROUP:
        return drawn(given, dice)
    if op in REPEATS:
        low, high, part = given
        return "".join(drawn(part, dice) for _ in range(dice.randint(low, min(high, low + 2))))
    return ""


def _one_of(given, dice):
    if given[0][0] is ops.NEGATE:
        return dice.choice("x一 ")
    op, what = dice.choice(given)
    if op is ops.RANGE:
        return chr(dice.choice(what))
    if op is ops.CATEGORY:
        return {ops.CATEGORY_DIGIT: "1", ops.CATEGORY_SPACE: dice.choice(" \n")}.get(what, "x")
    return chr(what)


def sore(parsed, dice, before=""):
    """What leads to each repetition, and what is repeated there, mixed as its grammar allows."""
    for op, given in parsed:
        part = given[2] if op in REPEATS else None
        if part is not None and given[1] > 20:
            one = drawn(part, dice)
            yield before, lambda n, one=one: one * n
            yield before, lambda n, part=part: "".join(drawn(part, dice) for _ in range(n))
            yield before + drawn(part, dice), lambda n, one=one: one * n
        for deeper in _parts(op, given):
            yield from sore(deeper, dice, before)
        before += _drawn(op, given, dice)
        yield "", lambda n, before=before: before * n


def _parts(op, given):
    if op is ops.BRANCH:
        return given[1]
    if op is ops.SUBPATTERN:
        return [given[3]]
    if op is ops.ATOMIC_GROUP:
        return [given]
    return [given[2]] if op in REPEATS else []


def attacks(pattern, times):
    parsed = _parser.parse(pattern.pattern, pattern.flags & ~re.UNICODE)
    for seed in range(times):
        dice = random.Random(seed)
        made = list(sore(parsed, dice))
        for before, more in dice.sample(made, min(len(made), 6)):
            end = dice.choice(ENDS)
            # a mixture that doubles the work at each step shows early
            yield before + more(40)[:200] + end
            piece = more(20) or "x"
            yield before + (piece * (LONG // len(piece)))[:LONG] + end


class Stuck(Exception):
    pass


def work(pattern, text, everywhere):
    """Seconds of the processor; half a second is enough to know, then it is broken off."""
    began = time.process_time()
    try:
        patience(0.5)
        if everywhere:
            for _ in pattern.finditer(text):
                pass
        else:
            pattern.match(text), pattern.fullmatch(text)
    except Stuck:
        return float("inf")
    finally:
        patience(0)
    return time.process_time() - began


def patience(seconds):
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_VIRTUAL, seconds)


@pytest.fixture(autouse=True)
def impatient():
    if not hasattr(signal, "setitimer"):  # Windows: there a bad pattern runs into the timeout
        yield
        return

    def stop(*_):
        raise Stuck

    old = signal.signal(signal.SIGVTALRM, stop)
    yield
    signal.signal(signal.SIGVTALRM, old)


def exempt(name):
    return any(name == own or name.startswith(f"{own}.") for own in OWN)


TIMES = int(os.environ.get("SALESBOT_ATTACKS", "1"))


def test_no_text_keeps_a_pattern_busy():
    patterns, _ = found()
    assert len(patterns) > 350
    slow = {}
    for pattern, name in patterns.items():
        everywhere = searching(name)
        for attack in () if exempt(name) else attacks(pattern, TIMES):
            took = work(pattern, readable(attack), everywhere)
            if took > SECONDS:
                slow[name] = (round(took, 2), attack[:60], pattern.pattern[:80])
                break

    assert slow == {}


@pytest.mark.parametrize("bad", [r"^(?:a|b|ab)*c", r"x*x*x*y", r"^(?:刚|刚刚)*到", r"\d+[.]"])
def test_the_attack_finds_what_it_looks_for(bad):
    pattern = re.compile(bad)

    assert any(work(pattern, a, everywhere=True) > SECONDS for a in attacks(pattern, 3))
