"""The advisor's conversation in the app chat: commands, answers to questions, pasted words."""

import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from handlers import (
    activities,
    acts,
    amend,
    answers,
    checklist,
    compare,
    corrections,
    crowds,
    digest_lines,
    digest_people,
    digests,
    drafts,
    edits,
    escalation,
    favourites,
    followups,
    groupmsg,
    h5_links,
    helping,
    howmany,
    intaking,
    intervals,
    koc,
    lately,
    leave,
    lost,
    material_links,
    materials,
    mine,
    names,
    overrides,
    own,
    pasted,
    plans,
    pools,
    privacy,
    prizes,
    promises,
    purchase,
    questions,
    referral,
    reminding,
    rooms,
    stars_told,
    stopping,
    stuck,
    suggest,
    together,
    training,
    undo,
    visits,
    watch,
    watch_ears,
    whatif_past,
    winback,
)
from handlers.console import door
from handlers.context import Ctx
from handlers.group_plans import chat as group_plans
from handlers.router import Router, on
from handlers.values import Action, Inbound, Send
from storage import customers, dialogs
from storage import followups as owed
from storage.dialogs import Dialog

STRANGER = "您好，我是门店的销售助手，您还不在使用名单里，请联系店里的管理员开通。"
MEDIA = {
    "voice": "语音我听不了，请长按语音“转文字”后贴给我。",
    "image": "图片我看不了，请把客户说的话打成文字贴给我。",
    "video": "视频我看不了，请把客户说的话打成文字贴给我。",
    "file": "文件我读不了，请把客户说的话打成文字贴给我。",
    "location": "收到位置。要记试驾地点，请回复 记录 加客户姓名和时间。",
    "link": "收到链接。要我找话术，请把客户的问题打成文字贴给我。",
}

HELLO = (
    r"^(?:(?P<thanks>谢谢(?:你|啦|了)?|多谢|辛苦了|谢啦)|在吗|在不在|在么|你好|您好|哈喽|hi|hello)"
    r"[。！!～~？?]*$"
)
HERE = """在的。您可以直接说：
· 客户王女士问：冬天续航怎么样（给话术）
· 待办（今天要联系谁）
· 帮助（全部说法）
是客户说的，请带上名字，例如：王女士说：在吗"""
_WHOM = r"(?:谁|哪些(?:客户|人)?|哪几[个位](?:客户)?)"
_REACH = r"(?:联系|跟进?|回访)"
_DAY = r"(?:我|那我)?(?:今天|今日|现在)?(?:我)?"
DUE_TODAY = (
    rf"^(?:{_DAY}(?:还)?有?{_WHOM}(?:没|还没|该|要|需要|得|应该)*{_REACH}(?:过|了)?|"
    rf"{_DAY}(?:该|要|需要|得|应该)*{_REACH}{_WHOM}|"
    r"(?:我)?(?:今天|今日)我?[该要]?(?:做什么|干什么|干嘛|干啥|忙啥|忙什么|有什么(?:任务|事|安排))|"
    rf"逾期的?(?:有)?(?:{_WHOM}|名单)了?|{_WHOM}逾期了?|我的(?:提醒|待办|任务)|下一[个位](?:客户)?)"
    r"[?？]?$"
)

Command = Callable[[re.Match[str], Inbound, Ctx], Iterator[Action] | None]


def text(msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    """Whatever a member writes to the app."""
    if (actions := stopping.words(msg, ctx)) is not None:
        return actions
    if not known(msg.sender, ctx):
        return door.words(msg, ctx) or group_plans.words(msg, ctx) or stranger(msg, ctx)
    words = msg.text.strip()
    for pattern, command in COMMANDS:
        match = pattern.match(words)
        if match and (actions := command(match, msg, ctx)) is not None:
            return actions
    if (actions := answers.answer(words, msg, ctx)) is not None:
        return actions
    return pasted.customer_words(words, msg, ctx)


def known(member: str, ctx: Ctx) -> bool:
    return ctx.team.known(member)


def stranger(msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    yield Send(msg.sender, STRANGER)
    for operator in ctx.settings.access.operators:
        yield Send(operator, f"{msg.sender} 给销售助手发了消息，但不在任何名单里。")


def media(msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    if not known(msg.sender, ctx):
        yield from stranger(msg, ctx)
        return
    fallback = "这种消息我读不了，请把客户说的话打成文字贴给我。"
    yield Send(msg.sender, MEDIA.get(msg.kind, fallback))


def show(match: re.Match[str], msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    return acts.with_customer(match["name"], msg.sender, {"do": "show"}, ctx)


def search(match: re.Match[str], msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    customer = acts.focused(msg.sender, ctx)
    return suggest.search(match["words"], msg.sender, customer, ctx)


def record(match: re.Match[str], msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    rest = match["rest"].strip()
    name, _, words = rest.partition(" ")
    if not words:
        name, words = _split(rest, msg.sender, ctx)
    return acts.with_customer(name, msg.sender, {"do": "record", "text": words.strip()}, ctx)


def settled(match: re.Match[str], msg: Inbound, ctx: Ctx) -> Iterator[Action] | None:
    """已解决 王女士 续航; where nobody is named these are a customer's words."""
    name, words = _split(match["rest"], msg.sender, ctx)
    if not words.strip():
        return None
    then = {"do": "record", "text": f"{match['state']} {words.strip()}"}
    return acts.with_customer(name, msg.sender, then, ctx)


def _split(rest: str, member: str, ctx: Ctx) -> tuple[str, str]:
    """王女士周六试驾 without a blank: the longest known name that it begins with."""
    known_names = (c.name for c in names.mentioned(rest, member, ctx))
    name = next((n for n in known_names if rest.startswith(n)), rest)
    return name, rest[len(name) :]


def todo(_: re.Match[str], msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    """What is due until the end of today, without counting as a reminder."""
    end = ctx.on(ctx.today + timedelta(days=1), ctx.settings.followups.shift_from)
    found = followups.owed(msg.sender, end, ctx)
    shown = found[: ctx.settings.followups.morning_items]
    items = [followups.item(f, c, ctx, msg.sender) for f in shown
             if (c := customers.get(ctx.db, f.customer))]  # fmt: skip
    if not items:
        yield Send(msg.sender, "今天没有待办，到期的都处理完了。")
        return
    rows = [f"{n}. {followups.line(it)}" for n, it in enumerate(items, 1)]
    more = [f"另有{len(found) - len(shown)}位排在后面。"] if len(found) > len(shown) else []
    followups.remember(msg.sender, items, ctx)
    yield Send(msg.sender, "\n".join([f"待办{len(found)}位：", *rows, *more, followups.TAIL]))


def adopt(match: re.Match[str], msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    dialog = acts.recent(msg.sender, ctx, "suggest")
    if dialog is None:
        yield Send(
            msg.sender, "现在没有可采用的话术。请先贴客户的话，例如：客户王女士问：冬天续航怎么样"
        )
        return
    number = match["n"] or "1"
    yield from suggest.adopt(dialog, "〇一二三四五".find(number) if number in "一二三四五"
                             else int(number), ctx)  # fmt: skip


def adopt_many(match: re.Match[str], msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    """采用 1 和 3: one text of several scripts."""
    dialog = acts.recent(msg.sender, ctx, "suggest")
    if dialog is None:
        yield Send(msg.sender, "现在没有可采用的话术。请先贴客户的话。")
        return
    numbers = dict.fromkeys(map(int, re.findall(r"[1-9]", match["ns"])))
    yield from suggest.adopt_many(dialog, list(numbers), ctx)


def more(_: re.Match[str], msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    dialog = acts.recent(msg.sender, ctx, "suggest", "item")
    if dialog is None:
        yield Send(msg.sender, "现在没有可换的话术。请先贴客户的话。")
    elif dialog.kind == "item":
        yield from acts.other(dialog, ctx)
    else:
        yield from suggest.more(dialog, ctx)


def following(match: re.Match[str], msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    dialog = acts.recent(msg.sender, ctx, "suggest")
    if dialog is None:
        yield Send(msg.sender, "现在没有下一问。请先贴客户的话。")
        return
    yield from suggest.following(dialog, int(match["n"] or 1), ctx)


def refuse(_: re.Match[str], msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    dialog = acts.recent(msg.sender, ctx, "suggest")
    if dialog is None:
        yield Send(msg.sender, "现在没有话术可评价。请先贴客户的话。")
        return
    yield from suggest.refuse(dialog, ctx)


def tagged(match: re.Match[str], msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    """标签 王女士; without a name those of whoever was looked at last."""
    return _of(match["name"], {"do": "tags"}, msg, ctx)


def why_tag(match: re.Match[str], msg: Inbound, ctx: Ctx) -> Iterator[Action] | None:
    """为什么 王女士 理性型; a word that is no tag leaves the question to others."""
    if match["tag"] not in ctx.tags.tags:
        return None
    return _of(match["name"], {"do": "tag", "tag": match["tag"]}, msg, ctx)


def _of(name: str | None, then: dict[str, str], msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    if name:
        return acts.with_customer(name, msg.sender, then, ctx)
    customer = acts.looked_at(msg.sender, ctx)
    if customer is None:
        return iter([Send(msg.sender, "想看哪一位的标签？回复 标签 加姓名，例如：标签 王女士")])
    return acts.perform(customer, msg.sender, then, ctx)


def why(match: re.Match[str], msg: Inbound, ctx: Ctx) -> Iterator[Action] | None:
    """为什么 王女士; 为什么比别家贵 names nobody, so these are a customer's words."""
    name = match["name"]
    if not name:
        return _why_newest(msg, ctx)
    if name.isdecimal() and len(name) <= 2:
        newest = acts.recent(msg.sender, ctx, "list", "digest")
        if newest and newest.kind == "digest":
            return digest_lines.explain(msg.sender, int(name), ctx)
        return answers.why_item(name, msg.sender, ctx)
    known_name = names.look(name, msg.sender, ctx).candidates
    if not known_name and "为什么 " not in msg.text:
        return None
    return acts.with_customer(name, msg.sender, {"do": "why"}, ctx)


THEIRS = {"清单": "checklist", "标签": "tags", "评分": "scores", "资料": "data",
          "预约": "appointment"}  # fmt: skip


def of_theirs(match: re.Match[str], msg: Inbound, ctx: Ctx) -> Iterator[Action] | None:
    """王女士的清单; of somebody unknown these are other words."""
    if not names.look(match["name"], msg.sender, ctx).exact:
        return None
    then = {"do": THEIRS[match["what"]], "text": ""}
    return acts.with_customer(match["name"], msg.sender, then, ctx)


def opted_out(match: re.Match[str], msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    """退订 王女士, on behalf of a customer who told the advisor."""
    then = {"do": "record", "text": "退订"}
    return acts.with_customer(match["name"], msg.sender, then, ctx)


def _why_newest(msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    dialog = acts.recent(msg.sender, ctx, "suggest", "item", "digest", "choice")
    if dialog is None:
        yield Send(msg.sender, "想知道哪一位的判断依据？回复 为什么 加姓名，例如：为什么 王女士")
    else:
        yield from explain(dialog, ctx)


def explain(dialog: Dialog, ctx: Ctx) -> Iterator[Action]:
    if dialog.kind == "suggest":
        yield from suggest.why(dialog)
    elif dialog.kind == "digest":
        yield from digests.why(dialog, ctx)
    elif customer := customers.get(ctx.db, dialog.body.get("customer", "")):
        followup = owed.get(ctx.db, dialog.body.get("followup", ""))
        yield Send(dialog.member, answers.why(customer, followup, ctx))


def named(do: str) -> Command:
    """A command about the customer it names; `text` is what else was said."""

    def command(match: re.Match[str], msg: Inbound, ctx: Ctx) -> Iterator[Action]:
        then = {"do": do, "text": match.groupdict().get("text") or ""}
        return acts.with_customer(match["name"], msg.sender, then, ctx)

    return command


def confirm_erase(_: re.Match[str], msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    dialog = acts.recent(msg.sender, ctx, "erase")
    if dialog is None:
        return iter([Send(msg.sender, "要删除谁的资料？先回复 删除资料 加姓名。")])
    return privacy.decide(dialog, "erase", ctx)


def keep_promise(_: re.Match[str], msg: Inbound, ctx: Ctx) -> Iterator[Action] | None:
    """好, where the advisor was just asked whether to be reminded of what they promised."""
    dialog = promises.pending(msg.sender, ctx)
    customer = promises.whose(dialog, ctx) if dialog else None
    if dialog is None or customer is None:
        return None
    dialogs.close(ctx.db, dialog.id)
    at = datetime.fromisoformat(dialog.body["at"])
    return acts.remind(customer, at, dialog.body["words"], msg.sender, ctx)


def take_back(_: re.Match[str], msg: Inbound, ctx: Ctx) -> Iterator[Action]:
    return undo.undo(msg.sender, ctx)


def sent(_: re.Match[str], msg: Inbound, ctx: Ctx) -> Iterator[Action] | None:
    """发了, of the words that were just given; otherwise somebody's words."""
    if acts.recent(msg.sender, ctx, "suggest", "item") is None:
        return None
    customer = acts.looked_at(msg.sender, ctx)
    return acts.contacted(customer, None, msg.sender, ctx) if customer else None


def hello(match: re.Match[str], msg: Inbound, ctx: Ctx) -> Iterator[Action] | None:
    """To us, where no customer was named before; thanks are always ours."""
    if match["thanks"]:
        return iter([Send(msg.sender, "不客气，有事随时说。")])
    return None if acts.focused(msg.sender, ctx) else iter([Send(msg.sender, HERE)])


def done(match: re.Match[str], msg: Inbound, ctx: Ctx) -> Iterator[Action] | None:
    rest = (match["rest"] or "").strip()
    if rest and not rest.isdecimal():
        named = names.mentioned(rest, msg.sender, ctx)
        if named and not names.look(rest, msg.sender, ctx).exact:
            return None  # 已联系王女士，约了周六: more is said than a name
        return acts.with_customer(rest, msg.sender, {"do": "done"}, ctx)
    return answers.for_item(rest, msg.sender, ctx, acts.contacted)


COMMANDS: tuple[tuple[re.Pattern[str], Command], ...] = tuple(
    (re.compile(pattern), command)
    for pattern, command in (
        (r"^(?:帮助|help|\?|？|使用说明|怎么用)\s*(?P<topic>\S{1,6})?$", helping.command),
        (r"^(?:详情)\s*(?P<n>\d{1,2})$", digests.detail_command),
        (
            r"^(?:看|发|发下|今天的?|我要看?)?(?P<which>日报|早报|晚报|周报|月报)(?:发我|看看)?$",
            digests.now,
        ),
        (r"^(?P<which>晨会|夕会)$", digest_people.command),
        (
            r"^(?P<n>\d{1,2})\s*转(?:给)?\s*(?P<to>\S{1,12})(?:\s+(?P<name>\S{1,20}))?$",
            digest_lines.move,
        ),
        (r"(?s)^(?P<n>\d{1,2})\s*批注\s*+[:：]?\s*+(?P<text>\S.{0,200})$", digest_lines.note),
        (r"^(?P<word>有用|没用)\s*(?P<n>\d{1,2})$", digest_lines.vote),
        (r"^表扬$", digest_lines.praise),
        (door.WORDS, door.command),
        (howmany.PATTERN, howmany.command),
        (lately.PATTERN, lately.command),
        (lately.UNANSWERED, lately.unanswered),
        (mine.PATTERN, mine.command),
        (visits.WHO_COMES, visits.coming),
        (HELLO, hello),
        (r"^(?:客户|查客户|看客户)\s+(?P<name>\S.{0,20})$", show),
        (r"^话术\s*+[:：]?\s*+(?P<words>\S.{0,60})$", search),
        (r"^(?:找一?[个下]?|搜索?一?下?|查一?下?|来[个点])\s*(?P<words>\S{1,20}?)的?话术$", search),
        (r"^搜索?\s+(?P<words>\S.{0,40})$", search),
        (r"^(?:记录|记一下|登记)\s*+[:：]?\s*+(?P<rest>\S.+)$", record),
        (r"^(?P<state>已解决|(?:还)?没解决|[仍还]卡住)\s*(?P<rest>\S.{1,40})$", settled),
        (r"^(?:待批战败|战败审批|待审批?战败|战败申请)$", lost.listing),
        (r"^(?:召回|战败召回|召回(?:的)?(?:结果|效果))$", winback.command),
        (r"^(?:待领取|公海|回流)(?:有谁|名单|里有谁|客户)?[？?]?$", pools.listing),
        (r"^领取\s*(?P<name>\S{1,20})$", pools.command),
        (r"^(?:转介绍|介绍名单)$", referral.listing),
        (
            r"^转介绍\s+(?P<by>[^\s→>-]{1,20})\s*(?:→|->|-->|>|介绍了?|\s)\s*(?P<friend>\S{1,20})$",
            referral.command,
        ),
        (
            r"^(?P<friend>\S{1,10}?)是(?P<by>\S{1,10}?)(?:转?介绍|推荐)(?:过来|来)?的[。！]?$",
            referral.plainly,
        ),
        (
            r"^(?P<by>\S{1,10}?)(?:转?介绍|推荐)了(?P<friend>\S{1,10}?)(?:过来|来)?[。！]?$",
            referral.plainly,
        ),
        (r"^发放\s+(?P<name>\S{1,20})(?:\s+(?P<text>\S.{0,80}))?$", named("give")),
        (r"^(?:有哪些)?(?:SOP|sop|计划)(?:有哪些|列表)?[？?]?$", plans.listing),
        (group_plans.PATTERN, group_plans.command),
        (group_plans.TODAY, group_plans.today),
        (
            r"^(?P<verb>开启|打开|启动|停止|关闭)\s*+(?:SOP|sop)?\s*+(?P<name>\S{1,20})$",
            plans.switch,
        ),
        (r"^预览\s*+(?:SOP|sop)?\s*+(?P<name>\S{1,20})$", plans.preview_command),
        (r"^(?:退出|停)(?:SOP|sop)\s*(?P<name>\S{1,20})$", named("leave_sop")),
        (r"^战败\s+(?P<name>[^\s，,：:]{1,20})(?:[\s，,：:]+(?P<text>\S.*))?$", named("lost")),
        (r"^(?P<day>今天|今日|明天|明日|后天|昨天)?(?:的)?预约$", visits.command),
        (r"^(?:清单|检查清单)\s+(?P<name>\S.{0,20})$", named("checklist")),
        (
            r"^(?:客户|成交)?(?:周期|平均多久(?:成交|到店|下订))(?:\s*按?(?P<by>顾问|门店|来源|顾客|顾虑|关注点))?$",
            intervals.command,
        ),
        (r"^(?:卡住名单|卡住的(?:客户)?|卡住)$", stuck.command),
        (
            rf"^(?:自然到店|自然进店|散客)\s*+[:：]?\s*+(?P<name>{intaking.NAME})"
            r"(?:[\s，,]+(?P<text>.*))?$",
            intaking.walk_in,
        ),
        (r"^(?:我的|有|有没有)?新?线索(?:名单|吗|有哪些|几条|分给谁了?)?[？?]?$", intaking.listing),
        (intaking.INTRODUCED_BY, intaking.introduced),
        (intaking.CAME_IN, intaking.walk_in),
        (intaking.NO_CONTACT, intaking.walk_in),
        (r"^(?:新)?线索\s*+[:：]?\s*+(?P<text>\S.+)$", intaking.online),
        (r"^转顾问\s+(?P<name>\S{1,20})\s+(?:给\s*)?(?P<text>\S{1,12})$", named("hand_over")),
        (overrides.PATTERN, named("override")),
        (overrides.NAMED, named("override")),
        (r"^改(?:级别?|意向)\s+(?P<name>\S.{0,20})$", named("level")),
        (r"^(?:评分|打分)\s+(?P<name>\S.{0,20})$", named("scores")),
        (r"^(?P<name>\S{2,12}?)的(?P<what>清单|标签|评分|资料|预约)$", of_theirs),
        (r"^(?P<name>\S{2,12}?)为什么(?:是|被?判成|算)(?:[OHABCN]级|[高中低]意向)[?？]?$", why),
        (r"^退订\s+(?P<name>\S{1,20})$", opted_out),
        (r"^(?:谁能带人|传播价值)$", koc.command),
        (rooms.PATTERN, rooms.command),
        (h5_links.PATTERN, h5_links.command),
        (together.PATTERN, together.command),
        (r"^(?:练习|练话术|练一下|练一练|考考?我|再来一题)$", training.command),
        (r"^(?:练习|我的)?成绩$", training.board),
        (activities.NEW, activities.command),
        (activities.REPORT, activities.told),
        (activities.SPENT, activities.spent),
        (activities.SPENDING, activities.spending),
        (activities.LIST, activities.listing),
        (watch.LIST, watch.listing),
        (watch.SETTLE, watch.settle),
        (watch.NOTE, watch.annotate),
        (watch_ears.HEARD, watch_ears.pasted),
        (watch_ears.USAGE, watch_ears.usage),
        (r"^共同目标", together.usage),
        (r"^取消共同目标\s+(?P<group>\S{1,30})$", together.stop),
        (prizes.PATTERN, prizes.command),
        (r"^人群(?:\s+(?P<name>\S{1,20}))?$", crowds.command),
        (r"^如果\s*(?P<text>[\w.]+\s*[=＝]\s*\S+)$", whatif_past.command),
        (r"^打勾\s*(?P<n>\d{1,2})$", checklist.command),
        (r"^(?:我|刚才)?(?:记错|说错)了?[，,：:。 ].+$", amend.command),
        (r"^改成(?!\s*[:：]).+$", amend.command),
        (
            r"^(?:帮我)?(?P<verb>算|月供|落地)(?:一下|个|下)?(?:月供|落地价?)?\s+(?P<words>\S.{0,80})$",
            purchase.calculate,
        ),
        (r"^对比\s+(?P<words>\S.{0,80})$", compare.compare),
        (r"^选车\s*+[:：]?\s*+(?P<words>\S.{0,80})$", compare.choose),
        (r"^检查\s*+[:：]?\s*+(?P<words>\S.*)$", drafts.check),
        (
            r"^(?:再|要|来个|来一个|有没有|有)?(?:更)?(?P<style>短|简短|正式|理性|感性|太长)"
            r"(?:一点|些|点|版|了)?(?:的)?(?:版本|说法)?吗?[？?]?$",
            drafts.restyle,
        ),
        (r"(?s)^存为我的话术\s*+[:：]?\s*+(?P<words>\S.*)?$", own.keep),
        (r"^(?:我的话术|我存的话术)$", own.list_),
        (r"^删除我的话术\s*(?P<n>\d{1,3})$", own.remove),
        (r"^下一问\s*(?P<n>\d)?$", following),
        (r"^(?:待办|今天待办|今日待办|任务|跟进)$", todo),
        (DUE_TODAY, todo),
        (r"^(?:采用|用|选|就)\s*+(?:第\s*+)?(?P<n>[\d一二三四五])?\s*+[条个]?吧?$", adopt),
        (r"^(?:采用|用|选)\s*(?P<ns>[1-9](?:(?:\s*+[,，、和+]\s*+|\s++)[1-9]){1,4})$", adopt_many),
        (r"^(?:素材|找素材)(?:\s+(?P<words>\S.{0,40}))?$", materials.search),
        (r"^发素材\s*(?P<n>\d)?$", materials.hand),
        (material_links.PATTERN, material_links.command),
        (stars_told.COMMAND, named("rate")),
        (r"^收藏\s*(?P<n>\d)?$", favourites.keep),
        (r"^(?:我的收藏|收藏夹)$", favourites.list_),
        (r"^取消收藏\s*(?P<n>\d)$", favourites.remove),
        (r"(?s)^改成\s*[:：]\s*(?P<words>\S.*)$", edits.change),
        (r"^(?:加个问题|加一个问题|再问一句)$", questions.add),
        (
            r"^第?\s*(?P<n>[\d一二三四五])\s*(?:[条个]|[条个]?(?:吧|发一下|发吧|可以|就行|不错))$",
            adopt,
        ),
        (r"^(?:请|到时候?)?提醒我\s*+[:：]?\s*+(?P<rest>\S.+)$", reminding.remind),
        (
            r"^(?P<before>\S.{0,20}?)(?:请|再|记得|到时候?)?提醒我\s*(?P<rest>\S.*)?$",
            reminding.remind,
        ),
        (r"^(?P<before>.{0,12}?)(?:要|想)?请假\s*(?P<after>.{0,16}?)[。！]?$", leave.command),
        (r"^(?:销假|我?回来(?:了|上班了)|请假结束)[。！]?$", leave.back),
        (r"^转给\s*(?P<to>\S{1,12})\s+(?P<name>\S.{0,20})$", escalation.command),
        (r"^(?:好|好的|好呀|行|要|可以|嗯|ok|OK)[。！!]?$", keep_promise),
        (
            r"^(?:换一批|换一换|再换|换几条|换一条|换话术|再来几条|还有吗|还有没有|换个说法|换种说法|"
            r"换一?个|再来一[个条]|还?有(?:没有)?别的吗?)[？?]?$",
            more,
        ),
        (
            r"^(?:(?:这[条个]|这几条|都)?(?:不合适|不对题|不太行|不太合适|不对路)|都不行|都不好|这[条个]不[对好行])[。！]?$",
            refuse,
        ),
        (r"^标签(?:不对|错了|有误)\s*+[:：]?\s*+(?P<rest>\S.{0,40})?$", corrections.command),
        (r"^(?:标签|看标签|查标签)(?:\s+(?P<name>\S.{0,20}))?$", tagged),
        (r"^为什么(?:是|\s*)(?:(?P<name>\S{1,12})\s+)?(?P<tag>\S{2,10}?)\s*[?？]?$", why_tag),
        (r"^为什么\s*(?P<name>\S{1,12})?\s*[?？]?$", why),
        (
            r"(?s)^群发\s*(?P<to>全部|高意向|中意向|低意向)(?:客户)?\s*[:：]\s*(?P<words>\S.*)$",
            groupmsg.command,
        ),
        (
            r"(?s)^群发\s*(?P<kind>客户|潜客|意向|车主|活动|1vN)群\s*[:：]\s*(?P<words>\S.*)$",
            groupmsg.to_groups,
        ),
        (r"^(?:取消群发|群发取消|不群发了)$", groupmsg.cancel),
        (r"^群发[？?]?$", groupmsg.usage),
        (r"^(?:催群发|群发提醒|催一下群发)$", groupmsg.remind),
        (r"^合并\s+(?P<name>\S{1,20})\s+(?:和\s*)?(?P<text>\S{1,20})$", named("merge")),
        (r"^拆开\s+(?P<name>\S{1,20})$", named("part")),
        (r"^(?:客户)?资料\s+(?P<name>\S.{0,20})$", named("data")),
        (r"^更正\s+(?P<name>\S{1,20})(?:\s+(?P<text>\S.{0,60}))?$", named("correct")),
        (r"^删除(?:客户)?资料\s+(?P<name>\S.{0,20})$", named("erase")),
        (rf"^{privacy.CONFIRM}$", confirm_erase),
        (r"^恢复\s+(?P<name>[^\s:：]{1,20})(?P<text>[\s:：].{0,200})?$", named("restore")),
        (
            r"^(?:同意|同意记录)\s+(?P<name>[^\s:：]{1,20})(?:\s+(?P<text>\S.{0,200}))?$",
            named("consent"),
        ),
        (r"^(?:撤销|撤回|取消上一步)$", take_back),
        (r"^(?:已经?|都|刚)?发(?:了|过去了|出去了|好了|给[她他]了)[。！]?$", sent),
        (r"^(?:已联系|已跟进|联系了|联系过了|已回复?|回了)\s*(?P<rest>\S{1,12})?$", done),
    )
)

router = Router(
    (
        (on("app", "text"), text),
        (lambda m: m.event in ("template_card_event", "template_card_menu_event"), answers.card),
        (on("app", *MEDIA), media),
    )
)
