"use strict";
// Shows what the server says and sends only what a person taps. Names are always text, never markup.
const $ = (id) => document.getElementById(id);
const about = document.body.dataset;
const CONCERNS = JSON.parse(about.concerns);
const PATIENCE_MS = 6000;
const now = { customer: "", chat: null, card: null, inside: false, picked: new Set(), dialog: "", tag: "" };

function el(tag, props, ...children) {
  const node = Object.assign(document.createElement(tag), props || {});
  node.append(...children.filter((c) => c !== null && c !== undefined && c !== ""));
  return node;
}

// Talking to the server

class Refused extends Error {}

async function ask(path, options) {
  let answer;
  try {
    answer = await fetch(path, { credentials: "same-origin", ...options });
  } catch (_) {
    throw new Refused("网络不通，请再点一次。");
  }
  if (answer.status === 401) return again();
  const found = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Refused(found.error || "出错了，请稍后再试。");
  sessionStorage.removeItem("again");
  return found;
}

function again() {
  if (sessionStorage.getItem("again")) throw new Refused("登录过期了，请关掉侧边栏重新打开。");
  sessionStorage.setItem("again", "1");
  location.reload();
  return new Promise(() => {});
}

const read = (path, query) => ask(path + "?" + new URLSearchParams(query));
const newId = () => Array.from(crypto.getRandomValues(new Uint8Array(12)), (b) => b.toString(16).padStart(2, "0")).join("");

// The same id on the second try: done once, however often it arrives.
async function tap(path, body) {
  const options = {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-CSRF-Token": about.token },
    body: JSON.stringify({ customer: now.customer, once: newId(), ...body }),
  };
  let found;
  try {
    found = await ask(path, options);
  } catch (error) {
    if (error.message !== "网络不通，请再点一次。") throw error;
    found = await ask(path, options);
  }
  if (found.card) showCard(found.card);
  return found;
}

// One thing at a time: a button rests until its answer is there.
async function busy(button, act) {
  if (button.disabled) return;
  button.disabled = true;
  try {
    await act();
  } catch (error) {
    if (!(error instanceof Refused)) console.error(error);
    toast(error instanceof Refused ? error.message : "出错了，请稍后再试。", false, true);
  } finally {
    button.disabled = false;
  }
}

let fading = 0;
function toast(text, undo, bad) {
  $("toast-text").textContent = text;
  $("toast").className = bad ? "bad" : "";
  $("toast-undo").hidden = !undo;
  $("toast").hidden = !text;
  clearTimeout(fading);
  fading = setTimeout(() => { $("toast").hidden = true; }, undo ? 12000 : 5000);
}

// Talking to WeCom

const patient = (promise) => Promise.race([promise, new Promise((_, fail) => setTimeout(() => fail(new Error("no answer")), PATIENCE_MS))]);

async function signed(kind, url) {
  return (await read("sign", { url }))[kind];
}

async function wecom(name, params) {
  const found = await patient(window.ww[name](params));
  const said = String((found && (found.errMsg || found.err_msg)) || name + ":ok");
  if (!/:ok$/.test(said)) throw new Error(said);
  return found || {};
}

// Whose chat this is; nothing where there is no WeCom around.
async function place() {
  const real = /wxwork/i.test(navigator.userAgent);
  if (!window.ww || !(real || (window.ww.env && window.ww.env.isWeCom))) return {};
  window.ww.register({
    corpId: about.corp, agentId: Number(about.agent),
    jsApiList: ["getContext", "getCurExternalContact", "getCurExternalChat", "sendChatMessage"],
    getConfigSignature: (url) => signed("corp", url),
    getAgentConfigSignature: (url) => signed("app", url),
  });
  const context = await wecom("getContext").catch(() => ({ entry: "" }));
  now.inside = /chat_tools|chat_attachment|kf_tools/.test(context.entry);
  if (/^group|chain_group/.test(context.entry)) return { chat: (await wecom("getCurExternalChat")).chatId };
  return { customer: (await wecom("getCurExternalContact")).userId };
}

// Which page

async function start() {
  let where = {};
  try {
    where = await place();
  } catch (error) {
    console.warn(error.message);
  }
  try {
    if (where.chat) await openChat(where.chat);
    else if (where.customer) await openCustomer(where.customer);
    else await choose();
  } catch (error) {
    head(el("h1", { textContent: "现在打不开" }), el("p", { className: "sub", textContent: error.message }));
  }
}

function head(...nodes) { $("head").replaceChildren(...nodes.filter(Boolean)); }

function tabs(...names) {
  $("tabs").hidden = !names.length;
  for (const button of $("tabs").children) button.hidden = !names.includes(button.dataset.tab);
  $("tabs").style.gridTemplateColumns = "repeat(" + (names.length || 1) + ",1fr)";
  $("choose").hidden = true;
  $("opening").hidden = !now.customer;
  open(names[0]);
}

function open(name) {
  for (const button of $("tabs").children) {
    button.setAttribute("aria-selected", String(button.dataset.tab === name));
    $(button.dataset.tab).hidden = button.dataset.tab !== name;
  }
}

async function choose() {
  now.customer = "";
  head(el("h1", { textContent: "选一位客户" }), el("p", { className: "sub", textContent: "在企业微信的聊天侧边栏里打开，会自动认出客户。" }));
  tabs();
  $("choose").hidden = false;
  await seek();
}

async function seek() {
  const words = $("seek").value.trim();
  const found = await read("customers", { q: words });
  if (words !== $("seek").value.trim()) return;
  $("people").replaceChildren(...found.customers.map(personLine));
  if (!found.customers.length) $("people").replaceChildren(el("li", {}, el("button", { disabled: true, textContent: "没有找到" })));
}

function personLine(c) {
  const button = el("button", {}, el("b", { textContent: c.name }), el("small", { textContent: c.what }));
  button.onclick = () => busy(button, () => openCustomer(c.id));
  return el("li", {}, button);
}

async function openChat(id) {
  // a group we have not been told of is good for finding scripts all the same
  const chat = await read("chat", { id }).catch((error) => ({ id, name: "客户群", people: 0, kind: error.message, customers: [] }));
  Object.assign(now, { chat, customer: "", card: null });
  head(el("h1", { textContent: chat.name || "客户群" }), el("p", { className: "sub", textContent: chat.people ? chat.people + " 人" + (chat.kind ? " · " + chat.kind : "") + " · 你的客户 " + chat.customers.length + " 位" : chat.kind }));
  $("person").replaceChildren(chat.customers.length ? el("ul", { className: "list" }, ...chat.customers.map(personLine)) : el("p", { className: "quiet", textContent: "群里还没有你名下的客户。" }));
  clear();
  tabs("scripts", "person", "count");
}

async function openCustomer(id) {
  const found = await read("customer", { id });
  now.customer = id;
  clear();
  if (found.state === "own") {
    showCard(found.card);
    tabs("scripts", "person", "log", "count");
    return;
  }
  const take = found.state === "free" ? el("button", { className: "main", textContent: "收为我的客户" }) : null;
  if (take) take.onclick = () => busy(take, async () => { toast((await tap("take", {})).said); tabs("scripts", "person", "log", "count"); });
  head(el("h1", { textContent: found.name }), el("p", { className: "sub", textContent: found.said || "是你的企业微信好友，但还没有记在谁名下。" }), take && el("p", { className: "read" }, take));
  tabs();
}

function clear() {
  now.picked.clear();
  $("found").replaceChildren();
  $("words").value = "";
  $("chips").replaceChildren();
  $("reasons").hidden = true;
  $("logged").hidden = true;
  $("undo").hidden = true;
}

// The customer

function showCard(card) {
  now.card = card;
  now.customer = card.id;
  const back = now.chat || !now.inside ? el("button", { className: "back", textContent: now.chat ? "‹ 回到群" : "‹ 换一位客户" }) : null;
  if (back) back.onclick = () => busy(back, () => (now.chat ? openChat(now.chat.id) : choose()));
  const sub = [card.stage, card.model, card.own ? "" : card.owner + "的客户", card.store].filter(Boolean).join(" · ");
  head(back, el("div", { className: "top" }, el("h1", { textContent: card.name }),
    el("div", { className: "badges" }, el("span", { className: "badge " + card.tier, textContent: card.tier_name }), el("span", { className: "badge", textContent: card.level + "级" }))),
    el("p", { className: "sub", textContent: sub }), card.warning ? el("p", { className: "warning", textContent: card.warning }) : null);
  chips(card);
  person(card);
}

function chips(card) {
  $("chips").replaceChildren(...card.concerns.map((c) => {
    const chip = el("button", { type: "button", textContent: c.name, className: c.open && c.polarity < 0 ? "worry" : "", title: c.words });
    chip.setAttribute("aria-pressed", String(now.picked.has(c.code)));
    chip.onclick = () => {
      if (!now.picked.delete(c.code)) now.picked.add(c.code);
      chip.setAttribute("aria-pressed", String(now.picked.has(c.code)));
    };
    return chip;
  }));
}

function section(title, ...nodes) {
  return nodes.length ? [el("h2", { textContent: title }), el("div", { className: "box" }, ...nodes)] : [];
}

function person(card) {
  $("person").replaceChildren(
    ...section("为什么是" + card.tier_name + "·" + card.level + "级", ...card.reasons.map((r) => el("p", { className: "line", textContent: r }))),
    ...section("关注点", ...card.concerns.map(concern)),
    ...section("标签", ...(card.tags.length ? tagBox(card.tags) : [])),
    ...section("资料", ...(card.known.length ? [pairs(card.known.map((k) => [k.name, k.value, k.words]))] : [])),
    ...section("联系", pairs(card.touches.map((t) => [t.what, t.when, t.words]))),
    ...section("经过", ...(card.journey.length ? [pairs(card.journey.map((e) => [e.what, e.at, e.words]))] : [])),
    card.unread ? el("p", { className: "read", textContent: "客户未同意存档：聊天内容没有读取。" }) : "");
}

function concern(c) {
  const wrong = el("button", { className: "text", textContent: "不对" });
  wrong.setAttribute("aria-expanded", "false");
  const right = el("div", { className: "chips right", hidden: true }, ...instead(c));
  wrong.onclick = () => {
    right.hidden = !right.hidden;
    wrong.setAttribute("aria-expanded", String(!right.hidden));
  };
  return el("div", { className: "row" },
    el("span", { className: "name" }, c.name, el("i", { className: c.polarity < 0 ? "bad" : c.polarity > 0 ? "good" : "", textContent: c.mood + " · " + c.state })),
    wrong, c.words ? el("q", { textContent: c.words }) : null,
    el("span", { className: "when", textContent: c.at + (c.often > 1 ? " · 提过" + c.often + "次" : "") }), right);
}

// What it is instead: nothing, the same thing meant in another way, or another thing.
function instead(c) {
  const fact = { kind: c.kind, code: c.code };
  const chip = (words, more) => {
    const button = el("button", { type: "button", textContent: words });
    button.onclick = () => busy(button, () => mistaken({ ...fact, ...more }));
    return button;
  };
  const moods = [["其实担心", -1], ["只是在问", 0], ["其实满意", 1]].filter(([, sign]) => sign !== c.polarity);
  const other = el("select", {}, el("option", { value: "", textContent: "其实是…" }),
    ...Object.entries(CONCERNS).filter(([code]) => code !== c.code).map(([value, textContent]) => el("option", { value, textContent })));
  other.setAttribute("aria-label", "其实是");
  other.onchange = () => busy(other, () => mistaken({ ...fact, right: other.value, polarity: c.polarity }));
  return [chip("没这回事", {}), ...moods.map(([words, polarity]) => chip(words, { right: c.code, polarity })), other];
}

async function mistaken(what) {
  const found = await tap("wrong", what);
  toast(found.said, true);
}

function tagBox(tags) {
  const detail = el("div", { className: "detail", hidden: true });
  const buttons = tags.map((t) => {
    const button = el("button", { textContent: t.name });
    button.setAttribute("aria-expanded", "false");
    button.onclick = () => {
      const shut = button.getAttribute("aria-expanded") === "true";
      buttons.forEach((b) => b.setAttribute("aria-expanded", "false"));
      detail.hidden = shut;
      button.setAttribute("aria-expanded", String(!shut));
      const wrong = el("button", { className: "text", textContent: "不对" });
      wrong.onclick = () => busy(wrong, () => mistaken({ tag: t.tag }));
      detail.replaceChildren(el("span", { textContent: t.group + " · “" + t.words + "” · " + t.at }), wrong);
    };
    return button;
  });
  return [el("div", { className: "tags" }, ...buttons), detail];
}

function pairs(rows) {
  return el("dl", { className: "pairs" }, ...rows.flatMap(([name, value, words]) => [el("dt", { textContent: name }), el("dd", { textContent: value }, words ? el("small", { textContent: words }) : null)]));
}

// Scripts

function offer(found) {
  now.dialog = found.dialog;
  const nodes = [];
  if (found.summary && found.summary.length) nodes.push(el("p", { className: "read", textContent: found.summary.join("\n") }));
  if (found.note) nodes.push(el("p", { className: "read", textContent: found.note }));
  nodes.push(...found.scripts.map(script));
  if (found.scripts.length) nodes.push(after());
  if (found.nexts && found.nexts.length) nodes.push(el("p", { className: "read", textContent: "接下来常问" }), el("div", { className: "chips" }, ...found.nexts.map(next)));
  if (found.why) nodes.push(el("details", {}, el("summary", { textContent: "为什么是这几条" }), el("p", { className: "why", textContent: found.why })));
  $("found").replaceChildren(...nodes);
  for (const text of $("found").querySelectorAll("textarea")) fit(text);
}

function next(words) {
  const chip = el("button", { type: "button", textContent: words });
  chip.onclick = () => busy(chip, async () => offer(await tap("following", { dialog: now.dialog, text: words })));
  return chip;
}

function after() {
  const other = el("button", { className: "text", textContent: "换一批" });
  const refuse = el("button", { className: "text", textContent: "都不合适" });
  other.onclick = () => busy(other, async () => offer(await tap("more", { dialog: now.dialog })));
  refuse.onclick = () => busy(refuse, async () => { offer(await tap("more", { dialog: now.dialog, refused: true })); toast("收到，这几条以后往后排，问题已记入缺口清单。"); });
  return el("div", { className: "after" }, other, refuse);
}

function fit(text) {
  text.style.height = "auto";
  text.style.height = text.scrollHeight + 2 + "px";
}

function script(s) {
  const text = el("textarea", { value: s.text, rows: 3, maxLength: 4000 });
  text.setAttribute("aria-label", s.title);
  const problem = el("p", { className: "problem", hidden: true });
  const go = el("button", { className: "main", textContent: now.inside ? (now.chat ? "发到群里" : "发送") : "复制" });
  const card = { ...s, text, problem, go, given: s.text, sure: "" };
  text.oninput = () => { fit(text); calm(card); };
  go.onclick = () => busy(go, () => pass(card));
  const copy = now.inside ? el("button", { textContent: "复制" }) : null;
  if (copy) copy.onclick = () => busy(copy, () => copied(card));
  const brief = s.shorter ? el("button", { textContent: "短一点" }) : null;
  if (brief) brief.onclick = () => busy(brief, async () => {
    const found = (await tap("shorter", { use: card.use })).script;
    Object.assign(card, { use: found.use, given: found.text });
    text.value = found.text;
    fit(text);
    brief.remove();
    calm(card);
  });
  card.node = el("article", { className: "script" }, el("h3", { textContent: s.title }), s.reason ? el("p", { className: "reason", textContent: s.reason }) : null, text, problem, el("div", { className: "acts" }, go, copy, brief));
  return card.node;
}

function calm(card) {
  card.node.classList.remove("sent");
  card.sure = "";
  card.problem.hidden = true;
  card.go.className = "main";
  card.go.textContent = now.inside ? (now.chat ? "发到群里" : "发送") : "复制";
}

function stop(card, words, may) {
  card.problem.textContent = words;
  card.problem.hidden = false;
  if (!may) return false;
  const first = card.sure !== words;
  card.sure = words;
  card.go.className = "sure";
  card.go.textContent = now.inside ? "仍要发送" : "仍要复制";
  return !first;
}

// Nothing that is unfinished or forbidden goes out; what is only unwise goes out on a second tap.
async function fine(card) {
  const words = card.text.value.trim();
  const gap = words.match(/【[^】]*？】/);
  if (!words || gap) {
    card.text.focus();
    if (gap) card.text.setSelectionRange(card.text.value.indexOf(gap[0]), card.text.value.indexOf(gap[0]) + gap[0].length);
    return stop(card, gap ? "先把 " + gap[0] + " 填好再发。" : "还没有内容。", false);
  }
  const doubts = now.card && now.card.warning && !now.chat ? [now.card.warning] : [];
  if (words !== card.given.trim()) {
    const found = await tap("check", { text: words });
    if (!found.passes) return stop(card, "不能这样发：\n" + found.rows.join("\n"), false);
    doubts.push(...found.rows);
  }
  return doubts.length ? stop(card, doubts.join("\n"), true) : true;
}

async function pass(card) {
  if (!now.inside) return copied(card);
  if (!(await fine(card))) return;
  try {
    await wecom("sendChatMessage", { msgtype: "text", enterChat: true, text: { content: card.text.value.trim() } });
  } catch (error) {
    const said = error.errMsg || error.err_msg || error.message;
    if (/:cancel/.test(said)) return;
    throw new Refused(/permission/.test(said) ? "企业微信不让这里发送，请先用复制。" : "没有发出去，请用复制。");
  }
  await adopted(card, "已发送");
}

async function copied(card) {
  if (!(await fine(card))) return;
  await clip(card.text);
  await adopted(card, "已复制，去聊天里粘贴");
}

async function clip(text) {
  if (navigator.clipboard && window.isSecureContext) {
    try { return await navigator.clipboard.writeText(text.value.trim()); } catch (_) { /* older clients */ }
  }
  text.select();
  if (!document.execCommand("copy")) throw new Refused("复制不了，请长按文字复制。");
}

async function adopted(card, said) {
  calm(card);
  card.node.classList.add("sent");
  card.go.className = "";
  card.go.textContent = "再来一次";
  toast(said);
  await tap("adopt", { use: card.use, text: card.text.value.trim() });
}

// Logging and sums

async function logged(found) {
  $("logged").textContent = found.said;
  $("logged").hidden = !found.said;
  $("reasons").hidden = !(found.reasons && found.reasons.length);
  $("reasons").replaceChildren(...(found.reasons || []).map((why) => {
    const chip = el("button", { type: "button", textContent: why });
    chip.onclick = () => busy(chip, async () => logged(await tap("reason", { text: why })));
    return chip;
  }));
  $("undo").hidden = !found.undo;
}

function sum(found) {
  $("summed").replaceChildren(el("div", { className: "box" }, ...found.lines.map((line) => el("p", { className: "line" + (line.startsWith("  ") ? " inner" : ""), textContent: line.trim() }))));
}

$("tabs").addEventListener("click", (event) => { if (event.target.dataset.tab) open(event.target.dataset.tab); });
$("ask").addEventListener("submit", (event) => {
  event.preventDefault();
  const words = $("words").value.trim();
  if (!words && !now.picked.size) return toast("先粘贴客户的话，或点一个关注点。");
  busy(event.target.querySelector("button.main"), async () => {
    offer(words ? await tap("words", { text: words }) : await tap("picked", { codes: [...now.picked] }));
    if (words) $("words").value = "";
  });
});
$("opening").addEventListener("click", (event) => busy(event.target, async () => offer(await tap("opening", {}))));
$("events").addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  busy(button, async () => logged(button.dataset.done ? await tap("contacted", {}) : await tap("log", { text: button.dataset.log })));
});
$("note").addEventListener("submit", (event) => {
  event.preventDefault();
  busy(event.target.querySelector("button"), async () => { await logged(await tap("log", { text: $("what").value })); $("what").value = ""; });
});
$("sum").addEventListener("submit", (event) => {
  event.preventDefault();
  busy(event.target.querySelector("button"), async () => sum(await tap("count", { text: $("terms").value })));
});
for (const id of ["toast-undo", "undo"]) {
  $(id).addEventListener("click", (event) => busy(event.target, async () => {
    const found = await tap("undo", {});
    for (const gone of ["logged", "reasons", "undo"]) $(gone).hidden = true;
    toast(found.said);
  }));
}
$("seek").addEventListener("input", () => { seek().catch((error) => toast(error.message, false, true)); });
start();
