// The chart of one cycle: requests, lanes and edges over one axis of time.
const LOGS = /^(log-|journal-|events)/;

function grid(root, frame, top, bottom, origin) {
  for (const tick of frame.ticks()) {
    const x = round(frame.x(tick.at));
    put(root, "line", { class: "grid", x1: x, x2: x, y1: top, y2: bottom });
    put(root, "text", { class: "dim", x, y: bottom + 15, "text-anchor": "middle" }, tick.label);
  }
  const since = origin === "fault" ? "the fault" : "the start of the load";
  put(root, "text", { class: "dim", x: (frame.left + frame.right) / 2, y: bottom + 31, "text-anchor": "middle" }, `seconds since ${since}`);
  if (frame.shows(0, 0)) {
    const x = round(frame.x(0));
    put(root, "line", { class: `zero ${origin}`, x1: x, x2: x, y1: top - 4, y2: bottom });
    if (origin === "fault") {
      const room = x > frame.left + 34;
      put(root, "text", { class: "k-fault", x: room ? x - 5 : x + 5, y: top - 8, "text-anchor": room ? "end" : "start" }, "fault");
    }
  }
}

function band(root, frame, top, bottom, refused) {
  const [lo, hi] = refused.at;
  if (!frame.shows(lo, hi)) return;
  const x0 = frame.x(lo), x1 = Math.max(frame.x(hi), x0 + 1);
  put(root, "rect", { class: "band", x: round(x0), y: top - 4, width: round(x1 - x0), height: bottom - top + 4 });
  for (const [at, x] of [[lo, x0], [hi, x1]]) {
    if (frame.shows(at, at)) put(root, "line", { class: "bandedge", x1: round(x), x2: round(x), y1: top - 4, y2: bottom });
  }
  const middle = Math.min(Math.max((x0 + x1) / 2, frame.left + 60), frame.right - 60);
  const text = put(root, "text", { class: "bandlabel", x: round(middle), y: top - 8, "text-anchor": "middle" }, "refused for ");
  put(text, "tspan", { "data-figure": refused.figure, "data-part": "length" }, `${(hi - lo).toFixed(2)} s`);
}

// Draws the cycle into an empty svg: {rows, height, note}.
function cycleChart(root, frame, cycle, run, options) {
  const back = put(root, "g"), front = put(root, "g");
  const top = 24;
  let y = top;
  const rows = [];
  const next = (row) => { rows.push(row); y = row.y1; return row; };
  const range = within(cycle, frame.view.lo, frame.view.hi);
  const single = range !== null && range[1] - range[0] <= Math.max((frame.right - frame.left) / 3, 120);
  const tall = frame.compact ? 90 : 120;
  let width = 0;
  const requests = (name, plain, height, lane) => {
    const row = single
      ? singlesRow(front, frame, y, height, cycle, run, range, lane, name, "each request; higher: answered later")
      : barsRow(front, frame, y, height, cycle, run, name, plain, lane);
    width = next(row).width;
  };
  requests("Requests", "by outcome", tall, -1);
  if (options.byLane) run.lanes.forEach((lane, code) => requests(lane, "one lane of the load", 46, code));
  rule(front, frame, y);
  for (const track of cycle.tracks) {
    if (options.logs || !LOGS.test(track.key)) next(trackRow(front, frame, y, cycle, track));
  }
  if (options.edges && cycle.edges.length) {
    y += 4;
    for (const edge of cycle.edges) next(edgeRow(front, frame, y, edge));
  }
  const bottom = y + 4;
  if (cycle.refused.at) band(back, frame, top, bottom, cycle.refused);
  grid(back, frame, top, bottom, cycle.origin);
  const note = single
    ? `${many(range[1] - range[0], "request", "requests")}, each drawn`
    : `one bar is ${plainTime(width / 1e6)} of intended sending times`;
  return { rows, height: bottom + 38, note, single };
}
