"use strict";
// The page shows what the server says, every two seconds, and asks for keys when told to.

const meta = (name) => document.querySelector(`meta[name=${name}]`).content;
const ways = [...document.querySelectorAll(".way")];
const trouble = document.getElementById("trouble");
const here = location.pathname.replace(/\/$/, "");
let opened = false;

history.replaceState(null, "", location.pathname); // a link that is spent need not stand in the history

function tell(text) {
  trouble.textContent = text;
  trouble.hidden = !text;
}

function show(way, told) {
  way.classList.remove("off", "waiting", "working");
  way.classList.add(told.restart && told.state === "off" ? "waiting" : told.state);
  way.querySelector(".words").textContent = told.words;
  document.querySelector(`[data-bar=${way.dataset.way}]`).className = told.state;
  const problem = way.querySelector("[data-problem]");
  problem.textContent = told.refused || (told.error && `最近一次出错：${told.error}`) || "";
  problem.hidden = !problem.textContent;
  problem.classList.toggle("bad", Boolean(told.error));
  way.querySelector(".restart").hidden = !told.restart;
  const button = way.querySelector("[data-make]");
  if (way.querySelector("dl [data-value=token]").textContent === "") {
    button.textContent = told.state === "off" && !told.restart ? "生成密钥" : "显示密钥";
  }
}

function sum(told) {
  const done = Object.values(told).filter((one) => one.state === "working").length;
  document.getElementById("sum").textContent = `${ways.length} 面里接通了 ${done} 面。`;
  if (!opened) {
    opened = true;
    const next = ways.find((way) => told[way.dataset.way].state !== "working");
    ways.forEach((way) => { way.open = way === next; });
  }
}

async function look() {
  try {
    const answer = await fetch(`${here}/state`, { cache: "no-store" });
    const found = await answer.json();
    if (!answer.ok) {
      tell(found.error);
      return;
    }
    if (found.boot !== meta("boot")) {
      location.reload();
      return;
    }
    tell("");
    ways.forEach((way) => show(way, found.ways[way.dataset.way]));
    sum(found.ways);
  } catch {
    tell("程序没有回应，多半正在重启；起来之后这一页会自己接着走。");
  }
  setTimeout(look, 2000);
}

async function give(way, fresh) {
  const answer = await fetch(`${here}/keys`, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-CSRF-Token": meta("csrf") },
    body: JSON.stringify({ way: way.dataset.way, fresh }),
  });
  const found = await answer.json();
  if (!answer.ok) {
    tell(found.error);
    return;
  }
  for (const name of ["token", "key", "section", "environment"]) {
    way.querySelector(`[data-value=${name}]`).textContent = found[name];
  }
  way.querySelectorAll(".made").forEach((part) => { part.hidden = false; });
  way.querySelector("[data-make]").hidden = true;
  way.querySelector("[data-fresh]").hidden = false;
  way.querySelector(".restart").hidden = !found.restart;
}

async function copy(button) {
  const text = button.parentElement.querySelector("code, pre");
  try {
    await navigator.clipboard.writeText(text.textContent);
  } catch { // no clipboard on a plain http address: mark it, so that one key copies it
    getSelection().selectAllChildren(text);
    button.textContent = "已选中";
    return;
  }
  button.textContent = "已复制";
  button.classList.add("done");
  setTimeout(() => { button.textContent = "复制"; button.classList.remove("done"); }, 1600);
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  if (button.hasAttribute("data-copy")) copy(button);
  const way = button.closest(".way");
  if (button.hasAttribute("data-make")) give(way, false);
  if (button.hasAttribute("data-fresh")) give(way, true);
});
look();
