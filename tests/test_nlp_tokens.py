"""Both segmenters cut the same words, so the extra `fast` changes nothing but the time."""

import json
import marshal
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlp import tokens

DEV = Path(__file__).parent / "data" / "nlp_dev.jsonl"
PIECES = (
    "续航", "贵", "你这车", "好", "多少钱", "S6", "DM-i", "CR-V", "1.5", "15-18万", "a.b", "80%",
    "x_y", "，", "。", " ", "周六", "试驾", "吗", "3.", "-", "…", "\n", "宋PLUS", "2026.3.6", "c++",
)  # fmt: skip
ODD = (
    "",
    " ",
    "\n\n",
    "\ud800",
    "a\ud800贵",
    "👨‍👩‍👧‍👦🏽",
    "ＡＢＣ１２３",
    "\x00",
    "贵" * 3000,
    "é̀",
    "㍿㏑",
)


def test_every_sentence_of_our_own_is_cut_alike():
    said = [json.loads(line)["text"] for line in DEV.read_text(encoding="utf-8").splitlines()]

    assert [tokens.cut(t, "rjieba") for t in said] == [tokens.cut(t, "jieba") for t in said]


@pytest.mark.parametrize("text", ODD)
def test_what_nobody_types_is_cut_alike(text):
    assert tokens.cut(text, "rjieba") == tokens.cut(text, "jieba")


@given(st.lists(st.sampled_from(PIECES), unique=True).map("".join))
def test_what_people_type_is_cut_alike(text):
    assert tokens.cut(text, "rjieba") == tokens.cut(text, "jieba")


@given(st.text(max_size=40))
def test_nothing_is_lost(text):
    assert "".join(tokens.cut(text, "rjieba")) == text


def test_what_somebody_left_among_the_passing_files_is_not_believed(tmp_path):
    planted = marshal.dumps(({"续": 10**9, "航": 10**9}, 1))
    (tmp_path / "jieba.cache").write_bytes(planted)
    said = "from nlp import tokens; print(*tokens.cut('续航怎么样', 'jieba'))"

    done = subprocess.run([sys.executable, "-c", said], capture_output=True, text=True,
                          env={**os.environ, "TMPDIR": str(tmp_path)})  # fmt: skip

    assert done.stdout.split() == tokens.cut("续航怎么样", "rjieba")
    assert [(f.name, f.read_bytes()) for f in tmp_path.iterdir()] == [("jieba.cache", planted)]


def test_how_often_words_are_said_is_what_the_segmenter_itself_would_read():
    import jieba

    path = Path(jieba.__file__).with_name("dict.txt")
    with path.open("rb") as dictionary:
        theirs = jieba.Tokenizer().gen_pfdict(dictionary)

    assert tokens._frequencies(path) == theirs
