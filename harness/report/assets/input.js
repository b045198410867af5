// Mouse, wheel, touch and keyboard on the chart. `board` is the page: {chart, view, frame, rows, ring, tip, redraw, choose}.
const NEAR = 9;

function hitAt(board, x, y) {
  const row = board.rows.find((one) => y >= one.y0 && y < one.y1);
  if (!row) return null;
  let best = null, least = Infinity;
  for (const hit of row.hits) {
    const across = Math.max(hit.x0 - x, x - hit.x1, 0);
    const [y0, y1] = hit.wide ?? [hit.y0, hit.y1];
    const along = Math.max(y0 - y, y - y1, 0);
    // Of two things at one place the narrower one is meant; a gap lies over all of them.
    const far = Math.hypot(across, along) + (hit.first ? -1 : 0) + Math.min(hit.x1 - hit.x0, 2000) * 1e-4;
    if (across <= NEAR && along <= NEAR && far < least) { best = hit; least = far; }
  }
  return best;
}

function listen(board) {
  const { chart, tip } = board;
  const pointers = new Map();
  let drag = null, pinch = null;
  const place = (event) => {
    const box = chart.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  const point = (event) => {
    const [x, y] = place(event);
    board.cursor?.setAttribute("x1", x);
    board.cursor?.setAttribute("x2", x);
    board.cursor?.setAttribute("visibility", x >= board.frame.left && x <= board.frame.right ? "visible" : "hidden");
    const hit = hitAt(board, x, y);
    if (hit) tip.show(hit, board.ring, false); else tip.hide();
    return hit;
  };
  const distance = () => { const [a, b] = [...pointers.values()]; return Math.max(Math.abs(a[0] - b[0]), 1); };

  chart.addEventListener("pointerdown", (event) => {
    if (event.pointerType === "mouse" && event.button !== 0) return;
    chart.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, place(event));
    if (pointers.size === 2) {
      const [a, b] = [...pointers.values()];
      pinch = { distance: distance(), lo: board.view.lo, hi: board.view.hi, at: board.frame.seconds((a[0] + b[0]) / 2) };
      drag = null;
    } else {
      drag = { x: place(event)[0], lo: board.view.lo, hi: board.view.hi, touch: event.pointerType === "touch", moved: false };
    }
  });
  chart.addEventListener("pointermove", (event) => {
    if (pointers.has(event.pointerId)) pointers.set(event.pointerId, place(event));
    if (pinch && pointers.size === 2) {
      board.view.lo = pinch.lo; board.view.hi = pinch.hi;
      board.view.zoom(pinch.distance / distance(), pinch.at);
      board.redraw();
      return;
    }
    if (!drag) { point(event); return; }
    const [x] = place(event);
    drag.moved ||= Math.abs(x - drag.x) > 5;
    if (!drag.moved) return;
    tip.hide();
    if (drag.touch) {
      const by = (drag.x - x) / (board.frame.right - board.frame.left) * (drag.hi - drag.lo);
      board.view.set(drag.lo + by, drag.hi + by);
      board.redraw();
    } else {
      board.select(drag.x, x);
    }
  });
  const lift = (event) => {
    pointers.delete(event.pointerId);
    pinch = pointers.size < 2 ? null : pinch;
    const done = drag;
    drag = null;
    board.select(null);
    if (!done || event.type === "pointercancel") return;
    const [x] = place(event);
    if (done.moved && !done.touch) {
      const [from, until] = [board.frame.seconds(Math.min(done.x, x)), board.frame.seconds(Math.max(done.x, x))];
      if (until > from) { board.view.set(from, until); board.redraw(); }
    } else if (!done.moved) {
      const hit = point(event);
      if (hit?.open !== undefined && !done.touch) board.choose(hit.open);
    }
  };
  chart.addEventListener("pointerup", lift);
  chart.addEventListener("pointercancel", lift);
  // A finger leaves whenever it is lifted; what it tapped stays shown.
  chart.addEventListener("pointerleave", (event) => { if (!drag && event.pointerType !== "touch") { tip.hide(); board.cursor?.setAttribute("visibility", "hidden"); } });
  chart.addEventListener("dblclick", () => { board.view.all(); board.redraw(); });
  chart.addEventListener("wheel", (event) => {
    if (event.ctrlKey || event.metaKey) {
      event.preventDefault();
      board.view.zoom(Math.exp(Math.max(-60, Math.min(60, event.deltaY)) / 120), board.frame.seconds(place(event)[0]));
      board.redraw();
    } else if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
      event.preventDefault();
      board.view.move((event.deltaX || event.deltaY) / 900);
      board.redraw();
    }
  }, { passive: false });
  chart.addEventListener("keydown", (event) => { if (keys(board, event)) event.preventDefault(); });
  chart.addEventListener("blur", () => tip.hide());
}

// What a key does to the chart; false leaves it to the browser.
function keys(board, event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return false;
  const { view } = board;
  const at = board.at;
  if (event.shiftKey && (event.key === "ArrowLeft" || event.key === "ArrowRight")) {
    step(board, event.key === "ArrowRight" ? 1 : -1);
    return true;
  }
  const moves = {
    "+": () => view.zoom(0.5), "=": () => view.zoom(0.5), "-": () => view.zoom(2), "_": () => view.zoom(2), "0": () => view.all(),
    ArrowLeft: () => view.move(-0.15), ArrowRight: () => view.move(0.15),
  };
  if (moves[event.key]) {
    moves[event.key]();
    at.hit = -1;
    board.redraw();
    return true;
  }
  if (event.key === "ArrowUp" || event.key === "ArrowDown") {
    const by = event.key === "ArrowDown" ? 1 : -1;
    at.row = Math.min(Math.max(at.row + by, 0), board.rows.length - 1);
    at.hit = -1;
    const row = board.rows[at.row];
    const found = { x0: board.frame.left, x1: board.frame.right, y0: row.y0 + 2, y1: row.y1 - 2, head: row.name, lines: [row.plain, `${many(row.hits.length, "mark", "marks")} in view`] };
    board.tip.show(found, board.ring, true);
    return true;
  }
  if (event.key === "Enter" && board.rows[at.row]?.open) { board.rows[at.row].open(); return true; }
  if (event.key === "Escape") { board.tip.hide(); return true; }
  return false;
}

function step(board, by) {
  const row = board.rows[Math.max(board.at.row, 0)];
  if (!row || !row.hits.length) return;
  const hits = row.hits.toSorted((a, b) => a.x0 - b.x0);
  board.at.row = Math.max(board.at.row, 0);
  board.at.hit = Math.min(Math.max(board.at.hit + by, 0), hits.length - 1);
  board.tip.show(hits[board.at.hit], board.ring, true);
}
