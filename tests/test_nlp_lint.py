"""A lexicon may load and still contradict itself; lint says where."""

from nlp import lint


def test_a_word_under_two_codes_is_named(tmp_path):
    rule = '[[rule]]\nkind = "cue"\nname = "{0}.x"\ncode = "{0}"\npolarity = -1\nwords = ["拉垮"]\n'
    (tmp_path / "concerns.toml").write_text(rule.format("price") + rule.format("space"), "utf-8")

    assert "cue 的“拉垮”同时属于 price.x、space.x" in lint.warnings(tmp_path)


def test_the_shipped_files_load_and_their_doubts_are_sentences():
    assert all(isinstance(line, str) and line for line in lint.warnings())
