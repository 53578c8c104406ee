"""Two scripts tried against each other: who gets which, and what the counts allow to say.

The design is a fixed sample: both arms are judged once, when each has the number of sendings that
was named at the start. Before that only progress is told, except for harm, which is looked for at
every look with a bar so high (p < 0.001, Haybittle–Peto) that looking often hardly raises the
error.
"""

import hashlib
import math
from dataclasses import dataclass

Z = 1.959964  # 95 %
HARM_Z = 3.090232  # one-sided p = 0.001
ARMS = ("a", "b")


@dataclass(frozen=True, slots=True)
class Arm:
    """`sent` to customers, of whom `replied` in time and `harmed` complained or opted out."""

    sent: int
    replied: int
    harmed: int = 0

    @property
    def rate(self) -> float:
        return self.replied / self.sent if self.sent else 0.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """`state` is waiting, harm, a, b (the one that is proposed) or even."""

    state: str
    difference: float  # reply rate of b less that of a
    low: float
    high: float
    words: str


def arm_of(trial: str, customer: str) -> str:
    """The same customer always gets the same arm; over many customers both are as likely."""
    digest = hashlib.blake2s(f"{trial}/{customer}".encode(), digest_size=4).digest()
    return ARMS[digest[0] & 1]


def judge(a: Arm, b: Arm, wanted: int) -> Verdict:
    """What may be said with `wanted` sendings in each arm agreed at the start."""
    low, high = interval(a, b)
    difference = b.rate - a.rate
    if worse := harmful(a, b):
        words = f"{worse.upper()} 引起的投诉和退订明显更多（单侧 p<0.001），已停止，请改用另一条"
        return Verdict("harm", difference, low, high, words)
    if min(a.sent, b.sent) < wanted:
        words = f"A {a.sent}/{wanted}，B {b.sent}/{wanted}：没到约定的样本数，先不下结论"
        return Verdict("waiting", difference, low, high, words)
    told = (
        f"回复率 A {a.rate:.0%}、B {b.rate:.0%}，相差 {difference:+.0%}"
        f"（95% 区间 {low:+.0%} 到 {high:+.0%}）"
    )
    if low > 0:
        return Verdict("b", difference, low, high, f"{told}，建议用 B")
    if high < 0:
        return Verdict("a", difference, low, high, f"{told}，建议用 A")
    return Verdict("even", difference, low, high, f"{told}，分不出高下，用哪条都行")


def interval(a: Arm, b: Arm) -> tuple[float, float]:
    """95 % of the difference b − a: Newcombe's hybrid of two Wilson intervals (1998, method 10)."""
    if not a.sent or not b.sent:
        return -1.0, 1.0
    low_a, high_a = wilson(a.replied, a.sent)
    low_b, high_b = wilson(b.replied, b.sent)
    difference = b.rate - a.rate
    low = difference - math.hypot(b.rate - low_b, high_a - a.rate)
    high = difference + math.hypot(high_b - b.rate, a.rate - low_a)
    return low, high


def wilson(part: int, whole: int) -> tuple[float, float]:
    """The 95 % interval of a share (Wilson 1927), sane for small counts and shares near 0 or 1."""
    share, z2 = part / whole, Z * Z
    middle = (share + z2 / (2 * whole)) / (1 + z2 / whole)
    reach = Z / (1 + z2 / whole) * math.sqrt(share * (1 - share) / whole + z2 / (4 * whole**2))
    return max(0.0, middle - reach), min(1.0, middle + reach)


def harmful(a: Arm, b: Arm) -> str:
    """The arm after which clearly more customers complained or left, "" when neither is."""
    if not a.sent or not b.sent or a.harmed + b.harmed < 3:
        return ""
    pooled = (a.harmed + b.harmed) / (a.sent + b.sent)
    error = math.sqrt(pooled * (1 - pooled) * (1 / a.sent + 1 / b.sent))
    if not error:
        return ""
    z = (b.harmed / b.sent - a.harmed / a.sent) / error
    return "b" if z > HARM_Z else "a" if z < -HARM_Z else ""
