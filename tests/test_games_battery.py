"""Every game takes the same battery; a new file of the folder takes it by itself."""

import copy
import json
import random
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.library import quiz as questions
from handlers.games import host
from handlers.games.base import Game, Kit
from handlers.games.found import GAMES
from handlers.games.idioms import OPENERS, known
from scriptbank import facts as model_facts

QUESTIONS, FACTS = questions(), model_facts.load()
SUBJECT = "周六试驾日 西湖 莫干山 10人"  # something that every game can make something of
PLAYERS = ("zhang", "lina", "wmw", "chen")
CHATTER = (
    "", " ", "好", "好的", "停", "不要停", "嗯", "哈哈", "哈哈哈哈", "666", "1", "谢谢", "收到",
    "在吗", "早", "晚安", "大家早上好", "A级客户怎么跟", "今天天气不错", "这题太难了吧",
    "我觉得不行",
    "明天开会吗", "😀😀", "@所有人", "https://example.com", "几点下班", "真的假的", "不知道",
    "我也觉得", "走了走了", "你们先聊", "周末愉快",
)  # fmt: skip
SAID = st.sampled_from(
    (*CHATTER, *"ABCDEF", "b", "Ｃ", "选D", "A. 西湖", "对", "错", "不对", "猜 花生", "猜 S6",
     "我猜是M8", "是不是方向盘", "猜 18.98万", "猜 20 万", "猜705km", "7.4秒", "198000元",
     "接 一马当先",
     "先见之明",
     "接 不三不四五", "投 A", "投票 西湖", "投 1", "投 2号", "许愿 多开试驾会", "+1 1", "+1 99",
     "投稿 我和爱车的春天", "投稿 好", "开始投票", "报名", "报名 3人", "报名 9人", "退出报名",
     "名单",
     "我说 冬天先热车再上路", "我说 好", "猜 " + "很" * 500, "猜", "投", "接")
) | st.text(max_size=30)  # fmt: skip
MOVES = st.lists(st.tuples(st.sampled_from(PLAYERS), SAID), max_size=25)
every = pytest.mark.parametrize("game", GAMES.values(), ids=GAMES)


def setup(game: Game, seed: int = 0, played=()):
    kit = Kit(random.Random(seed), date(2026, 3, 6), QUESTIONS, FACTS, (), SUBJECT,
              by="zhang")  # fmt: skip
    state = game.setup(kit, played)
    assert isinstance(state, dict), state
    return state


def answers(game, state):
    """What a player who knows everything would say."""
    if game.name == "成语接龙":
        now = known()[state["used"][-1]]
        fitting = (i.words for i in known().values() if i.first == now.last)
        return next((f"接 {words}" for words in fitting if words not in state["used"]), "接")
    if "answers" in state:
        return f"猜 {state['answers'][0]}"
    if "value" in state:
        return f"猜 {state['value']:g}{state['unit']}"
    return state.get("answer") or ("对" if state.get("true") else "错")


def play(game, state, moves):
    """Yield every turn; between any two the program is started anew."""
    for player, text in moves:
        text = answers(game, state) if text == "接" else text
        before = copy.deepcopy(state)
        turn = game.play(state, player, player, text)
        assert state == before  # the state it was given is not changed
        if turn is None:
            continue
        yield turn
        state = json.loads(json.dumps(turn.state, ensure_ascii=False))
        assert state == turn.state
        if turn.over:
            return


def last(game, seed, moves):
    state = setup(game, seed)
    for turn in play(game, state, moves):
        state = turn.state
        if turn.over:
            return state, True
    return state, False


@every
@given(moves=MOVES, seed=st.integers(0, 99))
def test_any_text_by_anybody_is_answered_in_words_or_not_at_all(game, moves, seed):
    for turn in play(game, setup(game, seed), moves):
        assert turn.say.strip()
        assert len(turn.say) < 3000


@every
@given(moves=MOVES, seed=st.integers(0, 99))
def test_a_game_gives_points_and_never_takes_them(game, moves, seed):
    turns = [*play(game, setup(game, seed), moves)]
    state, _ = last(game, seed, moves)

    for turn in (*turns, game.ending(state)):
        assert all(player in PLAYERS for player, _ in (*turn.gains, *turn.bonus))
        assert all(0 < points <= 50 for _, points in (*turn.gains, *turn.bonus))


@every
@given(moves=MOVES, seed=st.integers(0, 99))
def test_it_can_be_ended_at_any_moment(game, moves, seed):
    state, over = last(game, seed, moves)

    turn = game.ending(state)

    assert over or turn.over
    assert turn.say.strip()


@every
@given(moves=MOVES, seed=st.integers(0, 99))
def test_the_same_seed_and_moves_are_the_same_game(game, moves, seed):
    assert setup(game, seed) == setup(game, seed)
    assert last(game, seed, moves) == last(game, seed, moves)


@every
@given(moves=MOVES, seed=st.integers(0, 99), text=st.sampled_from(CHATTER))
def test_chatter_is_no_move_whatever_the_state(game, moves, seed, text):
    state, _ = last(game, seed, moves)

    assert game.play(state, "lina", "李娜", text) is None


@every
@given(moves=MOVES, seed=st.integers(0, 99), hints=st.integers(1, 12))
def test_hints_run_out_and_never_change_what_is_right(game, moves, seed, hints):
    state, over = last(game, seed, moves)
    answer = answers(game, state)
    for _ in range(hints):
        found = game.hint(state)
        if found is None:
            break
        state, said = found
        assert said.strip()
        assert answer.removeprefix("猜 ") != said
    assert json.loads(json.dumps(state)) == state
    assert over or game.play(state, "chen", "陈静", answer) is None or answer


@every
def test_hints_end(game):
    state = setup(game)
    for _ in range(3000):
        found = game.hint(state)
        if found is None:
            break
        state = found[0]

    assert game.hint(state) is None


@every
@given(moves=MOVES, seed=st.integers(0, 99))
def test_whoever_leaves_the_games_is_in_no_state_and_the_game_goes_on(game, moves, seed):
    state, over = last(game, seed, moves)

    after = game.forget(state, "lina")

    assert game.opening(after)
    ending = game.ending(after)
    assert "lina" not in [player for player, _ in (*ending.gains, *ending.bonus)]
    if not over:
        assert all(t.say for t in play(game, after, [("chen", "报名"), ("wmw", "投 1")]))


@every
def test_every_game_says_its_name_its_rules_and_how_it_begins_and_ends(game):
    state = setup(game)

    assert all((game.name, game.rules, game.opening(state), game.ending(state).say))
    assert all(len(item.encode()) <= 128 for item in game.menu(state))


@every
def test_a_new_round_is_not_the_one_before(game):
    """Where there is something to draw from."""
    first = setup(game, 1)

    again = setup(game, 1, [first])

    assert game.subject or again != first or "id" not in first


def test_every_file_that_holds_a_game_is_found():
    names = {"答题", "判断题", "成语接龙", "猜价格", "猜配置", "谜语", "猜词", "看图猜车", "投票",
             "许愿池", "征集", "活动接龙", "盲盒话题"}  # fmt: skip

    assert names <= set(GAMES)
    assert host.GAMES is GAMES


def test_nothing_starts_two_games():
    said = [word for game in GAMES.values() for word in (game.name, *game.starts)]

    assert len(said) == len(set(said))


@pytest.mark.parametrize("opener", OPENERS)
def test_every_chain_can_go_on_from_where_it_begins(opener):
    followers = [i for i in known().values() if i.first == known()[opener].last]

    assert len(followers) > 10
