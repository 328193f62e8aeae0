"use strict";
// Draws the charts of a report and moves its map through time. All that it needs is in the page.

const data = JSON.parse(document.getElementById("data").textContent);
const pretty = new Intl.NumberFormat("en", { maximumSignificantDigits: 4 });
const dashes = [[], [7, 3], [2, 2], [9, 3, 2, 3], [4, 4], [12, 3]];
// Okabe and Ito's colours: [on light, on dark].
const palette = [
  ["#0072b2", "#56b4e9"], ["#c04f00", "#ff9d5c"], ["#007a59", "#38c39b"],
  ["#a8487c", "#e59cc4"], ["#8a6d00", "#f0d43f"], ["#4d5661", "#c3ccd6"],
];
const dark = matchMedia("(prefers-color-scheme: dark)");
const charts = [];

function style(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function colour(index) {
  return palette[index % palette.length][dark.matches ? 1 : 0];
}

// A series as the chart wants it; a gap where there is no number.
function points(series) {
  return series.at.map((at, i) => ({ x: at, y: series.value[i] }));
}

// The faults behind the lines, in the same place in every chart.
const faultBands = {
  id: "faultBands",
  beforeDatasetsDraw(chart) {
    const { ctx, chartArea: area, scales } = chart;
    ctx.save();
    for (const fault of data.faults) {
      const left = Math.max(scales.x.getPixelForValue(fault.begin), area.left);
      const right = Math.min(scales.x.getPixelForValue(fault.end), area.right);
      if (left > area.right || right < area.left) continue;
      ctx.fillStyle = style("--fault");
      ctx.fillRect(left, area.top, Math.max(right - left, 1), area.bottom - area.top);
      ctx.fillStyle = style("--bad");
      ctx.fillRect(left, area.top, 1.5, area.bottom - area.top);
      ctx.font = "11px system-ui, sans-serif";
      ctx.fillText(fault.kind, left + 4, area.top + 11);
    }
    ctx.restore();
  },
};

function axis(title) {
  return {
    type: "linear",
    title: { display: true, text: title, color: style("--faint"), font: { size: 12 } },
    grid: { color: style("--line"), drawBorder: false },
    ticks: { color: style("--faint"), maxRotation: 0, autoSkipPadding: 12, includeBounds: false },
  };
}

function datasets(lines) {
  return lines.map((line, i) => ({
    label: line.series.name,
    data: points(line.series),
    borderColor: line.reference ? style("--faint") : colour(i),
    backgroundColor: line.reference ? style("--faint") : colour(i),
    borderDash: line.reference ? [3, 3] : dashes[i % dashes.length],
    borderWidth: 1.8,
    pointRadius: line.dots ? 4 : line.series.at.length < 3 ? 2 : 0,
    pointHitRadius: 8,
    showLine: !line.dots,
    clip: line.dots ? false : undefined,
    stepped: line.stepped ? "before" : false,
    spanGaps: false,
  }));
}

function options(chart) {
  const y = axis(chart.unit);
  if (chart.fromZero) y.beginAtZero = true;
  return {
    animation: false,
    responsive: true,
    maintainAspectRatio: false,
    parsing: false,
    normalized: true,
    interaction: { mode: "nearest", axis: "x", intersect: false },
    scales: { x: { ...axis("time, s"), min: 0, max: data.totals.duration }, y },
    plugins: {
      legend: { display: false },
      tooltip: {
        callbacks: {
          title: (items) => (items.length ? `${pretty.format(items[0].parsed.x)} s` : ""),
          label: (item) =>
            `${item.dataset.label}: ${pretty.format(item.parsed.y)} ${chart.short}`,
        },
      },
    },
  };
}

// The legend: buttons, so that the keyboard reaches them.
function addLegend(holder, drawn) {
  drawn.data.datasets.forEach((set, i) => {
    const button = document.createElement("button");
    button.type = "button";
    button.setAttribute("aria-pressed", "true");
    const swatch = document.createElement("span");
    swatch.className = "swatch";
    swatch.style.borderTopColor = set.borderColor;
    if (set.borderDash.length) swatch.style.borderTopStyle = "dashed";
    button.append(swatch, set.label);
    button.addEventListener("click", () => {
      const shown = !drawn.isDatasetVisible(i);
      drawn.setDatasetVisibility(i, shown);
      button.setAttribute("aria-pressed", String(shown));
      drawn.update();
    });
    holder.append(button);
  });
}

// The numbers of a chart, made when somebody opens them.
function fillTable(details, chart) {
  const table = document.createElement("table");
  const head = table.createTHead().insertRow();
  for (const text of ["series", "time, s", chart.unit]) {
    const cell = document.createElement("th");
    cell.textContent = text;
    head.append(cell);
  }
  const body = table.createTBody();
  for (const line of chart.lines) {
    line.series.at.forEach((at, i) => {
      const row = body.insertRow();
      row.insertCell().textContent = line.series.name;
      row.insertCell().textContent = pretty.format(at);
      const value = line.series.value[i];
      row.insertCell().textContent = value === null ? "–" : pretty.format(value);
    });
  }
  const rows = document.createElement("div");
  rows.className = "rows";
  rows.tabIndex = 0;
  rows.append(table);
  details.append(rows);
}

function draw(chart) {
  const panel = document.getElementById(chart.id);
  if (!panel) return;
  const drawn = new Chart(panel.querySelector("canvas"), {
    type: "line",
    data: { datasets: datasets(chart.lines) },
    options: options(chart),
    plugins: [faultBands],
  });
  const legend = panel.querySelector(".series");
  legend.textContent = "";
  addLegend(legend, drawn);
  const details = panel.querySelector("details");
  details.addEventListener("toggle", () => {
    if (details.open && !details.querySelector("table")) fillTable(details, chart);
  });
  charts.push({ chart, drawn });
}

function level(name, value) {
  return { name, at: [0, data.totals.duration], value: [value, value] };
}

function allCharts() {
  const sites = data.series;
  const rounds = sites.map((site) => ({ series: site.round }));
  if (data.totals.round_median > 0)
    rounds.push({ series: level("2 × median", 2 * data.totals.round_median), reference: true });
  const loss = sites.filter((site) => site.loss.at.length).map((site) => ({ series: site.loss }));
  if (data.validation.at.length)
    loss.push({ series: { ...data.validation, name: "validation" }, dots: true });
  return [
    { id: "loss", unit: "loss, nats per byte", short: "nats", lines: loss },
    { id: "speed", unit: "tokens per second", short: "tokens/s", fromZero: true,
      lines: sites.map((site) => ({ series: site.speed })) },
    { id: "rounds", unit: "time between syncs, s", short: "s", fromZero: true, lines: rounds },
    { id: "delays", unit: "round trip, ms", short: "ms", fromZero: true,
      lines: data.routing.delays.map((series) => ({ series, stepped: true })) },
    { id: "bulk", unit: "Mb/s", short: "Mb/s", fromZero: true,
      lines: [...data.bulk.leased, ...data.bulk.received].map((series) => ({ series })) },
    { id: "propagation", unit: "one way, ms", short: "ms", fromZero: true,
      lines: data.links.map((link) => ({ series: link.delay, stepped: true })) },
    { id: "traffic", unit: "Mb/s, both directions", short: "Mb/s", fromZero: true,
      lines: data.links.map((link) => ({ series: link.rate })) },
  ];
}

function drawAll() {
  for (const { drawn } of charts.splice(0)) drawn.destroy();
  for (const chart of allCharts()) draw(chart);
}

// The map at one time: the links that some route takes, and in words for those who do not see it.
function routesAt(time) {
  return data.routing.routes.filter((route) => route.begin <= time && time < route.end);
}

function showMap(time) {
  const routes = routesAt(time);
  const used = new Map();
  for (const route of routes)
    for (const link of route.path.split(", ")) used.set(link, (used.get(link) ?? 0) + 1);
  const cut = new Set(data.faults
    .filter((fault) => fault.kind === "cut" && fault.begin <= time && time < fault.end)
    .map((fault) => fault.text.replace("cut of ", "")));
  for (const arc of document.querySelectorAll(".arc")) {
    const count = used.get(arc.dataset.link) ?? 0;
    arc.classList.toggle("on", count > 0);
    arc.classList.toggle("cut", cut.has(arc.dataset.link));
    arc.style.strokeWidth = count > 0 ? 1.4 + 0.9 * count : "";
  }
  const list = document.createElement("ul");
  for (const route of routes) {
    const item = document.createElement("li");
    const key = document.createElement("span");
    key.className = `key k-${route.kind}`;
    item.append(key, `${route.from} → ${route.to} over ${route.path}`);
    list.append(item);
  }
  document.getElementById("now-time").textContent = `${time.toFixed(1)} s`;
  document.getElementById("now-routes").replaceChildren(list);
}

function bindMap() {
  const slider = document.getElementById("time");
  if (!slider) return;
  const play = document.getElementById("play");
  let timer = 0;
  const show = () => {
    const time = (Number(slider.value) / 1000) * data.totals.duration;
    slider.setAttribute("aria-valuetext", `${time.toFixed(1)} seconds`);
    showMap(time);
  };
  const stop = () => {
    clearInterval(timer);
    timer = 0;
    play.textContent = "Play";
  };
  slider.addEventListener("input", () => { stop(); show(); });
  play.addEventListener("click", () => {
    if (timer) return stop();
    if (Number(slider.value) >= 1000) slider.value = 0;
    play.textContent = "Pause";
    timer = setInterval(() => {
      slider.value = Number(slider.value) + 4;
      show();
      if (Number(slider.value) >= 1000) stop();
    }, 50);
    return undefined;
  });
  // Begin where something happens.
  const first = data.faults[0];
  const begin = first ? (first.begin + first.end) / 2 : data.totals.duration / 2;
  slider.value = (1000 * begin) / data.totals.duration;
  show();
}

function bindCopy() {
  const button = document.getElementById("copy");
  button?.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(document.getElementById("command").textContent);
      button.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(document.getElementById("command"));
    }
  });
}

drawAll();
bindMap();
bindCopy();
dark.addEventListener("change", drawAll);
document.documentElement.dataset.drawn = String(charts.length);
