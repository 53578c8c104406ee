"""Which words in a group or of an advisor are a matter for somebody: rumours, poaching, leaks."""

import re
from collections.abc import Iterator

from handlers.context import Ctx
from handlers.settings import Settings
from nlp import mask
from nlp.reading import Reading
from scriptbank import guard, rules
from storage import customers
from storage.customers import Customer

Found = tuple[str, str, str]  # kind, topic, why
HEARSAY = re.compile(r"听说|据说|听人说|网传|都在传|爆料|曝光|内部消息|有人说|朋友说|抖音.{0,4}说")
DENIED = re.compile(r"(?:不|没|没有|未|不会|别|防|避免|不是)$")
LINK = re.compile(r"https?://\S+|www\.\S+|[\w-]{1,64}\.(?:com|cn|top|vip|shop)(?:/\S*)?", re.I)
WECHAT = re.compile(
    r"(?:微信|vx|v信|wx|薇信|威信)号?\s*+[:：是]?\s*+(?P<id>[a-z][-_a-z0-9]{5,19})", re.I
)
MOBILE = re.compile(r"(?<!\d)1[3-9]\d[- ]?\d{4}[- ]?\d{4}(?!\d)")
CALLS = re.compile(r"加我|联系我|找我|私聊|私信|咨询")
IDENTITY = re.compile(r"(?<![0-9A-Za-z])\d{6}(?:19|20)\d{2}[01]\d[0-3]\d\d{3}[\dXx](?![0-9A-Za-z])")
CARD = re.compile(r"(?<!\d)\d(?:[ -]?\d){15,18}(?!\d)")
CLASSES = {"个人信息": "泄露", "私下交易": "私下交易"}  # what the rules for drafts call them
PRIVATELY = re.compile(
    r"(?:私下|直接|先)?(?:转|打|付)(?:到|给)?我(?:个人|私人|微信|支付宝|卡)|加我(?:个人|私人)微信|"
    r"不走(?:公司|公账|店里)|别走公账|私下(?:交易|转账|给您)"
)


# In a group


def suspicious(text: str, reading: Reading, settings: Settings) -> Iterator[Found]:
    plain = mask_free(text)
    if found := _rumour(plain, reading, settings):
        yield "谣言", found, f"提到“{found}”，像是传言（规则：传言的词，又是听来的或断言）"
    if found := _poaching(plain, settings):
        yield "拉人", found, f"像是在拉人（“{mask.phones(found)}”）"


def mask_free(text: str) -> str:
    return "".join(text.split())


def _rumour(plain: str, reading: Reading, settings: Settings) -> str:
    """A word of the list that is told as hearsay, or said as if it were so; a question is none."""
    asks = reading.speech_act == "question" or re.search(r"[?？]|吗|会不会|是不是", plain)
    for word in settings.watch.rumours:
        before, said, _ = plain.partition(word)
        if said and not DENIED.search(before) and (HEARSAY.search(plain) or not asks):
            return word
    return ""


def _poaching(plain: str, settings: Settings) -> str:
    low = plain.lower()
    for word in settings.watch.poaching:
        if word.lower() in low:
            return word
    ours = settings.reach.pages
    link = LINK.search(plain)
    if link and not (ours and link[0].startswith(ours)):
        return link[0][:40]
    if wechat := WECHAT.search(plain):
        return wechat[0]
    number = MOBILE.search(plain)
    return number[0] if number and CALLS.search(plain) else ""


def contact(name: str) -> str:
    """What in a nickname invites to go elsewhere; "" for nothing."""
    found = WECHAT.search(name) or MOBILE.search(name) or LINK.search(name)
    return found[0] if found else ""


# Of an advisor


def unfit(customer: Customer, text: str, ctx: Ctx) -> Iterator[Found]:
    """A leak, private dealings, claims that may not be made; each class once."""
    leaks = list(_leaks(customer, text, ctx))
    yield from leaks
    private = PRIVATELY.search(text)
    if private:
        yield "私下交易", "private", f"像是私下交易（“{private[0]}”）"
    known = {"个人信息": bool(leaks), "私下交易": bool(private)}
    blocked = [f for f in guard.check(text, ctx.today) if f.severity == rules.BLOCK]
    for name in dict.fromkeys(f.rule for f in blocked if not known.get(f.rule)):
        words = "、".join(f"“{masked(f.words)}”" for f in blocked if f.rule == name)
        yield CLASSES.get(name, "违规词"), name, f"有不能用的说法：{words}（{name}）"


def _leaks(customer: Customer, text: str, ctx: Ctx) -> Iterator[Found]:
    if IDENTITY.search(text):
        yield "泄露", "identity", "里有身份证号"
    elif any(_card(found[0]) for found in CARD.finditer(text)):
        yield "泄露", "card", "里有银行卡号"
    for found in MOBILE.finditer(text):
        phone = re.sub(r"\D", "", found[0])
        others = [c for c in customers.with_phone(ctx.db, phone) if c.id != customer.id]
        if others:
            yield "泄露", "phone", f"里有别的客户的手机号（{mask.phones(phone)}）"
            return


def slipped(text: str, ctx: Ctx) -> Iterator[Found]:
    """A customer's number among staff who are not all theirs."""
    if IDENTITY.search(text):
        yield "泄露", "identity", "里有身份证号"
    elif any(_card(found[0]) for found in CARD.finditer(text)):
        yield "泄露", "card", "里有银行卡号"
    phones = [re.sub(r"\D", "", found[0]) for found in MOBILE.finditer(text)]
    known = next((one for one in phones if customers.with_phone(ctx.db, one)), "")
    if known:
        yield "泄露", "phone", f"里有客户的手机号（{mask.phones(known)}）"


def _card(text: str) -> bool:
    """By the check digit that every bank card has."""
    digits = [int(ch) for ch in text if ch.isdecimal()]
    doubled = [d if n % 2 == 0 else sum(divmod(2 * d, 10)) for n, d in enumerate(digits[::-1])]
    return len(digits) >= 16 and sum(doubled) % 10 == 0


def masked(text: str) -> str:
    """Fit to be kept: without numbers that belong to somebody."""
    return CARD.sub(lambda m: f"{m[0][:4]}****", mask.phones(text))
