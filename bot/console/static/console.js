"use strict";
// Draws what the page brings; the numbers stand in the table below, so without it nothing is lost.
const dark = matchMedia("(prefers-color-scheme: dark)").matches;
// Told apart by who sees no red or no green, too: by how light they are, by dashes and by points.
const COLOURS = dark
  ? ["#7fa8ff", "#ffb454", "#5fd3b0", "#e6eaf0", "#e79bd0"]
  : ["#2b62d9", "#d55e00", "#009e73", "#3d4652", "#b04a94"];
const BARS = dark
  ? ["#7fa8ff", "#4b5f86", "#ffb454", "#e6eaf0"]
  : ["#2b62d9", "#a9bde6", "#e08a00", "#3d4652"]; // the second is what the first is compared with
const DASHES = [[], [7, 4], [2, 3], [10, 3, 2, 3], [4, 2]];
const POINTS = ["circle", "triangle", "rect", "rectRot", "star"];
const INK = dark ? "#a4aebb" : "#5b6675";
const LINE = dark ? "#2c343e" : "#e4e8ee";

function dataset(series, n, line) {
  const among = line ? COLOURS : BARS;
  const colour = among[n % among.length];
  return {
    label: series.name, data: series.values, backgroundColor: colour, borderColor: colour,
    borderWidth: line ? 2 : 0, borderRadius: line ? 0 : 3, pointRadius: line ? 3 : 0, tension: 0.25,
    cubicInterpolationMode: "monotone", borderDash: line ? DASHES[n % DASHES.length] : [],
    pointStyle: line ? POINTS[n % POINTS.length] : "rect", maxBarThickness: 22,
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
      plugins: { legend: { position: "bottom", labels: { color: INK, boxWidth: line ? 16 : 12, usePointStyle: line, pointStyleWidth: 16 } } },
    },
  });
}

document.querySelectorAll("canvas[data-chart]").forEach(draw);
document.querySelector("nav [aria-current]")?.scrollIntoView({ inline: "center", block: "nearest" });
for (const select of document.querySelectorAll(".filters select")) {
  select.addEventListener("change", () => select.form.requestSubmit());
}
