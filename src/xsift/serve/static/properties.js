// The feature plane: any number against any other.

import { Axis, drawAxes, drawColourBar } from "./axes.js";
import { axisOf, catalogue, column, fetchColumns, labelOf } from "./catalogue.js";
import { colouring } from "./colouring.js";
import { ink, rgb, scale } from "./colours.js";
import { count, el } from "./dom.js";
import { figureMenu, keysOfClasses, keysOfGroups, moreKeys, paintPlane } from "./figure.js";
import { legend } from "./legend.js";
import { drawLimits, sayLimits } from "./limits.js";
import { own } from "./own.js";
import { Plane, crosses, dense, ring, tools } from "./plane.js";
import { NEAR, paint } from "./points.js";
import { OUT, parseBox, parseLasso, selection } from "./selection.js";
import { drawStars } from "./star_marks.js";
import { set, state } from "./state.js";

export class Properties {
  constructor(section) {
    this.status = el("span", { class: "where" });
    this.fields = {};
    this.left = 0;
    section.append(this.makeBar(), legend(() => state.colour === "class"), (this.stage = el("div", { class: "stage" })));
    this.layer = document.createElement("canvas");
    this.plane = new Plane(this.stage,
      "Plot of one feature against another. Arrow keys move, plus and minus zoom, 0 shows all, Enter opens the source nearest to the centre.", this);
  }

  makeBar() {
    const options = (extra = []) => [
      ...extra.map(([value, name]) => el("option", { value }, name)),
      el("optgroup", { label: "Features" }, ...catalogue.features.map((c) => el("option", { value: c.name }, labelOf(c.name)))),
      el("optgroup", { label: "Others" }, ...catalogue.numbers.filter((c) => !c.feature).map((c) => el("option", { value: c.name }, labelOf(c.name)))),
    ];
    const field = (key, label, extra) => {
      this.fields[key] = el("select", { "aria-label": label, onchange: (e) => this.pick(key, e.target.value) }, ...options(extra));
      return el("label", { class: "field" }, el("span", {}, label), this.fields[key]);
    };
    const log = (key, label) => {
      this.fields[key] = el("input", { type: "checkbox", onchange: (e) => this.pickLog(key, e.target.checked) });
      return el("label", { class: "tick" }, this.fields[key], label);
    };
    return el("div", { class: "bar" },
      field("x", "x"), log("xlog", "log x"), field("y", "y"), log("ylog", "log y"),
      el("button", { type: "button", title: "Exchange x and y", "aria-label": "Exchange x and y", onclick: () => this.swap() }, "⇄"),
      field("colour", "Colour", [["group", "group"], ["class", "class"], ["density", "density of sources"]]), log("clog", "log colour"),
      tools([["move", "Move", "Drag to move, wheel to zoom"], ["box", "Rectangle", "Drag a rectangle: selects the sources in it"],
        ["lasso", "Lasso", "Draw around sources: selects them"]], "move", (k) => (this.plane.tool = k), "What dragging does"),
      el("button", { type: "button", title: "Show all values", onclick: () => this.reset() }, "Fit"), figureMenu(this),
      el("span", { class: "grow" }), this.status);
  }

  figure() {
    const { x, y } = this.names();
    const by = this.fields.colour.value;
    return {
      title: `${y} against ${x}${by === "group" ? "" : `, coloured by ${by}`}`, name: "properties", height: 560,
      keys: { group: keysOfGroups, class: keysOfClasses }[by] ?? moreKeys,
      paint: (canvas, layer) => paintPlane(this, canvas, layer),
    };
  }

  pick(key, name) {
    const log = Boolean(catalogue.described.get(name)?.log);
    if (key === "colour") set({ colour: name, clog: log });
    else set({ [key]: name, [`${key}log`]: log, frame: null });
  }

  pickLog(key, wanted) {
    // The axes that the profile proposes are chosen with it.
    set(key === "clog" ? { clog: wanted } : { ...this.names(), [key]: wanted, frame: null });
  }

  swap() {
    const { x, y, xlog, ylog } = this.names();
    const frame = state.frame && [state.frame[2], state.frame[3], state.frame[0], state.frame[1]];
    set({ x: y, y: x, xlog: ylog, ylog: xlog, frame });
  }

  names() {
    const ok = (name) => catalogue.described.get(name)?.kind === "number";
    // A catalogue of votes alone may have no features: its probabilities are drawn, then.
    const features = [...catalogue.features.map((c) => c.name), ...catalogue.classes.map((c) => c.column), "n_detections"].filter(ok);
    const [first, second] = catalogue.planes.find((plane) => plane.every(ok)) ?? [features[0], features[1] ?? features[0]];
    const isLog = (name) => Boolean(catalogue.described.get(name)?.log);
    return {
      x: ok(state.x) ? state.x : first, xlog: ok(state.x) ? state.xlog : isLog(first),
      y: ok(state.y) ? state.y : second, ylog: ok(state.y) ? state.ylog : isLog(second),
    };
  }

  async update() {
    const { x, y } = this.names();
    const isNumber = catalogue.described.get(state.colour)?.kind === "number";
    Object.assign(this.fields.x, { value: x });
    Object.assign(this.fields.y, { value: y });
    this.fields.colour.value = isNumber || ["class", "density"].includes(state.colour) ? state.colour : "group";
    for (const key of ["xlog", "ylog"]) this.fields[key].checked = this.names()[key];
    this.fields.clog.checked = state.clog;
    this.fields.clog.parentElement.hidden = !isNumber;
    const wanted = [x, y, ...(isNumber ? [state.colour] : [])];
    if (wanted.some((name) => !column(name))) {
      this.status.textContent = "Reading";
      await fetchColumns(wanted);
    }
    this.plane.draw();
  }

  axes() {
    const { width, height } = this.plane.points;
    const d = dense();
    const hasBar = state.colour === "density" || catalogue.described.get(state.colour)?.kind === "number";
    const area = { left: 62 * d, top: 8 * d, right: width - (hasBar ? 84 : 10) * d, bottom: height - 46 * d };
    const { x, y, xlog, ylog } = this.names();
    const f = state.frame;
    const [x0, x1] = f && usable(f[0], f[1], xlog) ? f : this.ends(x, xlog);
    const [y0, y1] = f && usable(f[2], f[3], ylog) ? f.slice(2) : this.ends(y, ylog);
    return {
      area, xName: axisOf(x), yName: axisOf(y),
      x: new Axis(x0, x1, xlog, area.left, area.right),
      y: new Axis(y0, y1, ylog, area.bottom, area.top),
    };
  }

  // All values of the catalogue with a margin; on a log axis from the least positive one.
  ends(name, isLog) {
    const key = `${name} ${isLog}`;
    this.known ??= new Map();
    if (!this.known.has(key)) this.known.set(key, ends(column(name), isLog));
    return this.known.get(key);
  }

  draw() {
    const { x: xs, y: ys } = this.names();
    const [xv, yv] = [column(xs), column(ys)];
    const isNumber = catalogue.described.get(state.colour)?.kind === "number";
    if (!xv || !yv || (isNumber && !column(state.colour))) return;
    const canvas = this.plane.points;
    const frame = (this.frame = this.axes());
    this.put(xv, yv, frame);
    const look = colouring(state.colour, state.clog);
    Object.assign(this.layer, { width: canvas.width, height: canvas.height });
    const { inside, most } = paint(this.layer, {
      place: this.place, mask: selection.mask, ...look, dense: dense(), beside: rgb(ink("beside")),
    });
    const ctx = canvas.getContext("2d");
    ctx.clearRect(0, 0, canvas.width, canvas.height);
    drawAxes(ctx, frame);
    ctx.drawImage(this.layer, 0, 0);
    if (isNumber) this.bar(ctx, look, frame.area);
    if (state.colour === "density") this.densityBar(ctx, look.palette, most, frame.area);
    this.say(inside, xv, yv);
    this.plane.drawOver();
  }

  bar(ctx, { low, high }, { right, top, bottom }) {
    const axis = new Axis(low, high, state.clog, bottom, top);
    drawColourBar(ctx, { scale, axis, name: axisOf(state.colour), left: right + 12 * dense(), top, bottom });
  }

  densityBar(ctx, palette, most, { right, top, bottom }) {
    const axis = new Axis(1, most || 2, true, bottom, top);
    const name = `sources in ${2 * NEAR + 1} × ${2 * NEAR + 1} pixels`;
    drawColourBar(ctx, { scale: palette, axis, name, left: right + 12 * dense(), top, bottom });
  }

  // Where each source lies on the canvas; NaN outside of the plot.
  put(xv, yv, { x, y, area }) {
    const n = xv.length;
    this.place ??= { x: new Float32Array(n), y: new Float32Array(n) };
    const where = [this.names().x, this.names().y, ...[x, y].flatMap((a) => [a.low, a.high, a.isLog, a.from, a.to])].join();
    if (where !== this.place.moved) {
      fillPixels(this.place.x, xv, x, area.left, area.right);
      fillPixels(this.place.y, yv, y, area.top, area.bottom);
    }
    this.place.moved = where;
    this.plane.place = { x: this.place.x, y: this.place.y, mask: selection.mask };
  }

  say(inside, xv, yv) {
    this.inside = inside;
    const { xlog, ylog } = this.names();
    let missing = 0;
    let below = 0;
    for (let i = 0; i < xv.length; i++) {
      if (selection.mask[i] === OUT) continue;
      if (Number.isNaN(xv[i]) || Number.isNaN(yv[i])) missing++;
      else if ((xlog && xv[i] <= 0) || (ylog && yv[i] <= 0)) below++;
    }
    const parts = [`${count(inside)} in view`];
    if (missing) parts.push(`${count(missing)} without a value`);
    if (below) parts.push(`${count(below)} not positive, left out of the log axis`);
    parts.push(...sayLimits([this.names().x, this.names().y], inside));
    this.status.textContent = parts.join(" · ");
  }

  saying(index) {
    if (index < 0) return [];
    const { x, y } = this.names();
    const third = catalogue.described.get(state.colour)?.kind === "number" ? [state.colour] : [];
    return [x, y, ...third].map((name) => [name, column(name)?.[index]]);
  }

  drawOver(ctx) {
    if (!this.frame) return;
    const { x, y, area } = this.frame;
    const { hovered, place, path } = this.plane;
    const names = this.names();
    ctx.save();
    ctx.beginPath();
    ctx.rect(area.left, area.top, area.right - area.left, area.bottom - area.top);
    ctx.clip();
    const accent = ink("accent");
    drawLimits(ctx, { names: [names.x, names.y], x, y, area, place, inside: this.inside }, this.plane.drawOver);
    outline(ctx, accent, this.brushed(names));
    if (path.length > 1) outline(ctx, accent, this.plane.tool === "box" ? corners(...path) : path);
    crosses(ctx, own.rows.filter((r) => Number.isFinite(r[names.x]) && Number.isFinite(r[names.y]))
      .map((r) => [x.at(r[names.x]), y.at(r[names.y])]), ink("ink"));
    drawStars(ctx, place);
    if (hovered >= 0) ring(ctx, place.x[hovered], place.y[hovered], accent);
    if (own.opened >= 0 && place) ring(ctx, place.x[own.opened], place.y[own.opened], accent, 11);
    ctx.restore();
  }

  // The outline of the selection, where it was made in the plane that is shown.
  brushed(names) {
    const { x, y } = this.frame;
    const box = parseBox(state.box);
    if (box && box[0].name === names.x && box[1].name === names.y) {
      return corners([x.at(box[0].low), y.at(box[1].low)], [x.at(box[0].high), y.at(box[1].high)]);
    }
    const lasso = parseLasso(state.lasso);
    if (!lasso || lasso.x !== names.x || lasso.y !== names.y) return [];
    return Array.from({ length: lasso.path.length / 2 }, (_, k) => [x.at(lasso.path[2 * k]), y.at(lasso.path[2 * k + 1])]);
  }

  moved(dx, dy) {
    const { x, y, area } = this.frame;
    this.look(x.value(area.left - dx), x.value(area.right - dx), y.value(area.bottom - dy), y.value(area.top - dy));
  }

  zoomed(factor, px, py) {
    const { x, y, area } = this.frame;
    const near = (axis, edge, at) => axis.value(at + (edge - at) / factor);
    this.look(near(x, area.left, px), near(x, area.right, px), near(y, area.bottom, py), near(y, area.top, py));
  }

  look(...frame) {
    const short = frame.map((v) => Number(v.toPrecision(7)));
    if (short.every(Number.isFinite) && short[1] > short[0] && short[3] > short[2]) set({ frame: short }, { replace: true });
  }

  reset() {
    set({ frame: null });
  }

  drawn(path) {
    const { x, y } = this.frame;
    const names = this.names();
    const short = (v) => Number(v.toPrecision(6));
    if (this.plane.tool === "box") {
      const side = (name, axis, a, b) => {
        const ends = [short(axis.value(a)), short(axis.value(b))].sort((p, q) => p - q);
        return `${name}:${ends.join(":")}`;
      };
      const [a, b] = path;
      set({ box: `${side(names.x, x, a[0], b[0])}~${side(names.y, y, a[1], b[1])}`, lasso: "" });
      return;
    }
    if (path.length < 3) return;
    const step = Math.ceil(path.length / 60);
    const corners = path.filter((_, k) => k % step === 0).flatMap(([px, py]) => [short(x.value(px)), short(y.value(py))]);
    if (corners.length < 6) return;
    set({ lasso: [names.x, names.y, Number(names.xlog), Number(names.ylog), ...corners].join(":"), box: "" });
  }
}

const usable = (low, high, isLog) => high > low && (!isLog || low > 0);
const corners = ([x0, y0], [x1, y1]) => [[x0, y0], [x1, y0], [x1, y1], [x0, y1]];

function ends(values, isLog) {
  let [low, high] = [Infinity, -Infinity];
  for (let i = 0; i < values.length; i++) {
    const v = values[i];
    if (!Number.isFinite(v) || (isLog && v <= 0)) continue;
    if (v < low) low = v;
    if (v > high) high = v;
  }
  if (!(high >= low)) return isLog ? [0.1, 10] : [0, 1];
  if (high === low) return isLog ? [low / 2, low * 2] : [low - 0.5, low + 0.5];
  if (isLog) {
    const margin = (high / low) ** 0.03;
    return [low / margin, high * margin];
  }
  const margin = 0.03 * (high - low);
  return [low - margin, high + margin];
}

function fillPixels(out, values, axis, a, b) {
  const [low, high] = a < b ? [a, b] : [b, a];
  const { factor, offset, isLog } = axis;
  for (let i = 0; i < values.length; i++) {
    const at = offset + (isLog ? Math.log10(values[i]) : values[i]) * factor;
    out[i] = at >= low && at <= high ? at : NaN;
  }
}

function outline(ctx, colour, path) {
  if (path.length < 2) return;
  ctx.beginPath();
  path.forEach(([px, py], k) => ctx[k ? "lineTo" : "moveTo"](px, py));
  ctx.closePath();
  ctx.fillStyle = colour;
  ctx.globalAlpha = 0.08;
  ctx.fill();
  ctx.globalAlpha = 1;
  ctx.strokeStyle = colour;
  ctx.lineWidth = 1.5 * dense();
  ctx.stroke();
}
