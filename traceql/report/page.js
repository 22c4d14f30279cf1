"use strict";
// What the page holds packed: base64 of zlib.
async function unpacked(id) {
  const bytes = Uint8Array.from(atob(document.getElementById(id).textContent), (c) => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

// The script that draws charts: the page's policy knows it by its hash.
let vega = null;
async function unpackVega() {
  const script = document.createElement("script");
  script.textContent = new TextDecoder().decode(await unpacked("vega"));
  document.head.append(script);
}

function failed(place, error) {
  place.textContent = "This could not be drawn: " + error.message;
  place.classList.add("failed");
  console.error(error);
}

// Charts: drawn when they come near the screen, all of them before printing.
const drawn = new Map();
function draw(place) {
  if (!drawn.has(place)) {
    const done = drawIn(place).then(() => { place.dataset.drawn = "true"; }, (error) => failed(place, error));
    drawn.set(place, done);
  }
  return drawn.get(place);
}
async function specificationOf(id) {
  const held = document.getElementById(id);
  const isPacked = held.type === "application/octet-stream";
  return JSON.parse(isPacked ? new TextDecoder().decode(await unpacked(id)) : held.textContent);
}
// A legend is one line where its place has room for it, else a table of as many columns as have room.
function fitLegends(part, room) {
  for (const [key, one] of Object.entries(part)) {
    if (key === "datasets" || one === null || typeof one !== "object") continue;
    const names = one.scale?.domain;
    if (["color", "shape", "strokeDash"].includes(key) && Array.isArray(names) && one.legend !== null
      && one.legend?.columns !== 1) {
      const widths = names.map((name) => 6 * String(name).length + 28);
      const fits = widths.reduce((sum, width) => sum + width, 0) <= room;
      const columns = fits ? names.length : Math.max(1, Math.floor(room / Math.max(...widths)));
      one.legend = { ...one.legend, columns, labelLimit: fits ? room : room / columns - 28 };
    }
    fitLegends(one, room);
  }
}
async function drawIn(place) {
  vega ??= unpackVega();
  await vega;
  const specification = await specificationOf(place.dataset.chart + "-chart");
  const theme = await specificationOf("theme");
  const width = place.clientWidth;
  theme.legend.columns = Math.max(1, Math.floor(width / (width > 700 ? 280 : 175)));
  // A legend begins where the plot does, right of its axis.
  theme.legend.labelLimit = (width - 80) / theme.legend.columns - 40;
  fitLegends(specification, width - 80);
  // Panels below each other cannot follow the width of their place by themselves: most have labels on the left.
  for (const panel of specification.vconcat || []) {
    const { y } = (panel.layer?.[0] ?? panel).encoding ?? {};
    panel.width = Math.max(200, width - (y?.axis?.labels === false ? 20 : 90));
  }
  await window.vegaEmbed(place, specification, {
    ast: true, // Vega interprets its expressions: the page's policy allows no eval.
    actions: false,
    renderer: "svg",
    config: theme,
    // A chart that would have to fetch something is refused.
    loader: { load: () => Promise.reject(new Error("this page fetches nothing")) },
    tooltip: { theme: "custom" },
  });
}
const places = [...document.querySelectorAll("[data-chart]")];
const drawAll = () => Promise.all(places.map(draw));
const watcher = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    if (entry.isIntersecting) {
      watcher.unobserve(entry.target);
      draw(entry.target);
    }
  }
}, { rootMargin: "800px" });
for (const place of places) watcher.observe(place);
// Printing does not wait: what is still missing is drawn while the reader reads.
window.addEventListener("load", () => setTimeout(drawAll, 1000));
window.addEventListener("beforeprint", () => {
  for (const numbers of document.querySelectorAll("details.numbers, details.long, details.card")) numbers.open = true;
});

// Tables: a click on a head sorts; missing values stay at the end.
function sort(head) {
  const table = head.closest("table");
  const body = table.tBodies[0];
  const column = head.cellIndex;
  const numeric = head.classList.contains("number");
  const was = head.getAttribute("aria-sort");
  const sign = was === "descending" || (was === null && !numeric) ? 1 : -1;
  const value = (row) => {
    const cell = row.cells[column];
    if (cell.classList.contains("missing")) return null;
    return numeric ? Number(cell.dataset.value) : cell.textContent;
  };
  const rows = [...body.rows].map((row) => ({ row, key: value(row) }));
  rows.sort((a, b) => {
    if (a.key === null || b.key === null) return (a.key === null) - (b.key === null);
    return sign * (numeric ? a.key - b.key : a.key.localeCompare(b.key));
  });
  for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", sign > 0 ? "ascending" : "descending");
  body.append(...rows.map((entry) => entry.row));
}
for (const button of document.querySelectorAll("thead button")) {
  button.addEventListener("click", () => sort(button.closest("th")));
}

// A table that is wider than its place says so.
const narrow = new ResizeObserver((entries) => {
  for (const { target } of entries) target.previousElementSibling.hidden = target.scrollWidth <= target.clientWidth;
});
for (const place of document.querySelectorAll(".scroll")) narrow.observe(place);

for (const input of document.querySelectorAll("[data-filter]")) {
  const rows = [...document.getElementById(input.dataset.filter).tBodies[0].rows];
  const count = document.querySelector(`[data-count="${input.dataset.filter}"]`);
  input.addEventListener("input", () => {
    const wanted = input.value.trim().toLowerCase();
    let shown = 0;
    for (const row of rows) {
      row.hidden = !row.textContent.toLowerCase().includes(wanted);
      shown += row.hidden ? 0 : 1;
    }
    count.textContent = wanted ? `${shown} of ${rows.length} rows` : "";
  });
}

for (const button of document.querySelectorAll("[data-copy]")) {
  button.addEventListener("click", async () => {
    const source = document.getElementById(button.dataset.copy);
    try {
      await navigator.clipboard.writeText(source.textContent);
    } catch {
      // Pages opened from a file may not write to the clipboard: the text is left selected.
      getSelection().selectAllChildren(source);
      button.textContent = document.execCommand("copy") ? "Copied" : "Selected";
      return;
    }
    button.textContent = "Copied";
  });
}
