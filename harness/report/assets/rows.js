// One row of the chart each: drawn into `root`, answered as {name, y0, y1, hits}. A hit is a place that has something to say.
const LANE = 30;

function label(root, frame, y, name, plain) {
  if (frame.compact) {
    const text = put(root, "text", { class: "strong", x: frame.left, y: y + 11 }, name);
    put(text, "tspan", { class: "tiny", dx: 8 }, plain);
    return 16;
  }
  put(root, "text", { class: "strong", x: 0, y: y + 12 }, name);
  put(root, "text", { class: "tiny", x: 0, y: y + 24 }, plain);
  return 0;
}

function rule(root, frame, y) {
  put(root, "line", { class: "rule", x1: 0, x2: frame.right, y1: y, y2: y });
}

function barsRow(root, frame, y, height, cycle, run, name, plain, lane = -1) {
  const top = y + label(root, frame, y, name, plain) + 4;
  const base = top + height;
  const hits = [];
  const { lo, hi } = frame.view;
  const data = binned(cycle, run.labels, lo, hi, Math.max((frame.right - frame.left) / 6, 20), lane);
  const paths = new Map();
  for (const bar of data.bars) {
    const from = bar.at * data.width / 1e6, until = (bar.at + 1) * data.width / 1e6;
    const x0 = frame.x(from), x1 = Math.max(frame.x(until), x0 + 0.7);
    let below = 0;
    bar.counts.forEach((number, label) => {
      if (!number) return;
      const { group } = run.labels[label];
      const upper = base - height * (below + number) / data.peak, lower = base - height * below / data.peak;
      paths.set(group, `${paths.get(group) ?? ""}M${round(x0)} ${round(upper)}H${round(x1)}V${round(lower)}H${round(x0)}z`);
      below += number;
    });
    hits.push({
      x0, x1, y0: base - height * bar.total / data.peak, y1: base, wide: [top, base],
      head: `${signed(from, 3)} to ${signed(until, 3)} s: ${many(bar.total, "request", "requests")}`,
      lines: run.labels.map((one, label) => [one.words, bar.counts[label]]).filter(([, number]) => number).map(([said, number]) => `${said}: ${number}`),
    });
  }
  for (const [group, path] of paths) put(root, "path", { class: `bars g-${group}`, d: path });
  if (!frame.compact) {
    const rate = data.peak / data.width * 1e6;
    put(root, "text", { class: "dim", x: frame.left - 6, y: top + 8, "text-anchor": "end" }, `${rate >= 10 ? Math.round(rate) : rate.toPrecision(2)} a second`);
    put(root, "text", { class: "dim", x: frame.left - 6, y: base, "text-anchor": "end" }, "0");
  }
  put(root, "line", { class: "axis", x1: frame.left, x2: frame.right, y1: base, y2: base });
  return { name, plain, y0: y, y1: base + 6, hits, width: data.width };
}

const SHAPES = {
  ok: (x, y) => `M${x - 2} ${y}a2 2 0 1 0 4 0a2 2 0 1 0 -4 0z`,
  slow: (x, y) => `M${x - 3} ${y}a3 3 0 1 0 6 0a3 3 0 1 0 -6 0z`,
  http: (x, y) => `M${x - 3} ${y - 3}l6 6m0 -6l-6 6`,
  refused: (x, y) => `M${x} ${y - 4}l4 7h-8z`,
  cut: (x, y) => `M${x} ${y - 4}l4 4l-4 4l-4 -4z`,
  late: (x, y) => `M${x - 3} ${y - 3}h6v6h-6z`,
  unsent: (x, y) => `M${x - 3} ${y}h6m-3 -3v6`,
};
const FULL = new Set(["slow", "refused", "late"]);

// Each request by itself: where it was intended, how high its latency, a line from intended to done.
function singlesRow(root, frame, y, height, cycle, run, [first, after], only = -1, name = "Each request", plain = "higher: answered later") {
  const top = y + label(root, frame, y, name, plain) + 6;
  const base = top + height;
  const { at, took, label: labels, lane } = cycle.singles;
  const known = [];
  for (let i = first; i < after; i += 1) if (took[i] > 0) known.push(took[i]);
  const low = Math.log10(Math.max(known.length ? Math.min(...known) : 1e3, 10)) - 0.2;
  const high = Math.max(Math.log10(known.length ? Math.max(...known) : 1e6) + 0.2, low + 1);
  const up = (us) => us < 0 ? top : base - 4 - (Math.log10(Math.max(us, 10)) - low) / (high - low) * (height - 12);
  for (let power = Math.floor(low); power <= high; power += 1) {
    for (const factor of high - low < 2 ? [1, 2, 5] : [1]) {
      const us = factor * 10 ** power, at = round(up(us));
      if (at > base - 3 || at < top) continue;
      put(root, "line", { class: "rule", x1: frame.left, x2: frame.right, y1: at, y2: at });
      put(root, "text", { class: "dim", x: frame.left - 6, y: at + 4, "text-anchor": "end" }, frame.compact ? "" : plainTime(us / 1e6));
    }
  }
  const paths = new Map(), lines = new Map(), hits = [];
  for (let i = first; i < after; i += 1) {
    const code = lane.charCodeAt(i) - FIRST_CODE;
    if (only >= 0 && code !== only) continue;
    const one = run.labels[labels.charCodeAt(i) - FIRST_CODE];
    const x = round(frame.x(at[i])), height = round(up(took[i]));
    paths.set(one.group, `${paths.get(one.group) ?? ""}${SHAPES[one.group](x, height)}`);
    const end = took[i] > 0 ? frame.x(at[i] + took[i] / 1e6) : x;
    if (end - x > 3) lines.set(one.group, `${lines.get(one.group) ?? ""}M${x} ${height}H${round(end)}`);
    hits.push({
      x0: x - 3, x1: x + 3, y0: height - 3, y1: height + 3,
      head: `${one.words}, ${run.lanes[code]}`,
      lines: [`intended at ${signed(at[i], 4)} s`, took[i] < 0 ? "never answered" : `done ${time(took[i] / 1e6)} later`],
    });
  }
  for (const [group, path] of lines) put(root, "path", { class: `took d-${group}`, d: path });
  for (const [group, path] of paths) put(root, "path", { class: `dot d-${group}${FULL.has(group) ? " full" : ""}`, d: path });
  put(root, "line", { class: "axis", x1: frame.left, x2: frame.right, y1: base, y2: base });
  return { name, plain, y0: y, y1: base + 6, hits, width: 0 };
}

function trackRow(root, frame, y, cycle, track) {
  const down = label(root, frame, y, track.name, track.plain);
  const top = y + down + 5, bottom = top + 17, middle = (top + bottom) / 2;
  const hits = [], said = [];
  for (const [from, until, tone, word, text] of track.spans) {
    if (!frame.shows(from, until)) continue;
    const x0 = frame.x(from), x1 = Math.max(frame.x(until), x0 + 1);
    put(root, "rect", { class: `s-${tone}`, x: round(x0), y: top, width: round(x1 - x0), height: 17, rx: 2 });
    if (x1 - x0 > 6.6 * word.length + 12) said.push([{ class: `inbox on-${tone}`, x: round(x0 + 6), y: top + 12.5 }, word]);
    hits.push({ x0, x1, y0: top, y1: bottom, head: `${track.name}: ${word}`, lines: [`${signed(from, 3)} to ${signed(until, 3)} s`, text] });
  }
  if (track.density.length) densityInto(root, frame, top + 3, bottom, cycle, track, hits);
  if (track.key === "refused-lines" && cycle.logged.at) windowInto(root, frame, top, cycle.logged, hits);
  const paths = new Map();
  const draw = (kind, path) => paths.set(kind, (paths.get(kind) ?? "") + path);
  for (const [from, until, tone, text] of track.marks) {
    if (!frame.shows(from, until)) continue;
    const x0 = frame.x(from), x1 = frame.x(until), half = (from + until) / 2, x = round(frame.x(half));
    if (x1 - x0 > 6) {
      draw(`m-${tone} reach`, `M${round(x0)} ${middle}H${round(x1)}`);
      if (!frame.shows(half, half)) {
        hits.push({ x0, x1, y0: top, y1: bottom, head: track.name, lines: [text] });
        continue;
      }
    }
    if (tone === "bad") draw("m-bad", `M${x - 4} ${middle - 4}l8 8m0 -8l-8 8`);
    else if (tone === "good") draw("m-good", `M${x} ${middle - 6}v12`);
    else draw(`m-${tone}`, `M${x} ${middle - 3.5}v7`);
    hits.push({ x0: x - 4, x1: x + 4, y0: top, y1: bottom, head: track.name, lines: [text] });
  }
  // Over a span a mark would be lost without a halo.
  for (const path of paths.values()) if (track.spans.length) put(root, "path", { class: "halo", d: path });
  for (const [kind, path] of paths) put(root, "path", { class: kind, d: path });
  for (const [attributes, word] of said) put(root, "text", attributes, word);
  for (const hole of cycle.holes) {
    if (!hole.tracks.includes(track.key) || !frame.shows(hole.from, hole.until)) continue;
    const x0 = frame.x(hole.from), x1 = Math.max(frame.x(hole.until), x0 + 3);
    put(root, "rect", { class: "gap", x: round(x0), y: top - 2, width: round(x1 - x0), height: 21 });
    if (x1 - x0 > 40) put(root, "text", { class: "inbox", x: round((x0 + x1) / 2), y: middle + 4, "text-anchor": "middle" }, "gap");
    hits.push({ x0, x1, y0: top - 2, y1: bottom + 2, head: `${track.name}: gap`, lines: [hole.text], first: true });
  }
  const none = !(track.spans.length || track.marks.length || track.density.length);
  const note = track.leftOut ? `and ${track.leftOut} more` : none ? "none observed" : "";
  if (note) put(root, "text", { class: "tiny", x: frame.right - 4, y: middle + 3, "text-anchor": "end" }, note);
  rule(root, frame, bottom + 5);
  return { name: track.name, plain: track.plain, y0: y, y1: bottom + 6, hits };
}

function densityInto(root, frame, top, bottom, cycle, track, hits) {
  const { lo, hi } = frame.view;
  const width = widthFor(cycle, hi - lo, Math.max((frame.right - frame.left) / 4, 20));
  const counts = new Map();
  for (let i = 0; i < track.density.length; i += 2) {
    const at = Math.floor(track.density[i] * cycle.bin / width);
    counts.set(at, (counts.get(at) ?? 0) + track.density[i + 1]);
  }
  const seen = [...counts].filter(([at]) => frame.shows(at * width / 1e6, (at + 1) * width / 1e6));
  const peak = Math.max(...seen.map(([, number]) => number), 1);
  let path = "";
  for (const [at, number] of seen) {
    const from = at * width / 1e6, until = (at + 1) * width / 1e6;
    const x0 = frame.x(from), x1 = Math.max(frame.x(until), x0 + 1), height = 4 + (bottom - top - 4) * number / peak;
    path += `M${round(x0)} ${round(bottom - height)}H${round(x1)}V${bottom}H${round(x0)}z`;
    hits.push({ x0, x1, y0: top, y1: bottom, head: track.name, lines: [`${signed(from, 3)} to ${signed(until, 3)} s: ${many(number, "line", "lines")}`] });
  }
  if (path) put(root, "path", { class: "density", d: path });
}

// The stretch from the first to the last refused line, as the summary has it.
function windowInto(root, frame, top, logged, hits) {
  const [lo, hi] = logged.at;
  if (!frame.shows(lo, hi)) return;
  const x0 = round(frame.x(lo)), x1 = round(frame.x(hi));
  put(root, "path", { class: "m-bad", d: `M${x0} ${top - 3}v5M${x0} ${top - 1}H${x1}M${x1} ${top - 3}v5` });
  const [x, anchor] = x1 < frame.right - 70 ? [x1 + 8, "start"] : x0 > frame.left + 70 ? [x0 - 8, "end"] : [(x0 + x1) / 2, "middle"];
  const text = put(root, "text", { class: anchor === "middle" ? "inbox" : "dim", x: round(x), y: top + 13, "text-anchor": anchor }, "for ");
  put(text, "tspan", { "data-figure": logged.figure, "data-part": "length" }, `${(hi - lo).toFixed(2)} s`);
  hits.push({ x0, x1, y0: top - 3, y1: top, head: "queue-proxy refused", lines: [`first to last line that belongs to a request: ${signed(lo, 6)} to ${signed(hi, 6)} s`] });
}

function edgeRow(root, frame, y, edge) {
  const down = frame.compact ? 14 : 0;
  put(root, "text", frame.compact ? { x: frame.left, y: y + 10 } : { x: frame.left - 10, y: y + 13, "text-anchor": "end" }, edge.label);
  const top = y + down, [lo, hi] = edge.at;
  const x0 = frame.x(lo), x1 = frame.x(hi), shown = frame.shows(lo, hi);
  const hits = [];
  if (shown) bracket(root, x0, x1, top + 3, edge.kind, {}, [frame.shows(lo, lo), frame.shows(hi, hi)]);
  const text = shown ? edge.text : lo > frame.view.hi ? `${edge.text} \u2192` : `\u2190 ${edge.text}`;
  // To the right of the bracket, else to its left, else, where it fills the view, inside.
  const [x, anchor] = x1 < frame.right - 130 ? [x1 + 11, "start"] : x0 > frame.left + 150 ? [x0 - 11, "end"] : [(x0 + x1) / 2, "middle"];
  const value = put(root, "text", { class: `k-${edge.kind}`, x: round(x), y: top + 13, "text-anchor": anchor }, text);
  value.setAttribute("data-figure", edge.figure);
  hits.push({
    x0: Math.min(x0, x1) - 6, x1: x1 + 6, y0: top + 2, y1: top + 16, head: `${edge.label}: ${edge.text}`,
    lines: [`within [${signed(lo, 6)}, ${signed(hi, 6)}] s`, `evidence: ${edge.evidence}`, `resolution ${edge.resolution}`],
  });
  return { name: edge.label, plain: "an edge of the restart", y0: y, y1: top + 18, hits };
}

// ends: whether each of its two ends is in view; what goes on beyond has no cap.
function bracket(root, x0, x1, y, kind, extra = {}, ends = [true, true]) {
  if (x1 - x0 < 5) {
    put(root, "path", { class: `k-${kind}`, d: `M${round((x0 + x1) / 2)} ${y}l6 6l-6 6l-6 -6z`, ...extra });
    return;
  }
  const width = round(x1 - x0), left = round(x0);
  const caps = [x0, x1].filter((x, place) => ends[place]).map((x) => `M${round(x)} ${y - 1}v14`).join("");
  put(root, "path", { class: `k-${kind} bracket`, d: `M${left} ${y + 1}h${width}v10h-${width}z`, ...extra });
  put(root, "path", { class: `k-${kind}`, "stroke-width": 1.4, d: `M${left} ${y + 1}h${width}M${left} ${y + 11}h${width}`, ...extra });
  if (caps) put(root, "path", { class: `k-${kind}`, "stroke-width": 2.2, d: caps, ...extra });
}
