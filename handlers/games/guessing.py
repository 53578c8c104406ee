"""What riddles, words and pictures share: clues, free answers, a few tries for everybody."""

from collections.abc import Iterable, Sequence

from handlers.games import fuzzy
from handlers.games.base import Kit, State, Turn

TRIES = 5


def begin(key: str, clues: Iterable[str], answers: Sequence[str], explain: str, kit: Kit) -> State:
    """The first answer is the one that is shown; its length and beginning are the last clues."""
    answer = answers[0]
    last = [f"答案是{len(answer)}个字", *([f"第一个字是“{answer[0]}”"] if len(answer) > 1 else [])]
    return {
        "id": key, "clues": [*clues, *last], "shown": 1, "answers": list(answers),
        "explain": explain, "worth": kit.worth, "tries": {},
    }  # fmt: skip


def fresh(entries: list[State], kit: Kit, played: Iterable[State]) -> State:
    """One that was not played lately; any when all were."""
    seen = {state["id"] for state in played}
    return kit.rng.choice([e for e in entries if e["id"] not in seen] or entries)


def shown(state: State) -> str:
    return "\n".join(f"· {clue}" for clue in state["clues"][: state["shown"]])


def play(state: State, player: str, name: str, text: str) -> Turn | None:
    """A bare text counts only when it is right, so that talk costs nobody a try."""
    words, said_so = fuzzy.guess(text)
    verdict = fuzzy.judge(words, state["answers"])
    if verdict != "right" and not said_so:
        return None
    used = state["tries"].get(player, 0)
    if used >= TRIES:
        return Turn(state, f"{name}，这一题你已经猜了{TRIES}次，留给其他人。", took=False)
    after = {**state, "tries": {**state["tries"], player: used + 1}}
    if verdict == "right":
        won = ((player, state["worth"]),)
        return Turn(after, f"🎉 {name} 猜对了！{reveal(state)}", gains=won, over=True)
    near = "很接近了，再想想" if verdict == "near" else "不对"
    return Turn(after, f"{name}，{near}。还可以猜{TRIES - used - 1}次。")


def hint(state: State) -> tuple[State, str] | None:
    """The next clue, as long as there is one."""
    n, clues = state["shown"], state["clues"]
    return ({**state, "shown": n + 1}, str(clues[n])) if n < len(clues) else None


def reveal(state: State) -> str:
    return f"答案是“{state['answers'][0]}”。{state['explain']}".strip()


def ending(state: State) -> Turn:
    return Turn(state, f"时间到，{reveal(state)}", over=True)
