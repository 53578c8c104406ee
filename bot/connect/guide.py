"""What to put where to connect each way into WeCom: names of menus, lines to paste."""

from dataclasses import dataclass

from bot.config import Config

# Why a check was turned away, for whoever just pressed 保存 over there.
REASONS = {
    "signature": "Token 和程序里的不一致",
    "length": "EncodingAESKey 和程序里的不一致",
    "padding": "EncodingAESKey 和程序里的不一致",
    "utf8": "EncodingAESKey 和程序里的不一致",
    "receiveid": "企业ID（corp_id）和程序里的不一致",
    "window": "这台机器的时钟不准",
    "off": "程序里还没有打开这一项：改好配置后要重启",
    "missing": "地址后面少了参数，多半是反向代理没有原样转过来",
}
OTHERWISE = "来的内容不是企业微信的格式"


@dataclass(frozen=True, slots=True)
class Way:
    """`where` are the menus of the admin page, from left to right."""

    name: str
    title: str
    what: str
    where: tuple[str, ...]
    then: str
    lines: tuple[str, ...] = ()  # of its section, before the two keys
    note: str = ""


WAYS = (
    Way(
        "app", "自建应用", "顾问和店长在这里和助手说话：贴客户的话、看待办、收日报。",
        ("应用管理", "自建", "你的应用", "接收消息", "设置 API 接收"),
        "同一页勾上“用户发送的普通消息”和“模板卡片事件”，再点保存。",
        ("agent_id = {agent_id}", 'secret = "env:WECOM_APP_SECRET"'),
        "AgentId 和 Secret 在应用详情页上。企业可信 IP 也在那一页：加上这台服务器的出口地址。",
    ),
    Way(
        "contact", "客户联系", "加好友、删好友、客户群进出、标签；欢迎语和群发也靠它。",
        ("客户与上下游", "客户联系", "API", "接收事件服务器", "设置"),
        "再到同一页的“可调用接口的应用”里选上你的自建应用。",
        note="新企业没有单独的接收地址：选上自建应用之后，事件就从自建应用的地址进来，这一项可以空着。",
    ),
    Way(
        "kf", "微信客服", "微信里的访客来问，有把握的由话术回答，其余转给顾问。",
        ("微信客服", "API", "可调用接口的应用", "企业内部开发", "设置回调"),
        "在“可调用接口的应用”里选上自建应用，再把客服帐号交给它管理。",
        note="用自建应用的地址接收时，这一项可以空着。",
    ),
    Way(
        "archive", "会话存档", "客户同意之后，读双方说的话，自动打标签、提醒没回复的。",
        ("管理工具", "会话内容存档", "接收事件服务器", "设置"),
        "公钥也在那一页设置；私钥和官方 SDK 怎么放，见 docs/archive.md。",
        note="要另外付费开通。没有也能用：顾问粘贴聊天记录。",
    ),
    Way(
        "aibot", "智能机器人", "内部群里 @ 它：签到、答题；单聊问话术，边想边答。",
        ("工作台", "智能机器人", "创建机器人", "API 模式", "使用 URL 回调"),
        "把机器人加进内部群，群里 @ 它说“帮助”。",
        ('mode = "callback"', 'name = "{bot_name}"'),
        "没有公网地址就选“使用长连接”：mode 写 websocket，填 bot_id 和 secret，不用这两个密钥。",
    ),
)  # fmt: skip
BY_NAME = {way.name: way for way in WAYS}


def variables(way: Way) -> tuple[str, str]:
    """The environment's names of the two keys."""
    return f"WECOM_{way.name.upper()}_TOKEN", f"WECOM_{way.name.upper()}_AES_KEY"


def section(way: Way, config: Config) -> str:
    """The lines of config.toml; the keys themselves stay out of it."""
    app, aibot = config.wecom.app, config.wecom.aibot
    known = {"agent_id": app.agent_id if app else 1000002,
             "bot_name": aibot.name if aibot and aibot.name else "小福"}  # fmt: skip
    token, key = variables(way)
    lines = [f"[wecom.{way.name}]", *(line.format(**known) for line in way.lines),
             f'token = "env:{token}"', f'encoding_aes_key = "env:{key}"']  # fmt: skip
    return "\n".join(lines)


def environment(way: Way, token: str, key: str) -> str:
    names = variables(way)
    return f"{names[0]}={token}\n{names[1]}={key}"


def address(config: Config, way: Way) -> str:
    """What WeCom must be able to reach."""
    base = config.server.public_url.rstrip("/") or "https://你的域名"
    return f"{base}/callback/{way.name}"


def reason(word: str) -> str:
    return REASONS.get(word, OTHERWISE)
