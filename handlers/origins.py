"""Where customers come from: the five kinds of source, and what operators call them."""

import re
from collections.abc import Mapping
from types import MappingProxyType

from handlers.context import Ctx

KINDS = ("垂媒", "投放", "自然到店", "官方", "活动")
INTRODUCED = "转介绍"  # by somebody whom we know, so of no kind that is paid for
# Names that tell a kind; the words before are taken first.
CALLED: Mapping[str, str] = MappingProxyType({
    "汽车之家": "垂媒", "懂车帝": "垂媒", "易车": "垂媒", "太平洋": "垂媒", "垂直媒体": "垂媒",
    "抖音": "投放", "快手": "投放", "朋友圈": "投放", "百度": "投放", "广告": "投放",
    "信息流": "投放", "自然进店": "自然到店", "到店": "自然到店", "展厅": "自然到店",
    "散客": "自然到店", "路过": "自然到店", "官网": "官方", "小程序": "官方", "公众号": "官方",
    "视频号": "官方", "APP": "官方", "客服": "官方", "车展": "活动", "巡展": "活动",
    "团购": "活动", "外拓": "活动", "expo": "活动",
})  # fmt: skip
_PHONE = re.compile(r"(?<!\d)(?:\+?86[- ]?)?(1[3-9]\d)[- ]?(\d{4})[- ]?(\d{4})(?!\d)")


def origin(source: str, channel: str, ctx: Ctx) -> tuple[str, str]:
    """Kind and detail of what was written: 活动/广州车展, 汽车之家, or a contact way's State.

    An unknown word is kept as the detail, without a kind.
    """
    told = ctx.settings.leads.by_state.get(source, source).strip()
    head, _, rest = told.partition("/")
    if head in KINDS:
        return head, channel or rest.strip()
    kind = next((k for word, k in CALLED.items() if word.lower() in told.lower()), "")
    return kind, channel or ("" if told == kind else told)


def phones(text: str) -> list[str]:
    """The mobile numbers in a text, digits only."""
    return ["".join(found.groups()) for found in _PHONE.finditer(text)]
