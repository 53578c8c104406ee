"use strict";
// The page only shows the server's state and passes on what people do; it decides nothing.
const $ = (id) => document.getElementById(id);
const chosen = { customer: "wang", advisor: "zhang", manager: "chen" };
let state = null;
let shown = {};

function el(tag, props, ...children) {
  const node = Object.assign(document.createElement(tag), props || {});
  node.append(...children.filter((c) => c !== null && c !== undefined && c !== ""));
  return node;
}

async function post(path, body) {
  const answer = await fetch("/sandbox/" + path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  const found = await answer.json();
  $("error").hidden = found.ok;
  if (!found.ok) $("error").textContent = found.error;
  await refresh();
  return found;
}

async function refresh() {
  const query = new URLSearchParams(chosen);
  const answer = await fetch("/sandbox/state?" + query);
  if (!answer.ok) return;
  state = await answer.json();
  draw();
}

function draw() {
  $("clock").textContent = state.clock;
  $("archive").checked = state.archive;
  $("group-name").textContent = state.people.group.name + "（" + state.people.group.bot + "在群里）";
  fillSelect("customer", state.people.customers);
  fillSelect("advisor", state.people.advisors);
  fillSelect("manager", state.people.managers);
  chat("customer", state.customer.map(chosen.desk ? deskLine : privateLine));
  chat("advisor", state.advisor.map((m) => message(m, "advisor")));
  chat("group", state.group.map((m) => message(m, "group")));
  chat("manager", state.manager.map((m) => message(m, "manager")));
  $("hint-customer").textContent = chosen.desk
    ? "微信客服：有把握的机器人自己答，没把握的转给顾问。"
    : state.archive
    ? "会话存档已开：机器人读得到这里的话。"
    : "平台不让程序读这里：由顾问粘贴给助手（点客户的话下面的按钮）。";
  inside(state.inside);
}

function fillSelect(id, people) {
  const select = $(id);
  const key = JSON.stringify(people);
  if (select.dataset.key === key) return;
  select.dataset.key = key;
  select.replaceChildren(...people.map((p) => el("option", { value: p.id, textContent: p.name })));
  select.value = chosen[id];
}

function chat(id, nodes) {
  const box = $("chat-" + id);
  const key = JSON.stringify(state[id]) + state.people.customers.length;
  if (shown[id] === key) return;
  shown[id] = key;
  box.replaceChildren(...nodes);
  box.scrollTop = box.scrollHeight;
}

function bubble(text, mine, who, at, extra) {
  return el("div", { className: "msg" + (mine ? " mine" : "") },
    el("div", { className: "who", textContent: who + " " + at }),
    el("div", { className: "bubble", textContent: text }), extra);
}

function privateLine(line) {
  const fromCustomer = line.who === "customer";
  const name = nameOf("customers", chosen.customer);
  const paste = fromCustomer && !state.archive
    ? el("button", { className: "act", textContent: "顾问粘贴给助手 →", onclick: () => pasted(name, line.text) })
    : null;
  return bubble(line.text, fromCustomer, fromCustomer ? name : "顾问", line.at, paste);
}

// The service chat: the newest menu can be tapped, which is the same as saying its words.
function deskLine(line, at, lines) {
  const mine = line.who === "customer";
  const newest = at === lines.length - 1;
  const menu = line.menu.length
    ? el("div", { className: "menu" }, ...line.menu.map((text) => el("button", { textContent: text, disabled: !newest, onclick: () => tell.customer(text) })))
    : null;
  return bubble(line.text, mine, mine ? nameOf("customers", chosen.customer) : "微信客服", line.at, menu);
}

function message(m, where) {
  if (m.mine) return bubble(m.text, true, m.name, m.at);
  if (m.type === "template_card") return cardNode(m, where);
  if (m.type === "image") {
    const image = el("img", { src: "/sandbox/picture/" + m.image.media_id, alt: m.image.name, width: m.image.width, height: m.image.height });
    image.style.height = "auto";
    return el("div", { className: "msg" }, el("div", { className: "who", textContent: "助手 " + m.at }), image);
  }
  const pass = where === "advisor" && m.type === "text" && !m.text.includes("\n")
    ? el("button", { className: "act", textContent: "← 转发给客户", onclick: () => post("private", { customer: chosen.customer, chat: chosen.advisor, who: "advisor", text: m.text }) })
    : null;
  return bubble(m.text, false, where === "group" ? state.people.group.bot : "助手", m.at, pass);
}

function cardNode(m, where) {
  const card = m.card;
  const box = el("div", { className: "card" },
    el("div", { className: "in" }, el("b", { textContent: card.title }),
      el("span", { className: "desc", textContent: card.desc }),
      el("div", { className: "sub", textContent: card.text })));
  if (card.replaced) {
    box.append(el("div", { className: "replaced", textContent: card.replaced }));
  } else {
    box.append(el("div", { className: "buttons" }, ...card.buttons.map((text) =>
      el("button", { textContent: text, onclick: () => post("tap", { from: chosen[where], button: text, n: m.n }) }))));
  }
  return el("div", { className: "msg" }, el("div", { className: "who", textContent: "助手 " + m.at }), box);
}

function nameOf(kind, id) {
  const found = state.people[kind].find((p) => p.id === id);
  return found ? found.name : id;
}

const pasted = (name, text) => post("say", { to: "app", from: chosen.advisor, text: "客户" + name + "问：" + text });
const tell = {
  customer: (text) => chosen.desk ? post("say", { to: "kf", from: chosen.customer, text }) : post("private", { customer: chosen.customer, chat: chosen.advisor, who: "customer", text }),
  advisor: (text) => post("say", { to: "app", from: chosen.advisor, text }),
  group: (text) => post("say", { to: "aibot", from: chosen.advisor, group: state.people.group.id, text: text.startsWith("@") ? text : "@" + state.people.group.bot + " " + text }),
  manager: (text) => post("say", { to: "app", from: chosen.manager, text }),
};

function inside(now) {
  const box = $("inside");
  const key = JSON.stringify(now);
  if (shown.inside === key) return;
  shown.inside = key;
  box.replaceChildren(customerBox(now.customer), listBox("接下来要跟进", now.owed.map((o) => [o.name, o.due, o.why])),
    listBox("收件箱（先落盘再应答）", now.inbox.map((r) => [r.at, r.channel, r.state + (r.error ? "：" + r.error : "")])),
    listBox("发件箱", now.outbox.map((r) => [r.at, r.kind + " → " + r.target, r.state + (r.error ? "：" + r.error : "")])));
}

function customerBox(c) {
  if (!c) return el("section", {}, el("h3", { textContent: "这位客户还没有记录" }));
  const box = el("section", {}, el("h3", { textContent: "客户 " + c.name + "（" + c.owner + " · " + c.store + "）" }),
    el("span", { className: "badge", textContent: c.tier }), el("span", { className: "badge", textContent: c.level + "级" }),
    el("span", { textContent: c.stage + (c.model ? " · " + c.model : "") }));
  if (c.opted_out) box.append(el("span", { className: "badge warn", textContent: "已退订" }));
  box.append(el("p", { className: "reason", textContent: "意向依据：" + c.tier_reason }), el("p", { className: "reason", textContent: "级别依据：" + (c.level_reason || "尚未判断") }));
  for (const t of c.tags) {
    const look = t.kind === "concern" ? (t.polarity < 0 ? " bad" : t.polarity > 0 ? " good" : "") : "";
    box.append(el("div", { className: "tag" + look }, el("b", { textContent: t.name + " " }), el("i", { textContent: t.state + (t.mentions > 1 ? " ×" + t.mentions : "") + " " }), t.evidence ? el("mark", { textContent: t.evidence }) : null));
  }
  if (c.events.length) box.append(el("ul", {}, ...c.events.map((e) => el("li", { textContent: e }))));
  return box;
}

function listBox(title, rows) {
  const table = el("table", {}, ...rows.map((row) => el("tr", {}, ...row.map((cell) => el("td", { textContent: cell, title: cell })))));
  return el("section", {}, el("h3", { textContent: title }), rows.length ? table : el("span", { className: "reason", textContent: "空" }));
}

async function move(add) {
  $("busy").hidden = false;
  await post("clock", { add });
  $("busy").hidden = true;
}

const tries = {
  ask: () => tell.customer("S6冬天续航怎么样，有点贵"),
  paste: () => pasted(nameOf("customers", chosen.customer), "S6冬天续航怎么样，有点贵"),
  adopt: async () => {
    await post("tap", { from: chosen.advisor, button: "采用 1" });
    setTimeout(async () => {
      await refresh();
      const last = state.advisor.filter((m) => !m.mine && m.type === "text").pop();
      if (last) await post("private", { customer: chosen.customer, chat: chosen.advisor, who: "advisor", text: last.text });
    }, 700);
  },
  book: () => tell.advisor("记录 " + nameOf("customers", chosen.customer) + " 周六下午3点试驾"),
  checkin: async () => {
    await tell.group("签到");
    await tell.group("答题");
    const letters = ["A", "B", "C", "D"];
    for (const [n, who] of state.people.advisors.slice(0, 4).entries()) {
      const text = "@" + state.people.group.bot + " " + letters[n];
      await post("say", { to: "aibot", from: who.id, group: state.people.group.id, text });
      if (state.group.some((m) => m.text.includes("答对了"))) return;
    }
  },
  morning: () => move("+1d 08:45"),
};

document.addEventListener("click", (event) => {
  const target = event.target.closest("button");
  if (!target) return;
  if (target.dataset.clock) move(target.dataset.clock);
  if (target.dataset.try) { target.classList.add("done"); tries[target.dataset.try](); }
  const chips = target.closest(".chips");
  if (chips) tell[chips.dataset.for](target.textContent);
});
document.addEventListener("submit", (event) => {
  event.preventDefault();
  const field = event.target.querySelector("input,textarea");
  const text = field.value.trim();
  if (text) tell[event.target.dataset.to](text);
  field.value = "";
});
document.addEventListener("keydown", (event) => {
  if (event.target.tagName === "TEXTAREA" && event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    event.target.form.requestSubmit();
  }
});
for (const id of ["customer", "advisor", "manager"]) {
  $(id).addEventListener("change", () => { chosen[id] = $(id).value; shown = {}; refresh(); });
}
$("archive").addEventListener("change", () => post("archive", { on: $("archive").checked }));
$("newcomer").addEventListener("click", async () => {
  const found = await post("newcomer", { advisor: chosen.advisor });
  if (found.ok) { chosen.customer = found.customer; $("customer").dataset.key = ""; shown = {}; await refresh(); }
});

$("desk").addEventListener("click", async () => {
  if (chosen.desk) delete chosen.desk; else chosen.desk = "1";
  $("desk").setAttribute("aria-pressed", String(!!chosen.desk));
  shown = {};
  await refresh();
  if (chosen.desk && !state.customer.length) await post("visit", { customer: chosen.customer });
});

// The sidebar as the advisor sees it next to the customer's chat, or next to a customer group
function beside(where) {
  const whose = nameOf("advisors", chosen.advisor);
  $("drawer-title").textContent = whose + " · " + (where.chat ? "客户群" : nameOf("customers", where.customer)) + " 的侧边栏";
  const page = "/sandbox/wecom/open?" + new URLSearchParams({ member: chosen.advisor, ...where });
  if (location.origin !== state.home) return window.open(state.home + page); // cookies go by the name of the host
  $("drawer-page").src = page;
  $("drawer").hidden = false;
  $("beside").setAttribute("aria-expanded", "true");
}
function shut() {
  $("drawer").hidden = true;
  $("drawer-page").removeAttribute("src");
  $("beside").setAttribute("aria-expanded", "false");
}
$("beside").addEventListener("click", () => ($("drawer").hidden ? beside({ customer: chosen.customer }) : shut()));
$("drawer-group").addEventListener("click", () => beside({ chat: state.people.chat }));
$("drawer-shut").addEventListener("click", shut);
for (const id of ["customer", "advisor"]) {
  $(id).addEventListener("change", () => { if (!$("drawer").hidden) beside({ customer: chosen.customer }); });
}
// The console as that manager opens it in WeCom
$("console").addEventListener("click", () => {
  const page = "/sandbox/wecom/open?" + new URLSearchParams({ member: chosen.manager, url: "/console/oauth" });
  $("console").href = state.home + page; // cookies go by the name of the host
});
// What can go wrong, each with its rate; the pretend WeCom keeps the switches
const RATES = [[0, "关"], [0.05, "5%"], [0.1, "10%"], [0.3, "30%"], [1, "每次"]];
async function faults() {
  const found = await (await fetch("/sandbox/wecom/faults")).json();
  const key = JSON.stringify(found);
  if (shown.faults === key || document.activeElement.closest?.(".fault")) return;
  shown.faults = key;
  if (document.activeElement !== $("seed")) $("seed").value = found.seed;
  const on = found.faults.filter((f) => f.rate > 0 && f.times !== 0);
  $("broken").textContent = on.length ? on.length + " 开" : "";
  $("switches").replaceChildren(...found.faults.map(faultRow));
}
function faultRow(fault) {
  const off = !fault.rate || fault.times === 0;
  const rates = RATES.some(([rate]) => rate === fault.rate) ? RATES : [...RATES, [fault.rate, Math.round(fault.rate * 100) + "%"]];
  const pick = el("select", { ariaLabel: fault.words, onchange: () => { pick.blur(); wreck({ name: fault.name, rate: Number(pick.value) }); } },
    ...rates.map(([rate, words]) => el("option", { value: rate, textContent: words })));
  pick.value = off ? 0 : fault.rate;
  return el("div", { className: "fault" + (off ? "" : " on"), title: fault.name },
    el("span", { textContent: fault.words }), el("small", { textContent: fault.happened ? "出了" + fault.happened + "次" : "" }), pick);
}
async function wreck(body) {
  await post("wecom/faults", body);
  await faults();
}
$("break").addEventListener("click", async () => {
  const open = $("faults").hidden;
  $("faults").hidden = !open;
  $("break").setAttribute("aria-expanded", String(open));
  if (open) await faults();
});
$("faults").addEventListener("click", (event) => {
  const all = event.target.dataset.all;
  if (all !== undefined) wreck({ name: "all", rate: Number(all) });
});
$("seed").addEventListener("change", () => wreck({ seed: Number($("seed").value) }));
refresh();
faults();
setInterval(refresh, 900);
setInterval(() => { if (!$("faults").hidden) faults(); }, 1500);
