"""How well the shipped lexicon reads data labelled by others: `python -m nlp.measure DATA_DIR`.

Each figure is what `salesbot tag` would answer on those lines; only the last part learns, from
two thirds of the labels, and is measured on the rest.
"""

import json
import sys
from collections.abc import Callable, Container, Iterator
from datetime import datetime
from pathlib import Path
from time import perf_counter
from typing import Any
from zoneinfo import ZoneInfo

from nlp import polarity, train
from nlp.evaluate import Score
from nlp.lexicon import Lexicon
from nlp.reading import Reading, Slot

SHANGHAI = ZoneInfo("Asia/Shanghai")
AT = datetime(2026, 3, 6, 9, tzinfo=SHANGHAI)
SUBJECTS = {
    "动力": "power", "价格": "price", "内饰": "interior", "配置": "config", "安全性": "safety",
    "外观": "exterior", "操控": "handling", "油耗": "energy", "空间": "space", "舒适性": "comfort",
}  # fmt: skip
ALARMS = {"opt_out", "complaint"}
WORDS = ("payment", "purchase_kind", "usage", "hobby", "color", "trim")
CAR_WORDS = "车油驾驶价钱贷款电池充电里程空间座方向发动机"


def rows(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def concerns(lexicon: Lexicon, folder: Path) -> Iterator[str]:
    subjects, pairs = Score(), Score()
    for row in rows(folder / "bdci2018_concern" / "dev.jsonl"):
        reading = lexicon.read(row["text"], at=AT)
        found = {(c.code, c.polarity) for c in reading.concerns if c.code in SUBJECTS.values()}
        real = {(SUBJECTS[x["subject"]], x["sentiment"]) for x in row["labels"]}
        subjects.add({c for c, _ in found}, {c for c, _ in real})
        pairs.add(found, real)
    yield f"bdci2018_concern subject         {subjects}"
    yield f"bdci2018_concern (subject, pol.) {pairs}"


def views(lexicon: Lexicon, folder: Path) -> Iterator[str]:
    score = Score()
    for row in rows(folder / "bdci2016_views" / "dev.jsonl"):
        found = {s.text.lower() for s in _slots(lexicon, row["text"], AT, "model", "rival")}
        score.add(found, {v["view"].lower() for v in row["views"]})
    yield f"bdci2016_views mentions          {score}"


def aspects(lexicon: Lexicon, folder: Path) -> Iterator[str]:
    right = answered = total = 0
    for row in rows(folder / "car_absa" / "dev.jsonl"):
        total += 1
        said = polarity.of_aspect(lexicon, row["text"], row["aspect"])
        answered += said in (1, -1)
        right += said == row["sentiment"]
    share = f"answered {answered / total:.3f} of {total}"
    yield f"car_absa aspect polarity         accuracy {right / max(answered, 1):.3f}  {share}"


def everyday(lexicon: Lexicon, folder: Path) -> Iterator[str]:
    for name in ("faq_lcqmc", "faq_oppo"):
        texts = [r["q"] for r in rows(folder / name / "dev_10k_queries.jsonl")]
        texts = [t for t in texts if not any(c in t for c in CAR_WORDS)]
        false = sum(bool(lexicon.read(t, at=AT).concerns) for t in texts)
        share = f"{false / len(texts):.4f} of {len(texts)} lines"
        yield f"{name} false concerns      {share}"


def days(lexicon: Lexicon, folder: Path) -> Iterator[str]:
    right = total = 0
    for row in rows(folder / "slots" / "jio_time_dev.jsonl"):
        expected = row["expected"]
        if expected["type"] not in ("time_point", "time_span"):
            continue
        total += 1
        at = datetime.fromisoformat(row["ref"]).replace(tzinfo=SHANGHAI)
        found = _slots(lexicon, row["text"], at, "datetime")
        right += bool(found) and found[0].value["from"][:10] == expected["time"][0][:10]
    yield f"jio_time start day               {right / total:.3f} ({right} of {total})"


def spans(lexicon: Lexicon, folder: Path) -> Iterator[str]:
    score = Score()
    for row in rows(folder / "slots" / "ms_datetime_dev.jsonl"):
        at = datetime.fromisoformat(row.get("ref") or AT.isoformat()).replace(tzinfo=SHANGHAI)
        real = {
            (r["start"], r["end"] + 1)
            for r in row["results"]
            if not r["typename"].endswith(("duration", ".set"))
        }
        score.add({s.span for s in _slots(lexicon, row["text"], at, "datetime")}, real)
    yield f"ms_datetime spans                {score}"


def amounts(lexicon: Lexicon, folder: Path) -> Iterator[str]:
    right = total = 0
    for row in rows(folder / "slots" / "jio_money_dev.jsonl"):
        expected = row["expected"]["num"]
        total += 1
        low, high = (expected[0], expected[-1]) if isinstance(expected, list) else (expected,) * 2
        found = _slots(lexicon, row["text"], AT, "price", "budget", "monthly", "down_payment")
        ends = (found[0].value["low"], found[0].value["high"]) if found else (None, None)
        right += any(
            e is not None and abs(e - float(x)) < 0.01
            for e, x in zip(ends, (low, high), strict=True)
        )
    yield f"jio_money value                  {right / total:.3f} ({right} of {total})"


def phones(lexicon: Lexicon, folder: Path) -> Iterator[str]:
    real = missed = false = 0
    for row in rows(folder / "slots" / "ms_phone_dev.jsonl"):
        numbers = {"".join(filter(str.isdigit, r["text"])) for r in row["results"]}
        numbers = {n.removeprefix("00").removeprefix("86") for n in numbers}
        mobiles = {n for n in numbers if len(n) == 11 and n[0] == "1" and n[1] in "3456789"}
        found = {s.value for s in _slots(lexicon, row["text"], AT, "phone")}
        real, missed, false = (
            real + len(mobiles),
            missed + len(mobiles - found),
            false + len(found - mobiles),
        )
    yield f"ms_phone mainland mobiles        {real - missed} of {real}, {false} false"


def cities(lexicon: Lexicon, folder: Path) -> Iterator[str]:
    right = total = 0
    for row in rows(folder / "slots" / "jio_location_dev.jsonl"):
        total += 1
        found = _slots(lexicon, row["text"], AT, "city")
        right += any(s.value["city"] == row["expected"]["city"] for s in found) or (
            not found and row["expected"]["city"] is None
        )
    yield f"jio_location city                {right / total:.3f} ({right} of {total})"


def learnt(lexicon: Lexicon, folder: Path) -> Iterator[str]:
    """What `train` makes of two thirds of the labels, on the third that it did not see."""
    found = [
        json.dumps({"text": r["text"], "concerns": [
            {"code": SUBJECTS[x["subject"]], "polarity": x["sentiment"]} for x in r["labels"]
        ]})
        for r in rows(folder / "bdci2018_concern" / "dev.jsonl")
    ]  # fmt: skip
    yield from (f"bdci2018_concern train, {line}" for line in train.folds(found, lexicon))
    named = [
        json.dumps({"text": r["text"], "mentions": [v["view"] for v in r["views"]]})
        for r in rows(folder / "bdci2016_views" / "dev.jsonl")
    ]
    yield from (f"bdci2016_views train, {line}" for line in train.folds(named, lexicon))


def own(lexicon: Lexicon, path: Path) -> dict[str, Score]:
    """Scores on chat utterances with full labels, one for each thing that is understood."""
    scores = {name: Score() for name in ("concerns", "intents", "tier", "act", "slots", "alarms")}
    for row in rows(path):
        reading = lexicon.read(row["text"], at=AT)
        # A denied intent counts where the labels speak of it; most leave it out.
        said = {i.code + ("!" if i.negated else "") for i in reading.intents}
        intents = {i for i in said if "!" not in i or i in row["intents"]}
        scores["concerns"].add(
            ((c.code, c.polarity) for c in reading.concerns), map(tuple, row["concerns"])
        )
        scores["intents"].add(intents, row["intents"])
        scores["tier"].add([reading.tier_signal], [row["tier"]])
        scores["act"].add([reading.speech_act], [row["act"]])
        slots = set(map(tuple, row["slots"]))
        scores["slots"].add((_named(s, slots) for s in reading.slots), slots)
        scores["alarms"].add(intents & ALARMS, set(row["intents"]) & ALARMS)
    return scores


def _named(slot: Slot, labels: Container[tuple[str, str]]) -> tuple[str, str]:
    """A word may be labelled as it stands (按揭) or as what it means (贷款)."""
    said = slot.kind, slot.text
    return said if slot.kind not in WORDS or said in labels else (slot.kind, slot.value)


PARTS: tuple[Callable[[Lexicon, Path], Iterator[str]], ...] = (
    concerns, views, aspects, everyday, days, spans, amounts, phones, cities, learnt,
)  # fmt: skip


def _slots(lexicon: Lexicon, text: str, at: datetime, *kinds: str) -> list[Any]:
    reading: Reading = lexicon.read(text, at=at)
    return [s for s in reading.slots if s.kind in kinds]


def main(argv: list[str]) -> int:
    if len(argv) != 2 or not Path(argv[1]).is_dir():
        sys.stderr.write("usage: python -m nlp.measure DATA_DIR\n")
        return 2
    lexicon = Lexicon.load()
    for part in PARTS:
        began = perf_counter()
        for line in part(lexicon, Path(argv[1])):
            sys.stdout.write(line + "\n")
        sys.stdout.write(f"  {part.__name__}: {perf_counter() - began:.1f} s\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
