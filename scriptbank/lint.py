"""What is wrong with the scripts of a library before a customer sees them."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date

from rapidfuzz import fuzz, process

from nlp.reading import CONCERNS, INTENTS
from scriptbank import guard
from scriptbank.fill import VARIABLES, variables
from scriptbank.problems import Problem, short
from scriptbank.rules import ALLOW
from scriptbank.script import SCOPES, STAGES, STATUSES, STYLES, Script
from scriptbank.wording import letters

NEAR = 92  # ratio of two bodies from which they are one script kept twice
LONGEST = 140
_FIGURE = re.compile(r"\d")


def lint(scripts: Iterable[Script], today: date) -> tuple[Problem, ...]:
    """Every problem, script by script, then those between two scripts."""
    all_scripts = tuple(scripts)
    found = [problem for script in all_scripts for problem in _one(script, today)]
    return (*found, *_twice_asked(all_scripts), *_near_copies(all_scripts))


def _one(script: Script, today: date) -> Iterator[Problem]:
    yield from _words(script)
    yield from _template(script)
    yield from _dates(script, today)
    yield from _claims(script, today)
    if len(script.body) > LONGEST:
        seen = f"{len(script.body)}字"
        yield _problem(script, "length", "body", seen, "太长：拆成两条或删短", warn=True)


def _problem(
    script: Script, rule: str, column: str, seen: str, advice: str, *, warn: bool = False
) -> Problem:
    severity = "warn" if warn else "error"
    return Problem(advice, column=column, seen=seen, script=script.id, rule=rule, severity=severity)


def _words(script: Script) -> Iterator[Problem]:
    """Values that are in no list."""
    for column, values, allowed in (
        ("stage", (script.stage,), STAGES),
        ("style", (script.style,), STYLES),
        ("status", (script.status,), STATUSES),
        ("scope", (script.scope,), SCOPES),
        ("concerns", script.concerns, CONCERNS),
        ("intents", script.intents, INTENTS),
        ("tiers", script.tiers, ("high", "mid", "low")),
    ):
        for value in values:
            if value not in allowed:
                known = "、".join(filter(None, allowed))
                yield _problem(script, "code", column, value, f"不认识；可用：{known}")


def _template(script: Script) -> Iterator[Problem]:
    text = script.body + script.follow_up
    for name in variables(text):
        if name not in VARIABLES:
            known = "、".join(VARIABLES)
            yield _problem(
                script, "variable", "body", f"{{{name}}}", f"没有这个变量；可用：{known}"
            )
    if text.count("[[") != text.count("]]") or text.count("{") != text.count("}"):
        yield _problem(script, "bracket", "body", text, "括号不成对，请补齐")


def _dates(script: Script, today: date) -> Iterator[Problem]:
    if script.valid_to and script.valid_to < today:
        seen = script.valid_to.isoformat()
        yield _problem(script, "expired", "valid_to", seen, "已过期：换成新政策或停用")
    if script.valid_from and script.valid_to and script.valid_to < script.valid_from:
        yield _problem(
            script, "dates", "valid_to", script.valid_to.isoformat(), "失效日期早于生效日期"
        )


def _claims(script: Script, today: date) -> Iterator[Problem]:
    text = f"{script.body}\n{script.follow_up}"
    for finding in guard.check(text, today, script.facts):
        if finding.severity != ALLOW:
            advice = f"{finding.rule}：{finding.advice}"
            warn = finding.severity == "warn"
            yield _problem(script, "guard", "body", finding.words, advice, warn=warn)
    if _figure(script) and not script.facts:
        yield _problem(
            script,
            "facts",
            "facts",
            script.body,
            "正文有数字，请补依据（内容、来源、日期）",
            warn=True,
        )
    for fact in script.facts:
        if not (fact.source and fact.date):
            yield _problem(script, "facts", "facts", fact.text, "依据缺来源或日期")


def _figure(script: Script) -> bool:
    """Does the body claim a number? A model's name such as S6 is none."""
    body = re.sub(r"[A-Za-z]+\d+|\{[^}]*\}|L2|24小时", "", script.body)
    return bool(_FIGURE.search(body))


def _twice_asked(scripts: tuple[Script, ...]) -> Iterator[Problem]:
    """One question in two scenes: the ranking could not know which is meant."""
    scenes: defaultdict[str, dict[str, Script]] = defaultdict(dict)
    for script in scripts:
        for question in (script.q, *script.also):
            if letters(question):
                scenes[letters(question)].setdefault(script.scene, script)
    for question, found in scenes.items():
        first, *rest = found.values()
        for other in rest:
            advice = f"同一问题也在 {first.id}（{first.scene}）里，请归到一个场景"
            yield _problem(other, "question", "q", question, advice, warn=True)


def _near_copies(scripts: tuple[Script, ...]) -> Iterator[Problem]:
    bodies = [letters(script.body) for script in scripts]
    for n, script in enumerate(scripts):
        for _, score, other in process.extract(
            bodies[n], bodies[:n], scorer=fuzz.ratio, score_cutoff=NEAR, limit=3
        ):
            advice = f"与 {scripts[other].id} 的正文{score:.0f}%相同，留一条即可"
            yield _problem(script, "copy", "body", short(script.body), advice, warn=True)


def for_file(problem: Problem, file: str, row: int) -> Problem:
    """The same problem with the place it was imported from."""
    return replace(problem, file=file, row=row)
