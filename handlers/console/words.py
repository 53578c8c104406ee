"""词库 in the console: words are tried on what customers said before anybody hears them."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from handlers import proposals
from handlers.console.parts import Line, count, moment, section, text
from handlers.console.values import (
    Act,
    Button,
    Field,
    Form,
    Missing,
    Page,
    Panel,
    Piece,
    Section,
    Stat,
    View,
)
from handlers.context import Ctx
from handlers.library import Refused
from handlers.proposals import Cluster, Rule, Trial
from handlers.tables import Table
from handlers.words import POLARITY, short
from nlp import clauses, match, tokens
from nlp.labels import CONCERNS, INTENTS
from nlp.lexicon import Lexicon, LexiconError
from nlp.normalise import Normal, plain
from storage import audit, console, corrections, rules

HISTORY = 20_000  # messages of customers, the newest
SHOWN = 20  # changed messages that are listed
LARGE = 0.02  # of what was said; a change of more is too wide
SHORTEST, LONGEST, MOST = 2, 20, 20  # characters of a word, words of a rule
WHATS: Mapping[str, str] = {
    "concern": "说的是一个关注点", "intent": "说的是一个意图", "shadow": "这几个字不算关注点",
    "eclipse": "这几个字不算意图",
}  # fmt: skip
_KIND, _OWN = re.compile(r"^\w+ 的"), re.compile(r"\bown\.\d+")
SIGNS = {"0": 0, "1": 1, "-1": -1}


def page(view: View, ctx: Ctx) -> Page:
    n = view.query.get("n", "")
    tried = _proposed(n, view, ctx) if n else _typed(view, ctx)
    hits = {row["rule"]: row for row in rules.hits(ctx.db)}
    dead = sorted(ctx.lexicon.rules - hits.keys())
    made = proposals.clusters(corrections.of_state(ctx.db, corrections.OPEN))
    return Page(
        "词库", clock=False, lead=_lead(view), forms=_forms(view, n), panels=tuple(tried),
        stats=(Stat("规则", str(len(ctx.lexicon.rules)), "正在用的"),
               Stat("没用过", str(len(dead)), "从没命中"),
               Stat("待处理的更正", str(len(made)), "顾问说标签不对的", warn=bool(made))),
        sections=(_open(made, view), _own(hits, view), _dead(dead, view)),
    )  # fmt: skip


def _lead(view: View) -> str:
    if view.lent.writable:
        return "先试，再采用；采用后马上生效，可以撤下。"
    return '可以先试。要采用，请在 config.toml 的 [nlp] 里写 lexicon = "lexicon"，再重启。'


def _forms(view: View, n: str) -> tuple[Form, ...]:
    if n:
        buttons = (Button("accept", "采用", main=True), Button("reject", "不采用"))
        return (Form("这一组更正", "lexicon", (Field("id", "", n, "hidden"),), buttons,
                     note="采用会写进公司自己的词库；不采用，词库不变。"),)  # fmt: skip
    return (_form(view.query),)


def _form(typed: Mapping[str, str]) -> Form:
    signs = tuple((key, POLARITY[sign]) for key, sign in SIGNS.items())
    return Form("加几个词", "lexicon", (
        Field("words", "词（一行一个）", typed.get("words", ""), "text", rows=4,
              note="至少两个字；(a|b) 是二选一，… 是中间隔几个字，例如 贵…离谱"),
        Field("kind", "这些词", typed.get("kind", "concern"), "choice", tuple(WHATS.items())),
        Field("concern", "哪个关注点", typed.get("concern", ""), "choice",
              tuple(CONCERNS.items())),
        Field("sign", "态度", typed.get("sign", "0"), "choice", signs),
        Field("intent", "哪个意图", typed.get("intent", ""), "choice", tuple(INTENTS.items())),
    ), (Button("look", "在历史里试一遍", main=True), Button("add", "采用")))  # fmt: skip


# Words that were typed


def rule(typed: Mapping[str, str]) -> Rule:
    """Raises Refused where it cannot be one."""
    kind, sign = typed.get("kind", ""), SIGNS.get(typed.get("sign", "0"), 0)
    found = tuple(dict.fromkeys(w.strip() for w in typed.get("words", "").split("\n") if w.strip()))
    if problems := list(wrong(found)):
        raise Refused("；".join(problems))
    if kind in ("shadow", "eclipse"):
        return Rule(kind, found)
    if kind == "intent" and typed.get("intent") in INTENTS:
        return Rule(kind, found, typed["intent"])
    if kind == "concern" and typed.get("concern") in CONCERNS:
        return Rule("cue" if sign else "topic", found, typed["concern"], sign)
    raise Refused("请选这些词说的是什么。")


def wrong(found: Sequence[str]) -> Iterator[str]:
    """What is wrong with words, in plain words."""
    if not found:
        yield "还没有写词"
    if len(found) > MOST:
        yield f"一次最多{MOST}个词，请分几次加"
    for word in found:
        if len(word) < SHORTEST:
            yield f"“{word}”只有一个字，会误伤很多话"
        elif len(word) > LONGEST:
            yield f"“{short(word, LONGEST)}”太长，客户不会一字不差地说"
        elif said := _broken(plain(word)):
            yield f"“{word}”写法不对：{said}"


def _broken(word: str) -> str:
    try:
        match.parse(word)
    except match.PatternError:
        return "( ) 要成对，… 要夹在两段字中间"
    return "" if any(map(str.isalnum, word)) else "要有字"


def _typed(view: View, ctx: Ctx) -> Iterator[Panel]:
    if said := view.query.get("refused"):
        yield Panel("没有采用", ((Piece(said),),), "bad")
    if "words" not in view.query:
        return
    try:
        found = rule(view.query)
        taught, doubts = view.lent.teach((found,))
    except (Refused, LexiconError) as exc:
        if not said:
            yield Panel("还不能试", ((Piece(str(exc)),),), "bad")
        return
    yield _lint(found, doubts, ctx)
    yield from told((found,), taught, ctx)


def _lint(found: Rule, doubts: Sequence[str], ctx: Ctx) -> Panel:
    known = [f"“{word}”已经读得出来（{name}）" for word in found.words
             if (name := _known(found, word, ctx.lexicon))]  # fmt: skip
    lines = tuple((Piece(f"· {one}"),) for one in (*known, *map(_plainly, doubts)))
    if lines:
        return Panel("请看一眼", lines, "warn")
    return Panel("写法没有问题", ((Piece("没有和已有的规则矛盾。"),),), "ok")


def _plainly(doubt: str) -> str:
    """Without the names that only the files use."""
    return _OWN.sub("新加的这条", _KIND.sub("", doubt))


def _known(found: Rule, word: str, lexicon: Lexicon) -> str:
    """The rule that hears the same already."""
    heard = lexicon.hits(plain(word), [len(plain(word))])
    return next((h.rule.name for h in heard
                 if (h.rule.kind, h.rule.code, h.rule.polarity)
                 == (found.kind, found.code, found.polarity)), "")  # fmt: skip


# Tried on what was said


@dataclass(frozen=True, slots=True)
class Change:
    """A stored wording that would be read otherwise; `spans` are the words that do it."""

    text: str
    times: int
    spans: tuple[tuple[int, int], ...]
    before: str
    after: str
    cuts: bool  # the words stand across the bounds of longer ones


@dataclass(frozen=True, slots=True)
class Tried:
    messages: int
    heard: int  # of them hold one of the words
    changes: tuple[Change, ...]

    @property
    def changed(self) -> int:
        return sum(c.times for c in self.changes)


def dry_run(found: Sequence[Rule], taught: Lexicon, ctx: Ctx) -> Tried:
    """Before and after; only a text in which one of the words is found can be read otherwise."""
    named = [match.Rule(rule.kind, "try") for rule in found]
    words = [(plain(word), one) for rule, one in zip(found, named, strict=True)
             for word in rule.words]  # fmt: skip
    matcher, after = match.Matcher(words), replace(ctx, lexicon=taught)
    said = console.said(ctx.db, HISTORY)
    changes = []
    for row in said:
        normal = Normal.of(row["text"])
        ends = [c.end for c in clauses.split(normal.text)]
        if hits := matcher.hits(normal.text, ends):
            changes.append(_change(row["text"], row["n"], normal, hits, ctx, after))
    real = [c for c in changes if c.before != c.after]
    real.sort(key=lambda c: (-c.times, c.text))
    return Tried(sum(row["n"] for row in said), sum(c.times for c in changes), tuple(real))


def _change(
    words: str, n: int, normal: Normal, hits: Sequence[match.Hit], ctx: Ctx, after: Ctx
) -> Change:  # fmt: skip
    spans = tuple(sorted({normal.span(h.start, h.end) for h in hits}))
    bounds, at = {0}, 0
    for token in tokens.cut(normal.text):
        bounds.add(at := at + len(token))
    cuts = any(h.start not in bounds or h.end not in bounds for h in hits)
    before, then = proposals.said(ctx.read(words)), proposals.said(after.read(words))
    return Change(words, n, spans, before, then, cuts)


def told(found: Sequence[Rule], taught: Lexicon, ctx: Ctx) -> Iterator[Panel]:
    tried = dry_run(found, taught, ctx)
    head = f"{tried.messages}条客户的话里，{tried.changed}条会变"
    lines = tuple(_line(c) for c in tried.changes[:SHOWN])
    more = len(tried.changes) - SHOWN
    note = f"另有{more}种说法。" if more > 0 else "看最近的话，保留期以内。"
    same = f"{tried.heard}条里有这些词，读法都不变。" if tried.heard else "历史里没有人这样说过。"
    yield Panel(head, lines or ((Piece(same),),), note=note)
    if hints := tuple(_hints(tried)):
        yield Panel("可能误伤", hints, "warn")


def _line(c: Change) -> tuple[Piece, ...]:
    found, at = [], 0
    for start, end in c.spans:
        found += [Piece(c.text[at:start]), Piece(c.text[start:end], "told")]
        at = end
    times = f" ×{c.times}" if c.times > 1 else ""
    return (Piece("“"), *found, Piece(f"{c.text[at:]}”{times}\n　"), Piece(c.before),
            Piece(" → "), Piece(c.after, "come"))  # fmt: skip


def _hints(tried: Tried) -> Iterator[tuple[Piece, ...]]:
    if tried.messages and tried.changed / tried.messages > LARGE:
        share = tried.changed / tried.messages
        yield (Piece(f"· {share:.1%}的话都会变，词太宽了，请写长一点。"),)
    if cut := [c for c in tried.changes if c.cuts]:
        yield (Piece(f"· {len(cut)}种说法里，这几个字只是更长的词的一部分，"
                     f"例如“{short(cut[0].text, 24)}”。"),)  # fmt: skip
    if lost := [c for c in tried.changes if c.before != "无"]:
        yield (Piece(f"· {len(lost)}种说法原来读成别的，例如“{short(lost[0].text, 24)}”"
                     f"原来是{lost[0].before}。"),)  # fmt: skip


# What advisors corrected


def cluster(n: str, ctx: Ctx) -> Cluster:
    made = proposals.clusters(corrections.of_state(ctx.db, corrections.OPEN))
    found = next((c for c in made if str(c.number) == n), None)
    if found is None:
        raise Missing(n)
    return found


def proposal(found: Cluster, view: View, ctx: Ctx) -> Trial | None:
    def teach(rules: Sequence[Rule]) -> Lexicon:
        return view.lent.teach(rules)[0]

    return proposals.propose(found, teach, proposals.history(ctx), ctx)


def _proposed(n: str, view: View, ctx: Ctx) -> Iterator[Panel]:
    if said := view.query.get("refused"):
        yield Panel("没有采用", ((Piece(said),),), "bad")
    group = cluster(n, ctx)
    said_lines = tuple((Piece(f"“{c.text}”"),) for c in group.made[:SHOWN])
    yield Panel(f"{group.title}（{len(group.made)}次）", said_lines)
    found = proposal(group, view, ctx)
    if found is None:
        cure = "加词改不了这一组，请手工改词库，或不采用。"
        yield Panel("没有能自动加的规则", ((Piece(cure),),), "warn")
        return
    lines = tuple((Piece(line),) for line in proposals.described(found))
    yield Panel("建议", lines, "ok")
    yield from told(found.rules, view.lent.teach(found.rules)[0], ctx)


def _open(made: Sequence[Cluster], view: View) -> Section:
    table = Table("open", "顾问的更正", (
        text("title", "读成 → 应该是"), count("times", "次数"), text("rule", "哪条规则读的"),
        text("said", "原话")), (), "点开看建议和试读；采用就按建议加词。")  # fmt: skip
    can = view.lent.writable
    lines = (
        Line((c.title, len(c.made), c.first.rule or None, short(c.first.text, 40)),
             f"lexicon?n={c.number}",
             Act("accept", str(c.number), "采用", "lexicon") if can else None)
        for c in made
    )  # fmt: skip
    return section(table, lines, view)


def _own(hits: Mapping[str, Mapping[str, object]], view: View) -> Section:
    table = Table("own", "公司自己加的规则", (
        text("words", "词"), text("means", "读作"), count("hits", "命中"), moment("at", "最近一次"),
        text("name", "编号")), (), "撤下后马上不再用；要回来就再加一次。")  # fmt: skip
    lines = (
        Line(("、".join(one.words), meaning(one), _count(hits, name), _last(hits, name), name),
             act=Act("withdraw", name, "撤下", "lexicon"))
        for name, one in view.lent.own()
    )  # fmt: skip
    return section(table, lines, view)


def _count(hits: Mapping[str, Mapping[str, object]], name: str) -> int:
    return int(str(hits[name]["hits"])) if name in hits else 0


def _last(hits: Mapping[str, Mapping[str, object]], name: str) -> str | None:
    return str(hits[name]["last_at"]) if name in hits else None


def meaning(one: Rule) -> str:
    if one.kind == "intent":
        return f"意图 {INTENTS.get(one.code, one.code)}"
    if one.kind in WHATS:
        return WHATS[one.kind]
    return f"{CONCERNS.get(one.code, one.code)}（{POLARITY.get(one.polarity, '')}）"


def _dead(names: Sequence[str], view: View) -> Section:
    table = Table("dead", "从没命中过的规则", (text("rule", "规则"), text("about", "关于")), (),
                  "命中从装上那天数起；没人说过的词不必删，只是没有用。")  # fmt: skip
    return section(table, (Line((name, _about(name))) for name in names), view)


KINDS: Mapping[str, str] = MappingProxyType({
    "trim": "配置版本", "hobby": "爱好", "signal": "购买信号", "about": "说的是谁", "color": "颜色",
    "opinion": "看法", "payment": "付款方式", "address": "称呼", "mood": "情绪", "mockery": "反话",
    "promo": "优惠", "mishap": "出了状况", "act": "在问、在说还是在要", "usage": "用途",
    "question": "问法", "purchase": "首购、换购、增购", "shadow": "不能只看字面的话",
    "time": "时间", "scale": "程度", "home": "家里条件", "foreign": "外文", "supposed": "假设",
    "spec": "参数", "worry": "担心", "cool": "先等等", "cancel": "取消",
})  # fmt: skip


def _about(name: str) -> str | None:
    """What a rule is about, as its name begins."""
    part = name.partition(".")[0]
    return CONCERNS.get(part) or INTENTS.get(part) or KINDS.get(part)


# What the buttons do; the shell writes the file between the two


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be written into the company's own file, or taken out of it."""

    rules: tuple[Rule, ...] = ()
    note: str = ""
    ids: tuple[str, ...] = ()  # corrections that are settled by it
    state: str = corrections.ACCEPTED
    without: str = ""  # the rule that goes


def wanted(view: View, ctx: Ctx) -> Wanted:
    """Writes nothing; Refused or Missing where there is nothing to do."""
    query, day = view.query, ctx.today.isoformat()
    do, key = query.get("do") or query.get("what", ""), query.get("id", "")
    if do == "reject":
        return Wanted(ids=cluster(key, ctx).ids, state=corrections.REJECTED)
    if not view.lent.writable:
        raise Refused(_lead(view))
    if do == "withdraw":
        if key not in dict(view.lent.own()):
            raise Missing(key)
        return Wanted(without=key)
    if do == "add":
        return Wanted((rule(query),), f"{day} 看板加的，{ctx.team.name(view.reader.member)}")
    group = cluster(key, ctx)
    found = proposal(group, view, ctx)
    if found is None:
        raise Refused(f"“{group.title}”没有能自动加的规则；请手工改词库，或不采用。")
    note = f"{day} 采纳：{group.title}，更正{len(group.made)}次"
    return Wanted(found.rules, note, group.ids)


def settle(found: Wanted, by: str, ctx: Ctx) -> str:
    """After the file was written: corrections are closed, and who did it is kept."""
    corrections.settle(ctx.db, found.ids, found.state, ctx.now)
    told = Counter(rule.kind for rule in found.rules)
    what = f"console lexicon {found.without or found.state} {' '.join(sorted(told))}".strip()
    audit.note(ctx.db, who=by, what=what, customer="", now=ctx.now)
    if found.state == corrections.REJECTED:
        return "lexicon?done=rejected"
    return f"lexicon?done={'withdrawn' if found.without else 'taught'}"
