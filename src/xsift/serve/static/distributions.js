// The view of one column's distribution by group: steps on one axis, and the same as a table.

import { Axis, drawAxes } from "./axes.js";
import { axisOf, catalogue, column, fetchColumn, labelOf } from "./catalogue.js";
import { ink, markerOf, ofGroup } from "./colours.js";
import { count, el, perFrame, shown } from "./dom.js";
import { figureMenu, keysOfGroups } from "./figure.js";
import { FEW, binsOf, histogram } from "./histogram.js";
import { legend } from "./legend.js";
import { trace } from "./marks.js";
import { dense } from "./plane.js";
import { selection } from "./selection.js";
import { set, state } from "./state.js";
import { addCondition } from "./where.js";

export class Distributions {
  constructor(section) {
    this.status = el("span", { class: "where", role: "status" });
    this.canvas = el("canvas", { class: "points", role: "img", "aria-label": "Distribution by group; the table below has its numbers" });
    this.mark = el("div", { class: "range-mark", hidden: true });
    this.stage = el("div", { class: "stage steps", title: "Drag across the plot to filter by this column" }, this.canvas, this.mark);
    this.numbers = el("div", { class: "wide steps-table", tabindex: "0", role: "region", "aria-label": "Distribution by group, numbers" });
    this.said = el("p", { class: "faint small steps-said" }, `Steps: groups of ${FEW} sources or more. A group of fewer is drawn as marks, one for each source.`);
    section.append(this.makeBar(), legend(), this.stage, this.said, this.numbers);
    this.later = perFrame(() => this.draw());
    new ResizeObserver(() => this.resize()).observe(this.stage);
    this.listen();
  }

  makeBar() {
    const option = (c) => el("option", { value: c.name }, labelOf(c.name));
    this.column = el("select", { "aria-label": "Column", onchange: (e) => set({ dist: e.target.value, distlog: isLog(e.target.value) }) },
      el("optgroup", { label: "Features" }, ...catalogue.features.map(option)),
      el("optgroup", { label: "Others" }, ...catalogue.numbers.filter((c) => !c.feature).map(option)));
    this.log = el("input", { type: "checkbox", onchange: (e) => set({ dist: this.name(), distlog: e.target.checked }) });
    this.shares = el("input", { type: "checkbox", onchange: (e) => set({ shares: e.target.checked }) });
    return el("div", { class: "bar" }, el("label", { class: "field" }, el("span", {}, "Column"), this.column),
      el("label", { class: "tick" }, this.log, "log axis"), el("label", { class: "tick", title: "Each group's counts as shares of the group: small groups show, too" }, this.shares, "shares of each group"),
      figureMenu(this), el("span", { class: "grow" }), this.status);
  }

  name() {
    if (catalogue.described.get(state.dist)?.kind === "number") return state.dist;
    return (catalogue.features[0] ?? catalogue.numbers[0]).name;
  }

  isLog() {
    return catalogue.described.has(state.dist) ? state.distlog : isLog(this.name());
  }

  async update() {
    const name = this.name();
    this.column.value = name;
    this.log.checked = this.isLog();
    this.shares.checked = state.shares;
    if (!column(name)) {
      this.status.textContent = "Reading";
      await fetchColumn(name);
    }
    this.later();
  }

  resize() {
    const [w, h] = [this.stage.clientWidth, this.stage.clientHeight].map((v) => Math.round(v * dense()));
    if (!w || !h || (this.canvas.width === w && this.canvas.height === h)) return;
    Object.assign(this.canvas, { width: w, height: h });
    this.draw();
  }

  draw() {
    const values = column(this.name());
    if (!values || !this.canvas.offsetWidth) return;
    const key = `${this.name()} ${this.isLog()}`;
    if (this.binned?.key !== key) this.binned = { key, bins: binsOf(values, this.isLog()) };
    this.groups = histogram(values, column("group"), selection.mask, catalogue.groups.length, this.binned.bins, this.isLog());
    this.paint(this.canvas);
    this.say();
    this.tabulate();
  }

  paint(canvas) {
    const ctx = canvas.getContext("2d");
    const d = dense();
    ctx.clearRect(0, 0, canvas.width, canvas.height);
    const { low, high, n } = this.binned.bins;
    const area = { left: 62 * d, top: 10 * d, right: canvas.width - 12 * d, bottom: canvas.height - 46 * d };
    const size = (group) => (state.shares ? 1 / Math.max(1, group.n - group.missing) : 1);
    const many = this.groups.filter((g) => !g.few);
    const most = Math.max(...many.map((g) => Math.max(...g.counts) * size(g)), state.shares ? 0.01 : 1);
    const x = new Axis(low, high, this.isLog(), area.left, area.right);
    const y = new Axis(0, most * 1.06, false, area.bottom, area.top);
    this.axis = { x, area };
    drawAxes(ctx, { x, y, xName: axisOf(this.name()), yName: state.shares ? "share of the group in each bin" : "sources in each bin", area });
    const edge = (k) => area.left + ((area.right - area.left) * k) / n;
    let row = 0;
    this.groups.forEach((group, g) => {
      if (!group.few) steps(ctx, group, catalogue.groups[g], edge, (c) => y.at(c * size(group)), area);
      else if (group.few.length) marks(ctx, group.few, catalogue.groups[g], x, area.bottom - (10 + 13 * row++) * d);
    });
  }

  figure() {
    const missing = this.groups.reduce((sum, g) => sum + g.missing, 0);
    return {
      title: `Distribution of ${this.name()} by group${missing ? `; ${count(missing)} sources without a value` : ""}`,
      name: "distribution", height: 480, keys: keysOfGroups, paint: (canvas) => this.paint(canvas),
    };
  }

  say() {
    const sum = (key) => this.groups.reduce((total, g) => total + g[key], 0);
    const [missing, beyond, not] = [sum("missing"), sum("below") + sum("above"), sum("notPositive")];
    const parts = [`${count(sum("n") - missing - beyond - not)} in the plot`];
    if (missing) parts.push(`${count(missing)} without a value`);
    if (beyond) parts.push(`${count(beyond)} beyond the axis`);
    if (not) parts.push(`${count(not)} not positive, left out of the log axis`);
    this.status.textContent = parts.join(" · ");
  }

  tabulate() {
    const names = ["Group", "Sources", "Missing", "Beyond the axis", "Not positive", "16 %", "Median", "84 %"].filter((h) => h !== "Not positive" || this.isLog());
    const share = (k, n) => (k ? `${count(k)} (${shown((100 * k) / n, 2)} %)` : "0");
    this.numbers.replaceChildren(el("table", { class: "data" },
      el("caption", { class: "unseen" }, `Distribution of ${this.name()} by group`),
      el("thead", {}, el("tr", {}, ...names.map((h, k) => el("th", { scope: "col", class: k ? "number" : "" }, h)))),
      el("tbody", {}, ...this.groups.map((g, k) => [g, catalogue.groups[k]]).filter(([g]) => g.n).map(([g, name]) => el("tr", {},
        el("th", { scope: "row" }, el("span", { class: "dot", vars: { "--tone": ofGroup(name) } }, name === "none" ? "none of these" : name)),
        ...[count(g.n), share(g.missing, g.n), share(g.below + g.above, g.n), ...(this.isLog() ? [share(g.notPositive, g.n)] : []), ...g.quantiles.map((q) => shown(q, 3))]
          .map((text) => el("td", { class: "number" }, text)))))));
  }

  // Dragging across the plot filters by the range.
  listen() {
    let from = null;
    const at = (e) => {
      const { left, right } = this.axis.area;
      return Math.max(left, Math.min(right, (e.clientX - this.canvas.getBoundingClientRect().left) * dense()));
    };
    const show = (to) => {
      this.mark.hidden = false;
      this.mark.style.setProperty("--from", `${Math.min(from, to) / dense()}px`);
      this.mark.style.setProperty("--wide", `${Math.abs(to - from) / dense()}px`);
    };
    this.canvas.addEventListener("pointerdown", (e) => {
      if (e.button || !this.axis) return;
      this.canvas.setPointerCapture(e.pointerId);
      from = at(e);
    });
    this.canvas.addEventListener("pointermove", (e) => from !== null && show(at(e)));
    this.canvas.addEventListener("pointercancel", () => {
      from = null;
      this.mark.hidden = true;
    });
    this.canvas.addEventListener("pointerup", (e) => {
      if (from === null) return;
      const ends = [from, at(e)].sort((a, b) => a - b);
      from = null;
      this.mark.hidden = true;
      if (ends[1] - ends[0] < 5 * dense()) return;
      addCondition({ name: this.name(), kind: "range", values: ends.map((p) => String(Number(this.axis.x.value(p).toPrecision(4)))) });
    });
  }
}

const isLog = (name) => Boolean(catalogue.described.get(name)?.log);

// A group of few: a mark for each value, in a row of its own.
function marks(ctx, values, name, x, y) {
  ctx.fillStyle = ofGroup(name);
  for (const v of values) {
    const at = x.at(v);
    if (!(at >= x.from && at <= x.to)) continue;
    ctx.beginPath();
    trace(ctx, markerOf(name), at, y, 4.5 * dense());
    ctx.fill();
  }
}

// One group: a line of steps, and its mark at the highest, so that colour is not the only sign.
function steps(ctx, { counts }, name, edge, at, area) {
  ctx.strokeStyle = ctx.fillStyle = ofGroup(name);
  ctx.lineWidth = 1.8 * dense();
  ctx.beginPath();
  ctx.moveTo(edge(0), area.bottom);
  counts.forEach((c, k) => {
    ctx.lineTo(edge(k), at(c));
    ctx.lineTo(edge(k + 1), at(c));
  });
  ctx.lineTo(edge(counts.length), area.bottom);
  ctx.stroke();
  const top = counts.indexOf(Math.max(...counts));
  ctx.beginPath();
  trace(ctx, markerOf(name), (edge(top) + edge(top + 1)) / 2, at(counts[top]), 6 * dense());
  ctx.fill();
  ctx.strokeStyle = ink("sky");
  ctx.lineWidth = dense();
  ctx.stroke();
}
