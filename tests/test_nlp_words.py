"""Words and patterns are found in one pass, wherever they stand and whatever stands around them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlp.match import Matcher, Rule
from nlp.words import Words

NAMES = ("贵", "太贵", "贵州", "s6", "a", "aa", "不")
PATTERNS = (
    "太贵", "(太|有点|)贵(了|啦|)", "冬天…掉电", "(不|没)(想|打算)买", "s6", "(老|)样子…(差|一般)",
    "贵…(得|)多", "车(很|挺)(大|宽)",
)  # fmt: skip


@given(st.text(alphabet="太贵州不s6a\ud800 ", max_size=12))
def test_words_are_found_as_a_search_for_each_would_find_them(text):
    found = {(start, end) for start, end, _ in Words(dict.fromkeys(NAMES)).find(text)}

    assert found == {
        (at, at + len(name))
        for name in NAMES
        for at in range(len(text))
        if text.startswith(name, at)
    }


def test_each_word_comes_with_its_meaning():
    assert Words({"宋": "比亚迪", "宋江": None}).find("宋江开宋") == [
        (0, 1, "比亚迪"), (0, 2, None), (3, 4, "比亚迪"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("这也太贵了吧", {"太贵", "太贵了", "贵了"}),
        ("贵", {"贵"}),
        ("冬天的时候会掉电", {"冬天的时候会掉电"}),
        ("冬天一二三四五六七八九掉电", set()),  # the gap is eight characters at most
        ("没打算买s6", {"没打算买", "s6"}),
        ("xs6", set()),  # Latin words only as whole words
        ("样子嘛很差", {"样子嘛很差"}),
        ("老样子一般", {"老样子一般", "样子一般"}),
        ("车挺宽", {"车挺宽"}),
    ],
)
def test_patterns(text, seen):
    matcher = Matcher((p, Rule("cue", f"r{n}")) for n, p in enumerate(PATTERNS))

    assert {text[h.start : h.end] for h in matcher.hits(text, [len(text)])} == seen


def test_a_pattern_does_not_leave_its_clause():
    matcher = Matcher([("冬天…掉电", Rule("cue", "r"))])

    assert matcher.hits("冬天来,掉电", [3, 6]) == []


def test_what_is_found_is_sorted_by_the_kind_of_its_rule():
    rules = [("贵州", Rule("shadow", "place")), ("贵", Rule("cue", "dear"))]

    found = Matcher(rules, {"cue": 0, "shadow": 1}).grouped("贵州", [2])

    assert [[h.rule.name for h in group] for group in found] == [["dear"], ["place"]]
