"use strict";
// Timelines: lanes of events on a canvas. Nothing has a minimum width: what is shorter than a pixel shades it by
// the share of its time that is busy. Texts come from strangers, and only ever become text.
async function modelOf(id) {
  const raw = await unpacked(id);
  const length = new DataView(raw.buffer).getUint32(0, true);
  const head = JSON.parse(new TextDecoder().decode(raw.subarray(4, 4 + length)));
  let at = 4 + length;
  const columns = head.planes.map((planes, number) => {
    const count = number < 6 ? head.events : head.stretches;
    const column = new Float64Array(count);
    for (let plane = 0, unit = 1; plane < planes; plane += 1, unit *= 256, at += count) {
      for (let i = 0; i < count; i += 1) column[i] += raw[at + i] * unit;
    }
    // Numbers below zero are the odd ones.
    for (let i = 0; i < count; i += 1) column[i] = column[i] % 2 ? -(column[i] + 1) / 2 : column[i] / 2;
    return column;
  });
  const [starts, lengths, whats, places, queues, bytes, numbers, busy, begun, whatsOf, placesOf] = columns;
  const sum = (column, from) => column.forEach((value, i) => { column[i] = value + (i ? column[i - 1] : from); });
  sum(starts, head.first);
  sum(numbers, 0);
  const taken = { true: 0, false: 0 };
  for (const lane of head.lanes) {
    const from = taken[lane.whole];
    taken[lane.whole] += lane.rows;
    const cut = (some) => Object.entries(some).forEach(([name, column]) => {
      lane[name] = column.subarray(from, from + lane.rows);
    });
    if (!lane.whole) {
      cut({ number: numbers, busy, begun, what: whatsOf, place: placesOf });
      lane.start = Float64Array.from(lane.number, (number) => head.first + number * head.width);
      continue;
    }
    cut({ start: starts, length: lengths, what: whats, place: places, queue: queues, bytes });
    lane.first = from;
    // Until when it is busy with all events so far: what begins before that has less of its own.
    let until = -Infinity;
    lane.until = Float64Array.from(lane.start, (start, i) => (until = Math.max(until, start + lane.length[i])));
  }
  return head;
}

/** The first place in an ascending column with a value above another one. */
function above(column, value) {
  let [low, high] = [0, column.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (column[middle] > value) high = middle;
    else low = middle + 1;
  }
  return low;
}

const UNITS = [[1e9, "s"], [1e6, "ms"], [1e3, "µs"], [1, "ns"]];
function time(ns, digits = 4, by = Math.abs(ns)) {
  const [divisor, unit] = UNITS.find(([size]) => by >= size) || UNITS[3];
  return `${Number((ns / divisor).toPrecision(digits)).toLocaleString("en-US", { maximumFractionDigits: 9 })} ${unit}`;
}
const asOption = (ns) => `${Math.round(ns)}ns`;
const counted = (number) => number.toLocaleString("en-US");
const many = (number, one, several = `${one}s`) => `${counted(number)} ${number === 1 ? one : several}`;
const make = (tag, text) => Object.assign(document.createElement(tag), { textContent: text });

function timelineIn(place, model) {
  const [canvas, scroller, spacer, panel, legend, colouring, search, found, command] = [
    "canvas", ".lanes", ".height", ".panel", ".legend", "select", "input", ".found", "[data-view]",
  ].map((selector) => place.querySelector(selector));
  const context = canvas.getContext("2d");
  const view = { from: model.first, to: Math.max(model.last, model.first + 1) };
  const whole = { ...view };
  const closed = new Set();
  let [chosen, matched, rows] = [null, null, []];
  const colours = { series: [] };
  const whatText = (what, column) => model.texts[model.whats[what][column]];
  const placeText = (number, column) => model.texts[model.places[number][column]];

  // Colours: of kinds of work those of charts, else those that take most time on GPUs first; of others muted.
  const keys = {
    category: (lane, i) => (lane.layer === "gpu" ? whatText(lane.what[i], 2) : null),
    range: (lane, i) => placeText(lane.place[i], 0),
    name: (lane, i) => whatText(lane.what[i], 0),
  };
  let [ranked, cache] = [new Map(), new Map()];
  const onGpu = model.lanes.some((lane) => lane.layer === "gpu");
  if (!onGpu) colouring.value = "name";
  function rank() {
    const times = new Map();
    for (const lane of model.lanes) {
      if (onGpu && lane.layer !== "gpu") continue;
      for (let i = 0; i < lane.rows; i += 1) {
        const key = keys[colouring.value](lane, i);
        if (key !== null) times.set(key, (times.get(key) || 0) + (lane.whole ? lane.length[i] : lane.busy[i]));
      }
    }
    const order = [...times].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
    const byWork = colouring.value === "category";
    const free = new Set(colours.series.keys());
    ranked = new Map(order.map(([key], place) => [key, byWork ? model.hues[key] : place])
      .filter(([, number]) => free.delete(number)));
    cache = new Map();
    const told = [...ranked].map(([key, number]) => [key, colours.series[number]]);
    if (byWork && order.length === told.length) told.push(["ranges, and the CPU", colours.muted]);
    else if (onGpu || order.length > told.length) told.push(["all others", colours.muted]);
    legend.replaceChildren(...told.map(([key, colour]) => {
      const [item, swatch] = [make("li", ""), make("span", "")];
      swatch.style.background = colour;
      item.append(swatch, String(key));
      return item;
    }));
  }
  /** Which colour an event has; -1 for none of its own, -2 where another one is searched for. */
  function colourOf(lane, i) {
    if (matched && !matched.has(lane.what[i])) return -2;
    const at = lane.what[i] * 1e6 + lane.place[i] + (lane.layer === "gpu" ? 0 : 0.5);
    let colour = cache.get(at);
    if (colour === undefined) {
      colour = ranked.get(keys[colouring.value](lane, i)) ?? -1;
      cache.set(at, colour);
    }
    return colour;
  }
  const paint = (number) => (number === -2 ? colours.grid : number < 0 ? colours.muted : colours.series[number]);

  function layOut() {
    rows = model.marks.map((mark, number) => ({ kind: "mark", mark, y: 24 + 15 * number, height: 14 }));
    let y = 24 + 15 * rows.length;
    let process = null;
    for (const lane of model.lanes) {
      if (lane.process !== process) {
        process = lane.process;
        rows.push({ kind: "process", process, y: y + 4, height: 18 });
        y += 24;
      }
      if (closed.has(process)) continue;
      const label = lane.below ? 0 : 14;
      rows.push({ kind: "lane", lane, y: y + label, height: lane.below ? 14 : 16, label });
      y += label + (lane.below ? 15 : 18);
    }
    spacer.style.height = `${y + 6}px`;
    scroller.style.height = `${Math.min(y + 8, Math.max(260, window.innerHeight * 0.7))}px`;
  }

  function resize() {
    const style = getComputedStyle(place);
    const read = (name) => style.getPropertyValue(name).trim();
    for (const name of ["ink", "muted", "grid", "background"]) colours[name] = read(`--${name}`);
    colours.series = [];
    for (let n = 0; read(`--series-${n}`); n += 1) colours.series.push(read(`--series-${n}`));
    const ratio = window.devicePixelRatio || 1;
    canvas.width = Math.round(scroller.clientWidth * ratio);
    canvas.height = Math.round(scroller.clientHeight * ratio);
    canvas.style.width = `${scroller.clientWidth}px`;
    canvas.style.height = `${scroller.clientHeight}px`;
    rank();
    draw();
  }

  /** Black or white, whichever is read better on a colour. */
  function inkOn(colour) {
    const [r, g, b] = [1, 3, 5].map((i) => parseInt(colour.slice(i, i + 2), 16) / 255);
    return 0.2126 * r ** 2.2 + 0.7152 * g ** 2.2 + 0.0722 * b ** 2.2 > 0.36 ? "#000000" : "#ffffff";
  }
  /** As much of a text as has room. */
  function fitted(text, width, font = "11px") {
    context.font = `${font} system-ui, sans-serif`;
    if (context.measureText(text).width <= width) return text;
    let shown = text.slice(0, Math.max(0, Math.ceil(width / 3)));
    while (shown && context.measureText(`${shown}…`).width > width) shown = shown.slice(0, -1 - (shown.length >> 4));
    return shown.length > 2 ? `${shown}…` : "";
  }

  function write(text, x, y, colour = colours.ink) {
    context.textBaseline = "middle";
    context.fillStyle = colour;
    context.fillText(text, x, y);
  }

  let drawing = 0;
  const draw = () => { drawing ||= requestAnimationFrame(() => { drawing = 0; drawNow(); }); };
  function drawNow() {
    const ratio = window.devicePixelRatio || 1;
    const width = canvas.width;
    if (!width) return;
    const top = scroller.scrollTop;
    const perNs = width / (view.to - view.from);
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, canvas.width, canvas.height);
    for (const row of rows) {
      if (row.y - 16 - top > scroller.clientHeight || row.y + row.height < top) continue;
      const y = Math.round((row.y - top) * ratio);
      const height = Math.round(row.height * ratio);
      if (row.kind === "lane") {
        context.fillStyle = colours.grid;
        context.fillRect(0, y + height, width, 1);
        const named = row.lane.whole ? drawEvents(row, y, height, perNs) : drawShares(row, y, height, perNs);
        context.setTransform(ratio, 0, 0, ratio, 0, 0);
        for (const [x0, x1, colour, text] of named) {
          write(fitted(text, (x1 - x0) / ratio - 6), x0 / ratio + 3, (y + height / 2) / ratio, inkOn(paint(colour)));
        }
        label(row, top, perNs);
      } else {
        context.setTransform(ratio, 0, 0, ratio, 0, 0);
        if (row.kind === "process") drawProcess(row, top);
        else drawMark(row, top, width / ratio, perNs / ratio);
      }
      context.setTransform(1, 0, 0, 1, 0, 0);
    }
    if (chosen) outline(top, perNs, ratio);
    drawAxis(width / ratio, perNs / ratio, ratio);
    command.textContent = `${command.dataset.view} --from ${asOption(view.from)} --to ${asOption(view.to)}`;
    place.dataset.drawn = "true";
  }

  /** Adds up which share of each pixel's time is busy, and shades it so, in the colour that has most of it. */
  function shades() {
    const [shares, most] = [new Float64Array(canvas.width), new Float64Array(canvas.width)];
    const owners = new Int16Array(canvas.width);
    return {
      add(x, share, colour) {
        if (x < 0 || x >= shares.length) return;
        shares[x] += share;
        if (share > most[x]) [most[x], owners[x]] = [share, colour];
      },
      paint(y, height) {
        for (let x = 0; x < shares.length; x += 1) {
          if (shares[x] <= 0) continue;
          context.globalAlpha = Math.min(1, shares[x]);
          context.fillStyle = paint(owners[x]);
          context.fillRect(x, y, 1, height);
        }
        context.globalAlpha = 1;
      },
    };
  }
  function drawEvents({ lane }, y, height, perNs) {
    const pixels = shades();
    const wide = [];
    for (let i = above(lane.until, view.from); i < lane.rows && lane.start[i] < view.to; i += 1) {
      const before = i ? lane.until[i - 1] : -Infinity;
      const colour = colourOf(lane, i);
      const x0 = Math.max(0, (Math.max(lane.start[i], before) - view.from) * perNs);
      const end = lane.start[i] + lane.length[i];
      const x1 = Math.min(canvas.width, (end - view.from) * perNs);
      const left = Math.ceil(end <= before ? Math.max(0, (lane.start[i] - view.from) * perNs) : x0);
      if (Math.floor(x1) > left) wide.push([left, Math.floor(x1), colour, i, end <= before]);
      for (let x = Math.floor(x0); x < x1; x += 1) pixels.add(x, Math.min(x + 1, x1) - Math.max(x, x0), colour);
    }
    pixels.paint(y, height);
    for (const [x0, x1, colour, , within] of wide) {
      if (!within) continue;
      // What lies in the time of another event lies on it.
      context.fillStyle = colours.background;
      context.fillRect(x0, y + height * 0.3, x1 - x0, 1);
      context.fillStyle = paint(colour);
      context.fillRect(x0, y + height * 0.3 + 1, x1 - x0, height * 0.7 - 1);
    }
    return wide.filter(([x0, x1, , , within]) => !within && x1 - x0 > 24)
      .map(([x0, x1, colour, i]) => [x0, x1, colour, whatText(lane.what[i], 0) ?? ""]);
  }
  function drawShares({ lane }, y, height, perNs) {
    const pixels = shades();
    const wide = model.width * perNs;
    for (let i = above(lane.start, view.from - model.width); i < lane.rows && lane.start[i] < view.to; i += 1) {
      const x0 = (lane.start[i] - view.from) * perNs;
      const [share, colour] = [lane.busy[i] / model.width, colourOf(lane, i)];
      // In a stretch that is wider than a pixel, nobody knows where: all of it has its share.
      for (let x = Math.max(0, Math.floor(x0)); x < Math.min(canvas.width, x0 + wide); x += 1) {
        pixels.add(x, share * (Math.min(x + 1, x0 + wide) - Math.max(x, x0)), colour);
      }
    }
    pixels.paint(y, height);
    return [];
  }

  function label({ lane, y, label: room }, top, perNs) {
    if (!room) return;
    const width = scroller.clientWidth;
    const hidden = lane.whole ? "" : `${many(lane.events, "event")}: `
      + (model.width * perNs > 1 ? `shares of ${time(model.width, 3)}, not one by one` : "busy shares");
    const said = fitted(hidden, width * 0.62);
    const taken = context.measureText(said).width;
    write(said, width - taken - 4, y - top - 7, colours.muted);
    write(fitted(lane.name, width - taken - 16), 4, y - top - 7);
  }
  function drawProcess(row, top) {
    const said = `${closed.has(row.process) ? "▸" : "▾"} ${row.process}`;
    write(fitted(said, scroller.clientWidth - 8, "600 12px"), 4, row.y - top + row.height / 2);
  }
  function drawMark({ mark, y }, top, width, perNs) {
    const [x0, x1] = [mark.start, mark.end].map((ns) => (ns - view.from) * perNs);
    context.fillStyle = colours.series[3];
    context.globalAlpha = 0.3;
    context.fillRect(x0, y - top, x1 - x0, 13);
    context.globalAlpha = 1;
    if (x1 < 0 || x0 > width) return;
    const at = Math.min(Math.max(x0, 0) + 4, width - Math.min(width, 160));
    write(fitted(mark.name, width - at - 4), at, y - top + 7);
  }
  function outline(top, perNs, ratio) {
    const row = rows.find((one) => one.lane === chosen.lane);
    if (!row) return;
    context.strokeStyle = colours.ink;
    context.lineWidth = 1.5 * ratio;
    const [x0, x1] = [chosen.from, chosen.to].map((ns) => (ns - view.from) * perNs);
    context.strokeRect(x0, (row.y - top) * ratio, Math.max(x1 - x0, 0), row.height * ratio);
  }
  function drawAxis(width, perNs, ratio) {
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.fillStyle = colours.background;
    context.fillRect(0, 0, width, 20);
    const wanted = (view.to - view.from) / Math.max(2, Math.floor(width / 60));
    const power = 10 ** Math.floor(Math.log10(wanted));
    const step = [1, 2, 5, 10].map((n) => n * power).find((n) => n >= wanted);
    const digits = Math.min(15, Math.max(3, Math.ceil(Math.log10(Math.abs(view.to) / step)) + 1));
    for (let at = Math.ceil(view.from / step) * step, free = 0; at <= view.to; at += step) {
      const x = (at - view.from) * perNs;
      const text = fitted(time(at, digits, Math.max(Math.abs(view.from), Math.abs(view.to), 1)), width);
      const wide = context.measureText(text).width;
      const left = Math.min(Math.max(x - wide / 2, 0), width - wide);
      context.fillStyle = colours.muted;
      context.fillRect(x, 16, 1, 4);
      if (left < free) continue;
      write(text, left, 8, colours.muted);
      free = left + wide + 12;
    }
    context.setTransform(1, 0, 0, 1, 0, 0);
  }

  // Where one is: never narrower than ten nanoseconds, never beside the trace.
  function show(from, to) {
    const length = Math.min(Math.max(to - from, 10), whole.to - whole.from);
    view.from = Math.min(Math.max(from, whole.from), whole.to - length);
    view.to = view.from + length;
    draw();
  }
  function zoom(factor, at = (view.from + view.to) / 2) {
    show(at - (at - view.from) * factor, at + (view.to - at) * factor);
  }
  const pan = (share) => show(view.from + share * (view.to - view.from), view.to + share * (view.to - view.from));
  const timeAt = (x) => view.from + (x / canvas.clientWidth) * (view.to - view.from);
  const at = (event) => [event.offsetX, event.offsetY + scroller.scrollTop];

  function tell(title, facts, query, anchor) {
    const list = make("dl", "");
    for (const [name, value] of facts) {
      if (value === null || value === undefined || value === "") continue;
      const item = make("div", "");
      item.append(make("dt", name), make("dd", value));
      list.append(item);
    }
    panel.replaceChildren(make("strong", title), list);
    if (query) panel.append(make("pre", query));
    if (anchor) panel.append(Object.assign(make("a", "The finding"), { href: `#${anchor}` }));
    panel.hidden = false;
  }
  function tellEvent(lane, i, others) {
    const [called, full, category, by, grid, block, registers, shared] = model.whats[lane.what[i]]
      .map((text) => model.texts[text]);
    const name = called ?? "(no name)";
    const from = lane.start[i];
    const to = from + (lane.whole ? lane.length[i] : model.width);
    chosen = { lane, from, to };
    const query = `${model.ask} --from ${asOption(from)} --to ${asOption(to + (to === from ? 1 : 0))}`;
    draw();
    if (!lane.whole) {
      tell(`Mostly ${category}: ${name}`, [
        ["Lane", lane.name], ["Stretch", `${time(from, 9)} to ${time(to, 9)}`],
        ["Busy", `${((100 * lane.busy[i]) / model.width).toPrecision(3)} %`],
        ["Events that begin in it", counted(lane.begun[i])], ["Range", placeText(lane.place[i], 0)],
      ], `${query} --max-events NULL`);
    } else {
      tell(name, [
        ["Full name", full === called ? null : full], ["Lane", lane.name], ["Category", category],
        ["Start", time(from, 12)], ["Duration", time(lane.length[i], 6)], ["Grid", grid], ["Block", block],
        ["Registers per thread", registers],
        ["Shared memory of a block", shared === null ? null : `${counted(shared)} B`],
        ["Bytes", lane.bytes[i] ? counted(lane.bytes[i]) : null], ["Path", placeText(lane.place[i], 1)],
        ["Launched by", by],
        ["After the launch returned", by === null ? null
          : model.unreturned.includes(lane.first + i) ? "not known" : time(lane.queue[i], 6)],
        ["In the same place", others ? `${many(others, "other")}: zoom in` : null],
      ], query);
    }
  }
  function click(x, y) {
    const row = rows.find((one) => y >= one.y - (one.label || 0) && y < one.y + one.height);
    if (!row) return;
    if (row.kind === "process") {
      if (!closed.delete(row.process)) closed.add(row.process);
      layOut();
      resize();
    } else if (row.kind === "mark") {
      tell(row.mark.name, [["From", time(row.mark.start, 9)], ["To", time(row.mark.end, 9)]], "", row.mark.anchor);
    } else pick(row.lane, timeAt(x), (view.to - view.from) / canvas.clientWidth);
  }
  /** Tells of the event at a time: the innermost one, or of those within two pixels the longest. */
  function pick(lane, ns, pixel) {
    if (!lane.whole) {
      const i = above(lane.start, ns) - 1;
      if (i >= 0 && ns < lane.start[i] + Math.max(model.width, pixel)) tellEvent(lane, i, 0);
      return;
    }
    const near = [];
    for (let i = above(lane.until, ns - 2 * pixel); i < lane.rows && lane.start[i] <= ns + 2 * pixel; i += 1) {
      if (lane.start[i] + lane.length[i] >= ns - 2 * pixel) near.push(i);
    }
    const short = near.filter((i) => lane.length[i] < 4 * pixel).sort((a, b) => lane.length[b] - lane.length[a]);
    const around = near.filter((i) => lane.start[i] <= ns && ns <= lane.start[i] + lane.length[i]);
    const best = short[0] ?? around.sort((a, b) => lane.length[a] - lane.length[b])[0];
    if (best !== undefined) tellEvent(lane, best, Math.max(short.length - 1, 0));
  }

  function find() {
    const wanted = search.value.trim().toLowerCase();
    matched = wanted ? new Set() : null;
    model.whats.forEach((what, number) => {
      const text = `${model.texts[what[0]] ?? ""} ${model.texts[what[1]] ?? ""}`.toLowerCase();
      if (matched && text.includes(wanted)) matched.add(number);
    });
    cache = new Map();
    const [events, stretches] = [true, false].map((of) => model.lanes.filter((lane) => lane.whole === of)
      .reduce((sum, lane) => lane.what.reduce((count, what) => count + (matched?.has(what) || 0), sum), 0));
    const more = stretches ? `, and longest in ${many(stretches, "stretch", "stretches")}` : "";
    found.textContent = matched ? many(events, "event") + more : "";
    draw();
  }
  /** Shows what is found after an event: what begins with it is found lane by lane, and after the last the first. */
  function next(past = chosen) {
    if (!matched?.size) return;
    let best = null;
    model.lanes.forEach((lane, number) => {
      let i = past ? above(lane.start, past.from - (number > model.lanes.indexOf(past.lane) ? 1 : 0)) : 0;
      while (i < lane.rows && !matched.has(lane.what[i])) i += 1;
      if (i < lane.rows && (!best || lane.start[i] < best.lane.start[best.i])) best = { lane, i };
    });
    if (!best) return void next(null);
    closed.delete(best.lane.process);
    const length = Math.max(best.lane.whole ? 8 * best.lane.length[best.i] : 40 * model.width, 100);
    const at = best.lane.start[best.i];
    if (view.to - view.from > length || at < view.from || at > view.to) show(at - length / 2, at + length / 2);
    tellEvent(best.lane, best.i, 0);
    layOut();
    const { y } = rows.find((one) => one.lane === best.lane);
    if (y < scroller.scrollTop + 34 || y > scroller.scrollTop + scroller.clientHeight - 20) scroller.scrollTop = y - 60;
  }

  canvas.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    zoom(Math.exp(Math.sign(event.deltaY) * 0.25), timeAt(at(event)[0]));
  }, { passive: false });
  const fingers = new Map();
  let dragged = 0;
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    fingers.set(event.pointerId, at(event)[0]);
    if (fingers.size === 1) dragged = 0;
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!fingers.has(event.pointerId)) return;
    const [before, now] = [fingers.get(event.pointerId), at(event)[0]];
    if (fingers.size === 2) {
      const other = [...fingers].find(([id]) => id !== event.pointerId)[1];
      if (Math.abs(now - other) > 8) zoom(Math.abs(before - other) / Math.abs(now - other), timeAt((now + other) / 2));
    } else pan((before - now) / canvas.clientWidth);
    dragged += Math.abs(now - before);
    fingers.set(event.pointerId, now);
  });
  canvas.addEventListener("pointerup", (event) => {
    fingers.delete(event.pointerId);
    if (dragged < 4) click(...at(event));
  });
  canvas.addEventListener("pointercancel", (event) => fingers.delete(event.pointerId));
  canvas.addEventListener("dblclick", () => show(whole.from, whole.to));
  canvas.addEventListener("keydown", (event) => {
    const deed = {
      ArrowLeft: () => pan(-0.2), ArrowRight: () => pan(0.2), "+": () => zoom(0.7), "=": () => zoom(0.7),
      "-": () => zoom(1.4), Home: () => show(whole.from, whole.to),
    }[event.key];
    if (!deed || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    deed();
  });
  for (const button of place.querySelectorAll("[data-zoom]")) {
    button.addEventListener("click", () => (Number(button.dataset.zoom)
      ? zoom(Number(button.dataset.zoom)) : show(whole.from, whole.to)));
  }
  colouring.addEventListener("change", () => { rank(); draw(); });
  search.addEventListener("input", find);
  search.addEventListener("keydown", (event) => { if (event.key === "Enter") next(); });
  scroller.addEventListener("scroll", draw);
  command.dataset.view = model.view;
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", resize);
  new ResizeObserver(() => { layOut(); resize(); }).observe(place);
  layOut();
  // For whoever wants to know where things stand.
  Object.assign(place, { rows: () => rows, view, show });
}

for (const place of document.querySelectorAll("[data-timeline]")) {
  modelOf(place.dataset.timeline).then((model) => timelineIn(place, model)).catch((error) => failed(place, error));
}
