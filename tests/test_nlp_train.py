"""A company's own labels change what is found, and only that."""

import json
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from nlp import tag, train
from nlp.lexicon import Lexicon
from nlp.model import Model, ModelError

AT = datetime(2026, 3, 6, 9, tzinfo=ZoneInfo("Asia/Shanghai"))
JARGON = [f"这批货的{word}拉满了{n}" for n in range(12) for word in ("咕咕", "嘎嘎")]


@pytest.fixture(scope="module")
def lexicon():
    return Lexicon.load()


def labelled(text, **parts):
    return json.dumps({"text": text, **parts}, ensure_ascii=False)


@pytest.fixture(scope="module")
def folder(lexicon, tmp_path_factory):
    lines = [
        labelled(
            text,
            concerns=[{"code": "power" if "咕咕" in text else "space", "polarity": 1}],
            mentions=["咕咕"] if "咕咕" in text else [],
        )
        for text in JARGON
    ]
    out = tmp_path_factory.mktemp("model")
    train.train(lines, out, lexicon)
    return out


def test_a_word_of_the_house_is_learnt(lexicon, folder):
    reading = Model.load(folder).improve(lexicon.read("咕咕拉满了呀", at=AT))

    assert [(c.code, c.polarity) for c in reading.concerns] == [("power", 1)]
    assert reading.concerns[0].rule.startswith("model: ")
    assert [s.text for s in reading.slots] == ["咕咕"]


def test_codes_without_labels_stay_with_the_lexicon(lexicon, folder):
    reading = Model.load(folder).improve(lexicon.read("咕咕拉满了，就是太贵", at=AT))

    assert ("price", -1) in {(c.code, c.polarity) for c in reading.concerns}


def test_the_tag_command_takes_the_model(lexicon, folder):
    (out,) = tag.lines(lexicon, ['{"text": "嘎嘎拉满了"}'], AT, Model.load(folder))

    assert [c["code"] for c in out["concerns"]] == ["space"]


def test_the_report_gives_precision_recall_and_f1(lexicon, tmp_path):
    lines = [labelled(text, mentions=["咕咕"] if "咕咕" in text else []) for text in JARGON]

    report = train.train(lines, tmp_path / "m", lexicon)

    assert report == ["mention: P 1.000 R 1.000 F1 1.000 (n=12)"]


def test_the_same_labels_give_the_same_model(lexicon, tmp_path):
    lines = [labelled(t, concerns=[{"code": "power", "polarity": 0}]) for t in JARGON]

    for name in ("a", "b"):
        train.train(lines, tmp_path / name, lexicon)

    written = [(tmp_path / n / "weights.bin").read_bytes() for n in ("a", "b")]
    assert written[0] == written[1]


@pytest.mark.parametrize(
    "line",
    [
        "no json",
        "[]",
        '{"concerns": []}',
        '{"text": "好", "concerns": [{"code": "x", "polarity": 1}]}',
    ],
)
def test_a_bad_label_names_its_line(lexicon, tmp_path, line):
    with pytest.raises(train.LabelError, match="line 1"):
        train.train([line], tmp_path, lexicon)


def test_a_broken_model_directory_is_named(tmp_path):
    with pytest.raises(ModelError, match="no model directory"):
        Model.load(tmp_path)
