"""The subcommands of `salesbot`, grouped by what they work on.

They are named here with what they are for, since each brings a part of the program with it: the
list of them costs nothing, and whoever runs one waits for that one only.
"""

from collections.abc import Mapping
from types import MappingProxyType

# In which module a command is, with its function there where that has another name, and the first
# line of what it says of itself.
COMMANDS: Mapping[str, tuple[str, str]] = MappingProxyType({
    "serve": ("run", "接真实的企业微信。"),
    "sandbox": ("sandbox", "不用账号试用：整个机器人加一个模拟的企业微信。"),
    "connect": ("connect", "打出接入向导的链接：15 分钟内有效，只能用一次。"),
    "doctor": ("run", "检查配置、密钥、存储、字体、时钟、接口和回调。"),
    "migrate": ("data", "把数据库升到当前结构；或用 --from --to 把全部数据搬到另一个库。"),
    "backup": ("data", "备份到一个文件，并打开核对。"),
    "restore": ("data", "从备份恢复；原来的库改名留着，已发的消息不会再发。"),
    "replay": ("data", "看失败的消息，或重新处理它们；正在运行的服务会接着处理。"),
    "tag": ("texts", "读懂客户的话：JSONL 进，JSONL 出。"),
    "train": ("texts", "用自己公司的标注再学一层；写出的目录给 tag --model 和 nlp.model 用。"),
    "evaluate": ("texts", "拿标注好的 JSONL 打分：准确率、召回率、F1、混淆表和错例。"),
    "suggest": ("texts", "给客户的话找话术：JSONL 进，JSONL 出。"),
    "scripts": ("scripts", "话术库。"),
    "lexicon": ("texts", "词库。"),
    "tags": ("tags", "标签：每组有多少客户有、有多新、哪些从来没有人有。"),
    "materials": ("materials", "素材库：图片、视频、文件，车主的试驾感受和提车分享。"),
    "prizes": ("prizes", "奖品：积分能换什么、还剩多少、要发给谁。"),
    "draw": ("draw", "抽奖：先公布承诺，后公布种子，谁都能复算。"),
    "activity": ("activity", "活动：用模板建，看效果，几场对比。"),
    "menu": ("menu", "自建应用聊天窗口底部的菜单。"),
    "chats": ("chats", "应用自己建的内部群：日报可以发进去。"),
    "ratings": ("ratings", "智能机器人的回答被评为准或不准各多少次，不准的是哪些问题。"),
    "customers": ("customers", "客户。"),
    "followups": ("people.followups_", "跟进。"),
    "rules": ("rules", "意向和级别的规则。"),
    "audience": ("rules",
                 "人群：不写名字列出全部和人数，写了列出是谁；退订的、不是好友的都不在内。"),
    "whatif": ("whatif", "改一个设置，近几天的提醒、意向级别和日报会差多少；只算，不改。"),
    "digest": ("people", "经理在那一刻会收到的日报。"),
    "report": ("report", "经理能看的门店的报表：漏斗、周期、门店得分、社群、首响、客户之声……。"),
    "journey": ("journey", "加微到成交每一步用多久：中位数和 P75，按 USERID 看得到的范围。"),
    "sop": ("sop", "一对一 SOP：有哪些计划、谁会收到什么、开启和停止、检查计划文件。"),
    "winback": ("sop", "战败召回的结果：召回率、下订率，旁边是案例的参考值。"),
    "groups": ("groups", "客户群：按天的计划，入群欢迎语。"),
    "bench": ("bench", "自带的性能测量：只用本机，不要配置，看比值。"),
    "reconcile": ("reconcile", "和企业微信核对好友与客户群，补上回调漏掉的。"),
    "events": ("events", "聊天记录。"),
    "pause": ("sending", "急停：这一面什么都不再发出去，收和算照常；正在跑的服务马上照办。"),
    "resume": ("sending", "恢复发送；等得太久的不再发。"),
    "shadow": ("sending", "影子模式里本来会发的：谁、什么、几点。"),
})  # fmt: skip
# What stands in a file of its own but is called below another one.
BELOW: Mapping[str, tuple[str, ...]] = MappingProxyType({
    "scripts": ("learning.learn", "learning.weights", "learning.edits", "learning.trial"),
    "lexicon": ("corrections.corrections", "corrections.accept", "corrections.reject"),
})  # fmt: skip
