// The page: tabs, tools, scheme, and the chart they act upon.
function start() {
  const run = decoded(byId("run").textContent);
  if (!run.cycles.length || !byId("chart")) return;
  const chart = byId("chart");
  const options = { byLane: false, logs: true, edges: true };
  const board = {
    chart, options, run, rows: [], ring: null, cursor: null, at: { row: -1, hit: -1 },
    tip: new Tip(chart, byId("said")),
    shown: run.cycles.filter((cycle) => cycle.counts).length > 1 ? "all" : run.cycles[0].index,
  };
  const extent = (cycles) => [Math.min(...cycles.map((cycle) => cycle.lo)), Math.max(...cycles.map((cycle) => cycle.hi))];
  const current = () => run.cycles.find((cycle) => cycle.index === board.shown);
  board.view = new View(...extent(board.shown === "all" ? overlaid(run) : [current()]));

  let waiting = false;
  board.redraw = () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => { waiting = false; draw(); });
  };

  function draw() {
    const frame = board.frame = new Frame(board.view, Math.max(chart.clientWidth, 280));
    board.tip.hide();
    chart.replaceChildren();
    const root = put(chart, "svg", { width: frame.width, role: "presentation" });
    const cycle = current();
    const made = cycle ? cycleChart(root, frame, cycle, run, options) : overlayChart(root, frame, run, choose);
    root.setAttribute("height", made.height);
    root.setAttribute("viewBox", `0 0 ${frame.width} ${made.height}`);
    board.rows = made.rows;
    board.cursor = put(root, "line", { class: "cursor", y1: 20, y2: made.height - 34, visibility: "hidden" });
    board.ring = put(root, "rect", { class: "ring", rx: 3, visibility: "hidden" });
    chart.setAttribute("aria-label", cycle ? `Cycle ${cycle.index}: requests, lanes and edges over time` : "All cycles overlaid: failed requests and edges over time");
    legend(made.single);
    const digits = frame.view.hi - frame.view.lo < 0.1 ? 4 : frame.view.hi - frame.view.lo < 2 ? 3 : 1;
    byId("readout").textContent = `${signed(frame.view.lo, digits)} to ${signed(frame.view.hi, digits)} s; ${made.note}`;
  }

  board.select = (from, until) => {
    board.selection?.remove();
    board.selection = null;
    if (from === null) return;
    const root = chart.querySelector("svg");
    board.selection = put(root, "rect", { class: "selection", x: Math.min(from, until), y: 0, width: Math.abs(until - from), height: root.getAttribute("height") });
  };

  // single: requests are drawn one by one, so the legend shows the shape of each.
  function legend(single) {
    const cycle = current(), box = byId("legend");
    box.replaceChildren();
    const seen = new Set();
    for (const one of cycle ? [cycle] : overlaid(run)) for (let i = 1; i < one.cells.length; i += 4) seen.add(one.cells[i]);
    const groups = new Map();
    run.labels.forEach((one, code) => { if (seen.has(code)) groups.set(one.group, [...(groups.get(one.group) ?? []), one.words]); });
    for (const [group, said] of [...groups].reverse()) {
      const entry = add(box, "span");
      const swatch = put(entry, "svg", { viewBox: "0 0 16 14", "aria-hidden": "true" });
      if (single) put(swatch, "path", { class: `dot d-${group}${FULL.has(group) ? " full" : ""}`, d: SHAPES[group](8, 7) });
      else put(swatch, "rect", { class: `g-${group}`, width: 16, height: 14, rx: 2 });
      entry.append(said.join(", "));
    }
  }

  const tabs = document.querySelector("[role=tablist]");
  function choose(shown) {
    const was = [board.view.least, board.view.most];
    board.shown = shown;
    board.at = { row: -1, hit: -1 };
    board.view.bound(...extent(shown === "all" ? overlaid(run) : [current()]));
    // Cycles that count share their axis: what one has zoomed into stays when the cycle changes.
    if (was[0] !== board.view.least || was[1] !== board.view.most) board.view.all();
    for (const tab of tabs.children) {
      const on = tab.dataset.cycle === String(shown);
      tab.setAttribute("aria-selected", on);
      tab.tabIndex = on ? 0 : -1;
    }
    for (const id of ["by-lane", "with-logs", "with-edges"]) byId(id).disabled = shown === "all";
    draw();
  }

  board.choose = choose;

  const tab = (shown, text, title) => {
    const made = add(tabs, "button", { type: "button", role: "tab", "data-cycle": shown, "aria-controls": "chart", title }, text);
    made.addEventListener("click", () => choose(shown));
    return made;
  };
  if (run.cycles.length > 1) tab("all", "All cycles", "all cycles that count, overlaid on the fault");
  for (const cycle of run.cycles) {
    const made = tab(cycle.index, run.cycles.length > 12 ? String(cycle.index) : `Cycle ${cycle.index}`, `cycle ${cycle.index}: ${cycle.failed} of ${cycle.sent} requests failed${cycle.counts ? "" : "; not counted"}`);
    if (cycle.failed) made.classList.add("bad");
    if (!cycle.counts) made.classList.add("voided");
  }
  tabs.addEventListener("keydown", (event) => {
    const all = [...tabs.children], here = all.indexOf(document.activeElement);
    const to = { ArrowRight: here + 1, ArrowLeft: here - 1, Home: 0, End: all.length - 1 }[event.key];
    if (to === undefined || here < 0) return;
    event.preventDefault();
    const next = all[(to + all.length) % all.length];
    next.click();
    next.focus();
  });

  const tools = { in: () => board.view.zoom(0.5), out: () => board.view.zoom(2), all: () => board.view.all(), left: () => board.view.move(-0.25), right: () => board.view.move(0.25) };
  for (const button of document.querySelectorAll("[data-do]")) button.addEventListener("click", () => { tools[button.dataset.do](); board.redraw(); });
  for (const [id, name] of [["by-lane", "byLane"], ["with-logs", "logs"], ["with-edges", "edges"]]) {
    byId(id).addEventListener("change", (event) => { options[name] = event.target.checked; board.redraw(); });
  }
  document.documentElement.classList.add("js");
  choose(board.shown);
  listen(board);
  new ResizeObserver(() => { if (Math.max(chart.clientWidth, 280) !== board.frame.width) board.redraw(); }).observe(chart);
}

function schemes() {
  const names = { system: "system", light: "light", dark: "dark" }, order = Object.keys(names);
  let now = 0;
  byId("scheme").addEventListener("click", (event) => {
    now = (now + 1) % order.length;
    if (now) document.documentElement.dataset.theme = order[now]; else delete document.documentElement.dataset.theme;
    event.target.textContent = `Colours: ${names[order[now]]}`;
  });
}

start();
document.documentElement.classList.add("js");
schemes();
