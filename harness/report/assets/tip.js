// What is said of the thing under the pointer, finger or keyboard.
class Tip {
  constructor(chart, said) {
    this.chart = chart;
    this.said = said;
    this.box = null;
  }

  show(hit, ring, aloud) {
    this.hide();
    this.box = add(this.chart, "div", { class: "tip", role: "tooltip" });
    add(this.box, "b", {}, hit.head);
    for (const line of hit.lines) add(this.box, "div", {}, line);
    const room = this.chart.clientWidth;
    const middle = (hit.x0 + hit.x1) / 2;
    this.box.style.left = `${Math.max(0, Math.min(middle + 12, room - this.box.offsetWidth))}px`;
    const below = hit.y1 + 10;
    const above = hit.y0 - this.box.offsetHeight - 8;
    const bottom = this.chart.getBoundingClientRect().top + below + this.box.offsetHeight;
    this.box.style.top = `${bottom > window.innerHeight && above > -60 ? above : below}px`;
    if (ring) {
      ring.setAttribute("x", hit.x0 - 3);
      ring.setAttribute("y", hit.y0 - 2);
      ring.setAttribute("width", Math.max(hit.x1 - hit.x0, 1) + 6);
      ring.setAttribute("height", hit.y1 - hit.y0 + 4);
      ring.setAttribute("visibility", "visible");
      this.ring = ring;
    }
    if (aloud) this.said.textContent = [hit.head, ...hit.lines].join(". ");
  }

  hide() {
    this.box?.remove();
    this.box = null;
    this.ring?.setAttribute("visibility", "hidden");
  }
}
