// All cycles that count, one over the other with their faults at 0: failed requests, one strip a cycle, and where each edge lay.
function overlaid(run) {
  const counted = run.cycles.filter((cycle) => cycle.counts);
  const chosen = counted.length ? counted : run.cycles;
  const origins = chosen.map((cycle) => cycle.origin);
  const origin = origins.filter((one) => one === "fault").length * 2 >= origins.length ? "fault" : "load";
  return chosen.filter((cycle) => cycle.origin === origin);
}

function median(numbers) {
  const sorted = numbers.toSorted((a, b) => a - b), half = sorted.length >> 1;
  return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

function overlayChart(root, frame, run, open) {
  const back = put(root, "g"), front = put(root, "g");
  const cycles = overlaid(run), top = 24, rows = [];
  const { lo, hi } = frame.view;
  const most = Math.max((frame.right - frame.left) / 5, 20);
  const base = cycles.reduce((wide, cycle) => Math.max(wide, cycle.bin), 0);
  const width = Math.max(...cycles.map((cycle) => widthFor(cycle, hi - lo, most)), base);
  const first = Math.floor(lo * 1e6 / width), last = Math.floor(hi * 1e6 / width);
  const series = cycles.map((cycle) => {
    const found = new Map(binned(cycle, run.labels, lo, hi, (hi - lo) * 1e6 / width + 1e-6).bars.map((bar) => [bar.at, bar]));
    const begin = Math.floor(cycle.firstBin * cycle.bin / width), end = Math.floor(cycle.lastBin * cycle.bin / width);
    const values = [];
    for (let at = Math.max(first, begin); at <= Math.min(last, end); at += 1) {
      const bar = found.get(at);
      values.push({ at, failed: bar ? failures(bar, run.labels) : 0, total: bar ? bar.total : 0 });
    }
    return { cycle, values };
  });
  let y = linesRow(front, frame, top, series, width, rows);
  y = stripRows(front, frame, y, series, width, rows, open);
  y = edgeRows(front, frame, y + 4, cycles, rows);
  const bottom = y + 4;
  grid(back, frame, top, bottom, cycles[0]?.origin ?? "load");
  return { rows, height: bottom + 38, note: `one step is ${plainTime(width / 1e6)} of intended sending times` };
}

function linesRow(root, frame, y, series, width, rows) {
  const height = frame.compact ? 90 : 120;
  const top = y + label(root, frame, y, "Failed requests", "thin: each cycle; thick: median") + 4;
  const bottom = top + height;
  const perBin = new Map();
  for (const { cycle, values } of series) {
    for (const value of values) {
      if (!perBin.has(value.at)) perBin.set(value.at, []);
      perBin.get(value.at).push([cycle.index, value.failed]);
    }
  }
  const peak = Math.max(1, ...[...perBin.values()].flat().map(([, failed]) => failed));
  const up = (failed) => bottom - height * failed / peak;
  const stepped = (points) => points.map(([at, failed], place) => {
    const x0 = round(frame.x(at * width / 1e6)), x1 = round(frame.x((at + 1) * width / 1e6));
    return `${place ? "L" : "M"}${x0} ${round(up(failed))}H${x1}`;
  }).join("");
  for (const { values } of series) put(root, "path", { class: "line", d: stepped(values.map((value) => [value.at, value.failed])) });
  const middle = [...perBin].sort(([a], [b]) => a - b).map(([at, found]) => [at, median(found.map(([, failed]) => failed))]);
  put(root, "path", { class: "median", d: stepped(middle) });
  const rate = peak / width * 1e6;
  if (!frame.compact) {
    put(root, "text", { class: "dim", x: frame.left - 6, y: top + 8, "text-anchor": "end" }, `${rate >= 10 ? Math.round(rate) : rate.toPrecision(2)} a second`);
    put(root, "text", { class: "dim", x: frame.left - 6, y: bottom, "text-anchor": "end" }, "0");
  }
  put(root, "line", { class: "axis", x1: frame.left, x2: frame.right, y1: bottom, y2: bottom });
  const hits = middle.map(([at, half]) => ({
    x0: frame.x(at * width / 1e6), x1: frame.x((at + 1) * width / 1e6), y0: top, y1: bottom, wide: [top, bottom],
    head: `${signed(at * width / 1e6, 3)} to ${signed((at + 1) * width / 1e6, 3)} s: median ${half} failed`,
    lines: [perBin.get(at).slice(0, 24).map(([index, failed]) => `cycle ${index}: ${failed}`).join(", ")],
  }));
  rows.push({ name: "Failed requests", plain: "of all cycles that count", y0: y, y1: bottom + 6, hits });
  return bottom + 8;
}

function stripRows(root, frame, y, series, width, rows, open) {
  const high = series.length > 30 ? 10 : 19;
  for (const { cycle, values } of series) {
    const down = frame.compact ? 14 : 0;
    if (high > 10 || cycle.index % 5 === 0) {
      const text = `cycle ${cycle.index}: ${many(cycle.failed, "failed", "failed")}`;
      put(root, "text", frame.compact ? { x: frame.left, y: y + 11 } : { x: frame.left - 10, y: y + high - 5, "text-anchor": "end" }, text);
    }
    const top = y + down, hits = [];
    for (const { at, failed, total } of values) {
      if (!total) continue;
      const x0 = frame.x(at * width / 1e6), x1 = Math.max(frame.x((at + 1) * width / 1e6), x0 + 0.7), share = failed / total;
      const attributes = { class: `cell g-${failed ? "http" : "ok"}`, x: round(x0), y: top + 1, width: round(x1 - x0) + 0.3, height: high - 4 };
      put(root, "rect", failed ? { ...attributes, opacity: 0.35 + 0.65 * share } : attributes);
      hits.push({
        x0, x1, y0: top + 1, y1: top + high - 3, open: cycle.index, head: `cycle ${cycle.index}`,
        lines: [`${signed(at * width / 1e6, 3)} to ${signed((at + 1) * width / 1e6, 3)} s: ${failed} of ${total} failed`, "click opens the cycle"],
      });
    }
    rows.push({ name: `cycle ${cycle.index}`, plain: "Enter opens it", y0: y, y1: top + high, hits, open: () => open(cycle.index) });
    y = top + high;
  }
  return y;
}

function edgeRows(root, frame, y, cycles, rows) {
  const names = new Map();
  for (const cycle of cycles) {
    for (const edge of cycle.edges) {
      if (!names.has(edge.key)) names.set(edge.key, { edge, found: [] });
      names.get(edge.key).found.push([cycle.index, edge]);
    }
  }
  const ordered = [...names.values()].sort((a, b) => median(a.found.map(([, edge]) => edge.at[1])) - median(b.found.map(([, edge]) => edge.at[1])));
  for (const { edge, found } of ordered) {
    const down = frame.compact ? 14 : 0, top = y + down, hits = [];
    put(root, "text", frame.compact ? { x: frame.left, y: y + 11 } : { x: frame.left - 10, y: y + 13, "text-anchor": "end" }, edge.label);
    for (const [index, one] of found) {
      const [lo, hi] = one.at;
      if (!frame.shows(lo, hi)) continue;
      const x0 = frame.x(lo), x1 = frame.x(hi);
      bracket(root, x0, x1, top + 3, one.kind, { opacity: found.length > 1 ? 0.45 : 1 }, [frame.shows(lo, lo), frame.shows(hi, hi)]);
      hits.push({ x0: x0 - 5, x1: x1 + 5, y0: top + 2, y1: top + 16, open: index, head: `cycle ${index}: ${one.label} ${one.text}`, lines: [`evidence: ${one.evidence}`, `resolution ${one.resolution}`] });
    }
    rule(root, frame, top + 18);
    rows.push({ name: edge.label, plain: `observed in ${many(found.length, "cycle", "cycles")}`, y0: y, y1: top + 19, hits });
    y = top + 19;
  }
  return y;
}
