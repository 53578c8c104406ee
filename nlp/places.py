"""Provinces, cities and districts of mainland China, by full or short name."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nlp import toml
from nlp.words import Words

MUNICIPAL = ("市辖区", "县", "省直辖县级行政区划", "自治区直辖县级行政区划")
ENDINGS = (
    "维吾尔自治区", "壮族自治区", "回族自治区", "自治区", "特别行政区", "省", "市", "地区", "盟",
    "林区", "新区", "特区", "自治州", "自治县", "自治旗", "区", "县", "旗", "州",
)  # fmt: skip
Known = dict[str, tuple[str, str, str]]
Tree = dict[str, dict[str, list[str]]]


@dataclass(frozen=True, slots=True)
class Place:
    province: str | None
    city: str | None
    county: str | None
    start: int
    end: int

    @property
    def value(self) -> dict[str, Any]:
        return {"province": self.province, "city": self.city, "county": self.county}


Row = tuple[str, str | None, str | None]


class Places:
    """All names in one automaton; a name may stand for several places."""

    def __init__(
        self, tree: Tree, peoples: Sequence[str], everyday: Iterable[str], known: Known
    ) -> None:
        self._peoples, self._everyday = tuple(peoples), frozenset(everyday)
        names: dict[str, list[Row]] = {}
        for row in _rows(tree):
            for name in self._names(row):
                names.setdefault(name, []).append(row)
        for name, (province, city, county) in known.items():
            names[name] = [(province, city or None, county or None)]
        self._districts = self._short_districts(tree)
        self._words = Words({name: tuple(rows) for name, rows in names.items()})

    @classmethod
    def load(cls, tree: Path, words: Path) -> "Places":
        known = toml.loads(words.read_text("utf-8"))
        divisions = json.loads(tree.read_text("utf-8"))
        return cls(divisions, known["peoples"], known["everyday"], known["known"])

    def find(self, text: str) -> list[Place]:
        """Places left to right; parts that stand together (河北省保定市) are one."""
        spans = self._words.find(text)
        if not spans:
            return []
        found = _merged([s for s in _longest(spans) if not _street(text, s[1])])
        return [self._with_district(place, text) for place in found]

    def _with_district(self, place: Place, text: str) -> Place:
        """广州天河: the short name of a district counts right after its city."""
        known = self._districts.get(place.city or "", {}) if place.county is None else {}
        for size in (4, 3, 2):
            if county := known.get(text[place.end : place.end + size]):
                return Place(place.province, place.city, county, place.start, place.end + size)
        return place

    def _short_districts(self, tree: Tree) -> dict[str, dict[str, str]]:
        found: dict[str, dict[str, str]] = {}
        for _, city, county in _rows(tree):
            if city and county:
                found.setdefault(city, {})[self._short(county)] = county
        return found

    def _names(self, row: Row) -> set[str]:
        full = row[2] or row[1] or row[0]
        short = self._short(full)
        if row[2] and len(short) < 3 and full[-1] not in "市县":
            return {full}
        found = {full}
        if len(short) >= 2 and short not in self._everyday:
            found.add(short)
        if (
            row[2] and full[-1] == "县"
        ):  # 正定 alone is a town, but two-character counties are too common
            found = {full} if len(short) == 2 else found
        return found

    def _short(self, name: str) -> str:
        for ending in ENDINGS:
            if name.endswith(ending) and len(name) - len(ending) >= 2:
                name = name.removesuffix(ending)
                break
        for people in self._peoples:
            if (at := name.find(people)) >= 2:
                name = name[:at]
        return name


def _rows(tree: Tree) -> Iterable[Row]:
    for province, cities in tree.items():
        yield province, (province if province.endswith("市") else None), None
        for city, counties in cities.items():
            whole = province if province.endswith("市") else None if city in MUNICIPAL else city
            if whole and whole != province:
                yield province, whole, None
            for county in counties:
                yield province, whole or county, county


def _longest(
    spans: list[tuple[int, int, tuple[Row, ...]]],
) -> list[tuple[int, int, tuple[Row, ...]]]:
    spans = sorted(spans, key=lambda span: (span[0], -span[1]))
    kept: list[tuple[int, int, tuple[Row, ...]]] = []
    for span in spans:
        if not kept or span[0] >= kept[-1][1]:
            kept.append(span)
    return kept


def _merged(spans: list[tuple[int, int, tuple[Row, ...]]]) -> list[Place]:
    found: list[Place] = []
    held: tuple[int, int, tuple[Row, ...]] | None = None
    for span in spans:
        inner = _within(held[2], span[2]) if held and span[0] - held[1] <= 1 else ()
        if held and inner:
            held = held[0], span[1], inner
            continue
        if held:
            found.append(_place(held))
        held = span
    if held:
        found.append(_place(held))
    return found


def _within(outer: tuple[Row, ...], inner: tuple[Row, ...]) -> tuple[Row, ...]:
    """Those of the inner places that lie in one of the outer ones."""
    return tuple(
        r
        for r in inner
        if any(
            o[0] == r[0] and (not o[1] or o[1] == r[1] or not o[2]) and o != r and _fits(o, r)
            for o in outer
        )
    )


def _fits(outer: Row, inner: Row) -> bool:
    return outer[1] is None or outer[1] == inner[1]


def _place(span: tuple[int, int, tuple[Row, ...]]) -> Place:
    """What all candidates share; a city of that name comes before a county."""
    start, end, rows = span
    cities = tuple(r for r in rows if r[2] is None)
    rows = cities or rows
    provinces = {r[0] for r in rows}
    names = {r[1] for r in rows}
    counties = {r[2] for r in rows}
    return Place(
        provinces.pop() if len(provinces) == 1 else None,
        names.pop() if len(names) == 1 else None,
        counties.pop() if len(counties) == 1 else None,
        start,
        end,
    )


def _street(text: str, end: int) -> bool:
    """太原路 is a street, wherever it lies."""
    return text.startswith(
        ("路", "街", "大道", "大街", "东路", "西路", "南路", "北路", "中路"), end
    )
