"""Chinese names of the codes, for texts that people read."""

CONCERNS = {
    "price": "价格", "finance": "金融", "tradein": "置换", "policy": "政策", "delivery": "现车交付",
    "range": "续航", "charging": "充电", "battery": "电池", "energy": "能耗", "power": "动力",
    "handling": "操控", "comfort": "舒适", "space": "空间", "exterior": "外观", "interior": "内饰",
    "config": "配置", "smart": "智能", "safety": "安全", "quality": "质量", "brand": "品牌口碑",
    "service": "售后", "resale": "保值", "cost": "用车成本", "rival": "竞品", "family": "家人意见",
    "trust": "信任",
}  # fmt: skip
INTENTS = {
    "test_drive": "试驾", "visit": "到店", "quote": "问价", "order": "下定", "deposit": "定金",
    "finance_plan": "算贷款", "tradein_eval": "旧车评估", "compare": "对比", "ask_spec": "问配置",
    "ask_promo": "问优惠", "ask_address": "问地址", "ask_time": "问时间", "delay": "改期",
    "cool_off": "先了解", "lost": "战败", "complaint": "投诉", "opt_out": "拒绝打扰",
    "cancel_order": "退订单", "referral": "转介绍", "greeting": "问候", "thanks": "感谢",
    "chitchat": "闲聊",
}  # fmt: skip
# About the car itself, its upkeep and its worth: who asks about one of these asks a fact.
SPECS = frozenset((
    "range", "charging", "battery", "energy", "power", "handling", "comfort", "space", "exterior",
    "interior", "config", "smart", "safety", "quality", "service", "resale",
))  # fmt: skip
POLARITIES = {1: "满意", 0: "关心", -1: "担心"}
SPEECH_ACTS = {
    "question": "提问", "statement": "陈述", "requirement": "要求", "condition": "条件",
    "refusal": "拒绝",
}  # fmt: skip
TIERS = {"high": "高", "mid": "中", "low": "低", "none": "无"}
SLOTS = {
    "budget": "预算", "price": "价格", "down_payment": "首付", "monthly": "月供", "term": "期限",
    "datetime": "时间", "city": "地区", "model": "车型", "rival": "竞品", "phone": "电话",
    "people": "人数", "mileage": "里程", "plate": "车牌", "payment": "付款方式", "color": "颜色",
    "trim": "版本", "purchase_kind": "购车类型", "usage": "用途", "hobby": "爱好",
}  # fmt: skip
