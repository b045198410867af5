// Which stretch of time is shown, and where a moment stands.
const NARROWEST_S = 0.004;

class View {
  constructor(lo, hi) {
    this.bound(lo, hi);
    this.all();
  }

  bound(lo, hi) {
    const margin = (hi - lo) * 0.01;
    this.least = lo - margin;
    this.most = hi + margin;
  }

  all() { this.lo = this.least; this.hi = this.most; }

  set(lo, hi) {
    const span = Math.min(Math.max(hi - lo, NARROWEST_S), this.most - this.least);
    const from = Math.min(Math.max((lo + hi - span) / 2, this.least), this.most - span);
    this.lo = from;
    this.hi = from + span;
  }

  // factor below 1 zooms in; the moment `at` stays where it is.
  zoom(factor, at = (this.lo + this.hi) / 2) {
    const span = Math.min(Math.max((this.hi - this.lo) * factor, NARROWEST_S), this.most - this.least);
    const share = (at - this.lo) / (this.hi - this.lo);
    this.set(at - span * share, at + span * (1 - share));
  }

  move(share) {
    const by = (this.hi - this.lo) * share;
    this.set(this.lo + by, this.hi + by);
  }

  get whole() { return this.hi - this.lo >= (this.most - this.least) * 0.999; }
}

class Frame {
  constructor(view, width) {
    this.view = view;
    this.width = width;
    this.compact = width < 640;
    this.left = this.compact ? 6 : 208;
    this.right = width - 10;
  }

  x(seconds) {
    const { lo, hi } = this.view;
    return this.left + (Math.min(Math.max(seconds, lo), hi) - lo) / (hi - lo) * (this.right - this.left);
  }

  seconds(x) {
    const { lo, hi } = this.view;
    return lo + (Math.min(Math.max(x, this.left), this.right) - this.left) / (this.right - this.left) * (hi - lo);
  }

  shows(from, until) { return until >= this.view.lo && from <= this.view.hi; }

  ticks() {
    const wanted = (this.view.hi - this.view.lo) / Math.max(Math.floor((this.right - this.left) / 60), 2);
    const power = 10 ** Math.floor(Math.log10(wanted));
    const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= wanted);
    const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
    const out = [];
    for (let n = Math.ceil(this.view.lo / step); n * step <= this.view.hi; n += 1) {
      out.push({ at: n * step, label: n === 0 ? "0" : signed(n * step, digits) });
    }
    return out;
  }
}
