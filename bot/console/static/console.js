"use strict";
// Draws what the page brings; the numbers stand in the table below, so without it nothing is lost.
const dark = matchMedia("(prefers-color-scheme: dark)").matches;
const COLOURS = dark
  ? ["#7fa8ff", "#7fd6a5", "#f0c674", "#ff9c90", "#c3a6ff"]
  : ["#2b62d9", "#1c7a4a", "#c27c0e", "#b93a2e", "#7a4fd0"];
const BARS = dark
  ? ["#7fa8ff", "#4b5f86", "#f0c674", "#7fd6a5"]
  : ["#2b62d9", "#a9bde6", "#c27c0e", "#1c7a4a"]; // the second is what the first is compared with
const INK = dark ? "#a4aebb" : "#5b6675";
const LINE = dark ? "#2c343e" : "#e4e8ee";

function dataset(series, n, line) {
  const among = line ? COLOURS : BARS;
  const colour = among[n % among.length];
  return {
    label: series.name, data: series.values, backgroundColor: colour, borderColor: colour,
    borderWidth: line ? 2 : 0, borderRadius: line ? 0 : 3, pointRadius: line ? 1.5 : 0, tension: 0.25,
    maxBarThickness: 22,
  };
}

function draw(canvas) {
  const given = JSON.parse(canvas.dataset.chart);
  const line = given.kind === "line";
  const ticks = { color: INK, font: { size: 12 } };
  const values = { ...ticks, precision: 0, callback: (v) => (given.percent ? Math.round(v * 100) + "%" : v) };
  const named = { ticks: { ...ticks, autoSkip: line, maxRotation: 0 }, grid: { display: false } };
  const counted = { ticks: values, grid: { color: LINE }, beginAtZero: true };
  const sideways = !line;
  if (sideways) canvas.parentElement.style.height = 64 + given.labels.length * (14 + 16 * given.series.length) + "px";
  new Chart(canvas, {
    type: line ? "line" : "bar",
    data: { labels: given.labels, datasets: given.series.map((s, n) => dataset(s, n, line)) },
    options: {
      indexAxis: sideways ? "y" : "x", animation: false, responsive: true, maintainAspectRatio: false,
      scales: sideways ? { y: named, x: counted } : { x: named, y: counted },
      plugins: { legend: { position: "bottom", labels: { color: INK, boxWidth: 12 } } },
    },
  });
}

document.querySelectorAll("canvas[data-chart]").forEach(draw);
document.querySelector("nav [aria-current]")?.scrollIntoView({ inline: "center", block: "nearest" });
for (const select of document.querySelectorAll(".filters select")) {
  select.addEventListener("change", () => select.form.requestSubmit());
}
