"""What an errcode means for us: try again, fetch a new token, tell the operator, or give up."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

WINDOW_S = 60.0  # the shortest window of a frequency limit
UNREACHABLE = -2  # ours, not the platform's: no answer, or none that can be read


@dataclass(frozen=True, slots=True)
class Code:
    """`kind` is R repeat, T new token, C configuration, B bad request, S state of the business.

    `cure` tells the operator what to do, in Chinese; only configuration errors have one.
    """

    kind: str
    cure: str = ""
    retry_after: float | None = None

    @property
    def act(self) -> str:
        """What follows: retry, wait, refresh, tell (the operator) or give up."""
        if self.kind == "R":
            return "wait" if (self.retry_after or 0) >= WINDOW_S else "retry"
        return {"T": "refresh", "C": "tell"}.get(self.kind, "give up")


class WeComError(Exception):
    """The platform refused, or could not be reached; `permanent` means repeating is useless.

    `doubt` means that it may have been done all the same: the answer was lost on the way.
    """

    doubt = False

    def __init__(
        self, code: int, message: str, permanent: bool, retry_after: float | None = None
    ) -> None:
        super().__init__(f"{code} {message}")
        self.code = code
        self.message = message
        self.permanent = permanent
        self.retry_after = retry_after

    @property
    def kind(self) -> str:
        return classify(self.code).kind

    @property
    def cure(self) -> str:
        return classify(self.code).cure


def _all(kind: str, *codes: int | range) -> Iterable[tuple[int, Code]]:
    for code in codes:
        for one in code if isinstance(code, range) else (code,):
            yield one, Code(kind)


_REPEAT = {
    UNREACHABLE: Code("R", retry_after=5.0),
    -1: Code("R", retry_after=2.0),
    6000: Code("R", retry_after=1.0),
    41063: Code("R", retry_after=10.0),
    45009: Code("R", retry_after=WINDOW_S),  # hammering prolongs nothing
    130101: Code("R", retry_after=WINDOW_S),  # the same of a group robot, as older pages have it
    45033: Code("R", retry_after=1.0),
}
_CONFIGURATION = {
    40001: "secret 不正确：请核对配置里该应用的 secret。",
    40013: "企业 ID 不正确：请核对 [wecom] corp_id。",
    40054: "菜单里的链接不在可信域名下：请在管理后台设置可信域名。",
    40055: "菜单里的链接不在可信域名下：请在管理后台设置可信域名。",
    40057: "回调地址没有通过验证：请核对 Token、EncodingAESKey 和公网地址，再保存一次。",
    40091: "secret 属于另一个企业：请核对 corp_id 和 secret 是否配套。",
    40093: "JS 接口签名不正确：请核对 agent_id、secret 和页面地址。",
    42012: "该应用不能使用 agentConfig：请核对侧边栏用的是哪个应用。",
    43009: "企业尚未认证：请先在管理后台完成企业认证。",
    43012: "应用没有设置回调地址：请在应用的“接收消息”里填好地址、Token 和 EncodingAESKey。",
    48001: "该应用没有这个接口的权限：请在管理后台为应用授权。",
    48002: "该应用没有这个接口的权限：请在“可调用接口的应用”里加上它。",
    48006: "应用长期未使用，接口权限已被收回：请在管理后台重新启用。",
    48007: "客服帐号没有授权给该应用：请在“微信客服 > 可调用接口的应用”里授权。",
    50001: "跳转域名没有登记为可信域名：请在应用里设置网页授权可信域名。",
    50002: "成员不在应用的可见范围内：请调整可见范围。",
    50003: "应用已停用：请在管理后台启用。",
    60011: "应用对该成员、部门或标签没有权限：请调整可见范围。",
    60020: "服务器地址不在企业可信 IP 里：请把报错中的 from ip 加入白名单，约一分钟后生效。",
    80001: "可信域名不正确或没有备案：请核对域名和备案主体。",
    84074: "成员没有客户联系权限：请在“客户联系 > 权限配置”里加上。",
    85004: "本月可信域名修改超过 20 次：请下月再改。",
    85005: "域名归属校验失败：请核对 WW_verify 文件能否访问。",
    85008: "域名备案校验失败：请核对备案主体是否为本企业。",
    95017: "微信客服的 API 开关没有打开：请在管理后台打开。",
    95021: "没有配置升级服务：请在“微信客服 > 升级服务”里加上接待的成员。",
    93000: "群机器人的地址不对或机器人已被移出群：请到群里复制新的 Webhook 地址。",
    93004: "群机器人已被停用：请到群里启用，或换一个。",
    301055: "会话存档的许可不够或已过期：请在管理后台续费。",
}
_TOKEN = {
    40014: "access_token 一再被拒：请核对 secret 属于所用的应用，并检查是否有别处频繁刷新。",
    42001: "access_token 一再过期：请检查本机时钟，并核对 secret。",
}
_STATE = _all(
    "S",
    *(40029, 40097, 40098, 40099, 41045, 41048, 41049, 41050, 41051, 41053, 41054, 41055),
    *(41058, 41093, 41094, 41095, 41096, 42003, 42022, 43004, 46003, 46004, 60021, 60111),
    *(60140, 81013, 84061, 90500, 90501, 90502, 90504, 90507, 90508, 90509, 95001, 95002),
    *(95003, 95007, 95013, 95014, 95015, 95016, 95026, 301052, 846605, 846608, 846609),
)
_BAD = _all(
    "B",
    *(40003, 40004, 40005, 40006, 40007, 40008, 40009, 40011, 40016, 40017, 40018, 40031),
    *(40032, 40035, 40039, 40050, 40056, 40058, 40063, 40066, 40068, 40071, 40096, 41001),
    *(41002, 41004, 41006, 41008, 41009, 41010, 41011, 41016, 41033, 41035, range(41037, 41045)),
    *(41046, 41047, 41056, range(41059, 41063), range(41064, 41093), 42014, 42015, 42016),
    *(range(42017, 42021), range(42027, 42052), 44001, 44004, 45001, 45002, 45007, 45008),
    *(45029, 47001, 50100, 81017, range(82001, 82005), 85002, range(86001, 86225), 90511),
    *(range(93001, 93009), 95000, 95004, 95005, 95006, range(95008, 95013), 301002, 301019),
    *(301025,),
)
CODES: Mapping[int, Code] = MappingProxyType(
    {
        **dict(_BAD),
        **dict(_STATE),
        **{code: Code("C", cure) for code, cure in _CONFIGURATION.items()},
        **{code: Code("T", cure, 60.0) for code, cure in _TOKEN.items()},
        **_REPEAT,
    }
)
_UNKNOWN = Code("B")
# 40001 is a wrong secret at gettoken, and a token of the wrong kind anywhere else
REFUSED_TOKEN = frozenset({40001, 40014, 42001})


def classify(code: int) -> Code:
    """The platform adds codes freely; one we do not know is not worth repeating."""
    return CODES.get(code, _UNKNOWN)


def failure(code: int, message: str) -> WeComError:
    """Bad data and refusals by state stay what they are; the rest may pass or be put right."""
    found = classify(code)
    after = 300.0 if found.kind == "C" else found.retry_after
    return WeComError(code, message, found.kind in "BS", after)
