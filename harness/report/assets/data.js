// The document of the page, decoded once. Times are seconds from the cycle's origin, bins are whole microseconds.
const WIDTHS_US = [1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 2e5, 5e5, 1e6, 2e6, 5e6, 1e7, 3e7, 6e7, 3e8, 3.6e9];
const FIRST_CODE = 48;

function decoded(text) {
  const run = JSON.parse(text);
  for (const cycle of run.cycles) {
    cycle.firstBin = cycle.cells.length ? cycle.cells[0] : 0;
    cycle.lastBin = cycle.cells.length ? cycle.cells[cycle.cells.length - 4] : -1;
    if (cycle.singles) {
      const at = new Float64Array(cycle.singles.at.length);
      let sum = 0;
      cycle.singles.at.forEach((step, place) => { sum += step; at[place] = sum / 1e6; });
      cycle.singles.at = at;
    }
  }
  return run;
}

// Index of the first item whose value is not below the limit; value(i) must not fall with i.
function lowest(length, value, limit) {
  let from = 0, until = length;
  while (from < until) {
    const middle = (from + until) >> 1;
    if (value(middle) < limit) from = middle + 1; else until = middle;
  }
  return from;
}

// The narrowest width that puts no more than `most` bins into the stretch and that the cycle's own bins fill exactly.
function widthFor(cycle, span, most) {
  const usable = WIDTHS_US.filter((width) => width % cycle.bin === 0);
  return usable.find((width) => span * 1e6 / width <= most) ?? usable.at(-1);
}

// Requests by bin and label within [lo, hi]: {width (us), bars: [{at, counts, total}], peak}. lane -1: all of them.
function binned(cycle, labels, lo, hi, most, lane = -1) {
  const width = widthFor(cycle, hi - lo, most);
  const first = Math.floor(lo * 1e6 / width), last = Math.floor(hi * 1e6 / width);
  const bars = new Map();
  const { cells } = cycle;
  let place = lowest(cells.length / 4, (i) => cells[4 * i], first * width / cycle.bin) * 4;
  for (; place < cells.length; place += 4) {
    const at = Math.floor(cells[place] * cycle.bin / width);
    if (at > last) break;
    if (lane >= 0 && cells[place + 2] !== lane) continue;
    let bar = bars.get(at);
    if (!bar) bars.set(at, bar = { at, counts: new Array(labels.length).fill(0), total: 0 });
    bar.counts[cells[place + 1]] += cells[place + 3];
    bar.total += cells[place + 3];
  }
  const list = [...bars.values()];
  return { width, bars: list, peak: list.reduce((peak, bar) => Math.max(peak, bar.total), 1) };
}

function failures(bar, labels) {
  return bar.counts.reduce((sum, number, label) => sum + (labels[label].group === "ok" || labels[label].group === "slow" ? 0 : number), 0);
}

// [first, after the last] of the single requests whose intended time lies within [lo, hi]; null where they are not in the page.
function within(cycle, lo, hi) {
  if (!cycle.singles) return null;
  const { at } = cycle.singles;
  return [lowest(at.length, (i) => at[i], lo), lowest(at.length, (i) => at[i], hi + 1e-9)];
}
