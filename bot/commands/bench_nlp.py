"""The part `nlp` of bench: how fast a message is understood, and how soon after a cold start.

Each figure comes from a child of its own, so that nothing is warm that would be cold, and nothing
is counted that belongs to the bench.
"""

import asyncio
import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import click

from bot.commands.figures import BenchError, Figure, Size
from nlp import tokens
from nlp.lexicon import Lexicon

AT = datetime(2026, 3, 6, 1, tzinfo=UTC)
STATUS = Path("/proc/self/status")
PYTHON = (sys.executable, "-c", "pass")
TEXTS = (
    "你好，想问下你们S6冬天续航大概能跑多少，家里没桩充电方便吗",
    "周六下午两点我带老婆过去看看，能不能先安排一台试驾车等我们",
    "价格还是有点贵，隔壁店说能优惠两万，你们这边最低多少能拿下",
    "预算15到18万，主要上下班代步，偶尔跑高速回老家，推荐哪款好",
    "首付三成分36期的话月供大概多少，利息能不能免，手续费收多少呢",
    "我那台开了六年的卡罗拉，跑了8万公里，置换能抵多少钱，有补贴吗",
    "看了一圈还是觉得这个内饰质感一般，塑料味有点重，座椅倒挺舒服",
    "后排空间够不够大，家里两个孩子要装安全座椅，后备箱能放推车吗",
    "隔音怎么样，我朋友那台跑到一百二胎噪特别大，说话都要靠喊的了",
    "电池质保几年，听说三年以后衰减厉害，到时候换一块得花多少钱啊",
    "不用再给我发消息了，已经在别家定了，谢谢你这段时间的耐心介绍",
    "跟比亚迪宋PLUS比起来优势在哪里，我爸一直说还是买油车比较放心",
    "现车有没有白色顶配，月底之前能提到的话我这周就可以过来交定金",
    "提车才一个月，中控就黑屏了三次，打售后电话没人接，我要投诉了",
    "智驾在城里到底好不好用，会不会突然刹车，雨天晚上还敢不敢开呀",
    "保险第一年大概要多少，保养一次贵不贵，附近有没有你们的服务站",
    "我先了解一下，不着急买，等国庆以后看看有没有新的活动再说好吧",
    "油耗实际是多少，天天堵车的话百公里要几个油，和官方写的差多少",
    "上海牌照现在好不好办，绿牌还送吗，指标没下来之前能不能先订车",
    "家里人不太同意买电车，觉得不安全，老婆又嫌外观太普通不够好看",
    "动力挺够用的，超车一脚就出去了，底盘有点硬，过减速带比较颠簸",
    "别的都没问题，价格不是问题，就是三年后保值率多少心里没有底啊",
    "麻烦把你们店的地址发我一下，周日早上十点半到，停车方便不方便",
    "贷款审批一般要几天，征信有一次逾期会不会影响，能不能先提车呢",
)  # fmt: skip
HOSTILE = {
    "一个字": "贵" * 10_000, "一个字母": "a" * 10_000, "数字": "1" * 10_000,
    "括号": "（" * 5_000 + "）" * 5_000,
    "表情": "👨‍👩‍👧‍👦🏽" * 1_400, "金额": "20万" * 3_300, "日期": "周六下午3点" * 1_500,
    "车名": "宋PLUS" * 1_700, "地名": "北京市" * 3_300, "句子": "价格太贵了不是问题吗，" * 900,
}  # fmt: skip


async def nlp(size: Size) -> list[Figure]:
    """Reading, hostile texts, readiness and memory, each against something of the same run."""
    passes = max(2, size.asked // 10)
    reads = await _child("reads", str(passes))
    segmenters = [name for name in tokens.SEGMENTERS if name == "jieba" or tokens.fastest() == name]
    bare = median([await _took(*PYTHON) for _ in range(size.starts)])
    ready = [await _ready(name, size.starts, bare) for name in segmenters]
    return [*_reading(reads), *_hostile(reads["hostile"]), *ready, _memory(reads)]


def _reading(reads: dict[str, Any]) -> list[Figure]:
    ours, plain = reads["ours"], reads["jieba"]
    cuts = quantiles(ours, n=100)
    return [
        Figure("nlp", f"读懂一条 30 字的消息 p50，词库 {reads['patterns']} 条说法",
               f"{median(ours) * 1e6:.0f} µs", median(ours) / median(plain),
               f"jieba.lcut 切同一条 {median(plain) * 1e6:.0f} µs"),
        Figure("nlp", "读懂一条 30 字的消息 p99", f"{cuts[98] * 1e6:.0f} µs",
               cuts[98] / quantiles(plain, n=100)[98], "jieba.lcut 的 p99"),
    ]  # fmt: skip


def _hostile(took: dict[str, float]) -> list[Figure]:
    worst = max(took, key=lambda name: took[name])
    value = f"{took[worst] * 1000:.1f} ms"
    return [Figure("nlp", f"一万字的怪消息，最慢的是“{worst}”", value, None, "")]


async def _ready(segmenter: str, starts: int, bare: float) -> Figure:
    took = median(
        [await _took(sys.executable, "-m", __name__, "ready", segmenter) for _ in range(starts)]
    )
    what = f"新进程读懂第一条消息，词典用 {segmenter}"
    return Figure("nlp", what, f"{took:.2f} s", took / bare, f"Python 自己起落一次 {bare:.2f} s")


def _memory(reads: dict[str, Any]) -> Figure:
    """The child's own figures, dictionary of jieba included."""
    before, after = reads["memory"]
    ratio = after / before if before else None
    return Figure("nlp", "词库和 jieba 词典装好之后的内存", f"{after:.0f} MB", ratio,
                  f"只有 Python 和依赖时 {before:.0f} MB")  # fmt: skip


async def _took(*command: str) -> float:
    began = time.perf_counter()
    process = await asyncio.create_subprocess_exec(*command)
    if await process.wait():
        raise BenchError("测量用的进程没有成功")
    return time.perf_counter() - began


async def _child(*args: str) -> dict[str, Any]:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", __name__, *args, stdout=pipe
    )
    out, _ = await process.communicate()
    if process.returncode:
        raise BenchError("测量用的进程没有成功")
    found: dict[str, Any] = json.loads(out)
    return found


@dataclass(slots=True)
class Watch:
    """What several ways to do something took, text by text."""

    ways: dict[str, Callable[[str], object]]
    took: dict[str, list[float]]

    def turn(self, text: str) -> None:
        """All ways one after the other, so that a busy moment strikes them alike."""
        for name, way in self.ways.items():
            began = time.perf_counter()
            way(text)
            self.took.setdefault(name, []).append(time.perf_counter() - began)


def _reads(passes: int) -> dict[str, Any]:
    before = _resident()
    lexicon = Lexicon.load()
    tokens.load("jieba")
    after = _resident()
    watch = Watch(
        {"jieba": lambda t: tokens.cut(t, "jieba"), "ours": lambda t: lexicon.read(t, at=AT)}, {}
    )
    for _ in range(2):  # the first messages of a process are slower, and nobody waits for them
        for text in TEXTS:
            watch.turn(text)
    watch.took.clear()
    for _ in range(passes):
        for text in TEXTS:
            watch.turn(text)
    hostile = {name: _slowest(lexicon, text) for name, text in HOSTILE.items()}
    return {**watch.took, "patterns": lexicon.matcher.size, "hostile": hostile,
            "memory": (before, after)}  # fmt: skip


def _slowest(lexicon: Lexicon, text: str) -> float:
    watch = Watch({"read": lambda t: lexicon.read(t, at=AT)}, {})
    for _ in range(3):
        watch.turn(text)
    return median(watch.took["read"])


def _resident() -> float:
    """Resident memory in MB; 0 where the system does not tell."""
    if not STATUS.exists():
        return 0.0
    lines = STATUS.read_text(encoding="ascii", errors="replace").splitlines()
    return next(int(row.split()[1]) for row in lines if row.startswith("VmRSS:")) / 1024


def _main(kind: str, argument: str) -> None:
    if kind == "reads":
        click.echo(json.dumps(_reads(int(argument))))
    else:
        tokens.load(argument)
        Lexicon.load().read(TEXTS[0], at=AT)


if __name__ == "__main__":
    _main(*sys.argv[1:])
