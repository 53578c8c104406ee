"""What is doubtful in a lexicon that loads: contradictions, words that nobody will hear."""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from nlp import load
from nlp.lexicon import DATA, FILES
from nlp.match import Rule, parse
from nlp.normalise import plain

CODED = ("topic", "cue", "ask", "intent", "slot")


def warnings(folder: Path | None = None) -> list[str]:
    """One sentence for each thing to look at; a file that cannot be read raises LexiconError."""
    folder = folder or DATA
    entries = [e for name in FILES for e in load.rules(load.read(_path(folder, name)))]
    return [*_contradictions(entries), *_hidden(entries), *_names(folder)]


def _path(folder: Path, name: str) -> Path:
    return folder / name if (folder / name).exists() else DATA / name


def _contradictions(entries: list[load.Entry]) -> Iterator[str]:
    """One keyword in two rules of a kind that disagree on code or polarity."""
    owners: dict[tuple[str, str], list[Rule]] = defaultdict(list)
    for pattern, rule in entries:
        if rule.kind in CODED:
            owners[rule.kind, plain(pattern)].append(rule)
    for (kind, word), rules in owners.items():
        if len({(r.code, r.polarity, r.value) for r in rules}) > 1:
            names = "、".join(dict.fromkeys(r.name for r in rules))
            yield f"{kind} 的“{word}”同时属于 {names}"


def _hidden(entries: list[load.Entry]) -> Iterator[str]:
    """A keyword inside a shadow of its own can never be heard."""
    for kind, hidden in (("shadow", ("topic", "cue", "ask")), ("eclipse", ("intent", "signal"))):
        masks = {plain(p) for p, r in entries if r.kind == kind and _literal(p)}
        for pattern, rule in entries:
            word = plain(pattern)
            if rule.kind in hidden and _literal(pattern):
                cover = next(
                    (m for m in masks if m != word and m.endswith(word) and word in masks), None
                )
                if cover:
                    yield f"{rule.name} 的“{word}”又是遮蔽词，又被“{cover}”遮蔽"


def _literal(pattern: str) -> bool:
    return all(len(part) == 1 and part[0] != "…" for part in parse(pattern))


def _names(folder: Path) -> Iterator[str]:
    """An alias under two brands needs a word beside it to tell them apart."""
    brands, _ = load.cars(load.read(_path(folder, "brands.toml")))
    owners: dict[str, set[str]] = defaultdict(set)
    for brand in brands:
        for series in brand.series:
            for alias in (series.name, *series.aliases):
                owners[plain(alias)].add(brand.name)
    for alias, names in owners.items():
        if len(names) > 1:
            yield f"车系名“{alias}”同时属于 {'、'.join(sorted(names))}"
