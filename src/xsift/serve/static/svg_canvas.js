// A canvas that writes SVG: the views draw on it as on any other, and what they draw stays a vector.
//
// It knows what the views use of a 2D context, and no more.

import { svg } from "./dom.js";
import { legal } from "./list_files.js";
import { trace } from "./marks.js";

const short = (v) => String(Math.round(v * 100) / 100);
let ids = 0;

export class SvgCanvas {
  constructor(width, height) {
    Object.assign(this, { width, height, dataset: {} });
    this.context = new SvgContext(this);
  }

  getContext() {
    return this.context;
  }

  // The picture as a file; `scale`: units of the canvas per pixel of the page.
  write(title, scale) {
    const { width, height } = this;
    const root = svg("svg", {
      xmlns: "http://www.w3.org/2000/svg", viewBox: `0 0 ${width} ${height}`, width: short(width / scale), height: short(height / scale),
    }, svg("title", {}, legal(title)), ...this.context.nodes);
    return `<?xml version="1.0" encoding="utf-8"?>\n${new XMLSerializer().serializeToString(root)}`;
  }
}

class SvgContext {
  constructor(canvas) {
    this.canvas = canvas;
    this.nodes = [];
    this.stack = [];
    this.marks = new Map();
    this.path = "";
    Object.assign(this, {
      fillStyle: "#000", strokeStyle: "#000", lineWidth: 1, font: "10px sans-serif", textAlign: "left", textBaseline: "alphabetic",
      globalAlpha: 1, dash: null, moves: "", clipped: "",
    });
  }

  save() {
    const { fillStyle, strokeStyle, lineWidth, font, textAlign, textBaseline, globalAlpha, dash, moves, clipped } = this;
    this.stack.push({ fillStyle, strokeStyle, lineWidth, font, textAlign, textBaseline, globalAlpha, dash, moves, clipped });
  }

  restore() {
    Object.assign(this, this.stack.pop());
  }

  translate(x, y) {
    this.moves += `translate(${short(x)} ${short(y)}) `;
  }

  rotate(angle) {
    this.moves += `rotate(${short((angle * 180) / Math.PI)}) `;
  }

  setLineDash(dash) {
    this.dash = dash.length ? dash.map(short).join(" ") : null;
  }

  beginPath() {
    this.path = "";
  }

  moveTo(x, y) {
    this.path += `M${short(x)} ${short(y)}`;
  }

  lineTo(x, y) {
    this.path += `${this.path ? "L" : "M"}${short(x)} ${short(y)}`;
  }

  closePath() {
    this.path += "Z";
  }

  rect(x, y, w, h) {
    this.path += `M${short(x)} ${short(y)}h${short(w)}v${short(h)}h${short(-w)}Z`;
  }

  roundRect(x, y, w, h, r) {
    const turn = (dx, dy) => `a${short(r)} ${short(r)} 0 0 1 ${short(dx)} ${short(dy)}`;
    this.path += `M${short(x + r)} ${short(y)}h${short(w - 2 * r)}${turn(r, r)}v${short(h - 2 * r)}${turn(-r, r)}h${short(2 * r - w)}${turn(-r, -r)}v${short(2 * r - h)}${turn(r, -r)}Z`;
  }

  // Whole circles and ellipses only: the views draw no others.
  arc(x, y, r) {
    this.ellipse(x, y, r, r);
  }

  ellipse(x, y, a, b) {
    const half = (to) => `A${short(a)} ${short(b)} 0 1 1 ${short(to)} ${short(y)}`;
    this.path += `M${short(x + a)} ${short(y)}${half(x - a)}${half(x + a)}Z`;
  }

  clip() {
    const id = `c${ids++}`;
    this.nodes.push(svg("clipPath", { id }, svg("path", { d: this.path })));
    this.clipped = `url(#${id})`;
  }

  clearRect() {
    this.nodes.length = 0;
    this.marks.clear();
  }

  fillRect(x, y, w, h) {
    this.put(svg("rect", { x: short(x), y: short(y), width: short(w), height: short(h), fill: this.fillStyle, "shape-rendering": "crispEdges" }));
  }

  strokeRect(x, y, w, h) {
    this.put(svg("rect", { x: short(x), y: short(y), width: short(w), height: short(h), fill: "none", ...this.pen() }));
  }

  fill() {
    if (this.path) this.put(svg("path", { d: this.path, fill: this.fillStyle }));
  }

  stroke() {
    if (this.path) this.put(svg("path", { d: this.path, fill: "none", ...this.pen() }));
  }

  pen() {
    return { stroke: this.strokeStyle, "stroke-width": short(this.lineWidth), "stroke-dasharray": this.dash };
  }

  fillText(text, x, y) {
    this.put(this.written(text, x, y, { fill: this.fillStyle }));
  }

  strokeText(text, x, y) {
    this.put(this.written(text, x, y, { fill: "none", ...this.pen(), "stroke-linejoin": "round" }));
  }

  written(text, x, y, look) {
    const [, weight, size] = this.font.match(/^(bold |600 )?([\d.]+)px/) ?? [null, "", 10];
    // Not every program knows dominant-baseline.
    const down = { middle: 0.35, top: 0.8 }[this.textBaseline] ?? 0;
    const anchor = { center: "middle", right: "end" }[this.textAlign] ?? "start";
    return svg("text", {
      x: short(x), y: short(y + down * Number(size)), "text-anchor": anchor, "font-family": "system-ui, Helvetica, Arial, sans-serif",
      "font-size": size, "font-weight": weight ? "600" : null, ...look,
    }, legal(String(text)));
  }

  measureText(text) {
    SvgContext.ruler ??= document.createElement("canvas").getContext("2d");
    SvgContext.ruler.font = this.font;
    return SvgContext.ruler.measureText(text);
  }

  createImageData(width, height) {
    return new ImageData(width, height);
  }

  // Very many points stay a picture within the picture.
  putImageData(image) {
    const canvas = document.createElement("canvas");
    Object.assign(canvas, { width: image.width, height: image.height });
    canvas.getContext("2d").putImageData(image, 0, 0);
    this.drawImage(canvas, 0, 0);
  }

  drawImage(image, x, y) {
    if (image instanceof SvgCanvas) {
      // An inner svg element cuts off what lies outside, as a canvas does.
      const { width, height } = image;
      this.put(svg("svg", { x: short(x), y: short(y), width, height }, ...image.context.nodes));
    } else {
      this.put(svg("image", { x: short(x), y: short(y), width: image.width, height: image.height, href: image.toDataURL() }));
    }
  }

  // A point of a group: its shape once, each point a use of it.
  mark(key, shape, colour, x, y, r, alpha) {
    if (!this.marks.has(key)) {
      const id = `m${ids++}`;
      this.beginPath();
      trace(this, shape, 0, 0, r);
      this.nodes.push(svg("defs", {}, svg("path", { id, d: this.path, fill: `rgb(${colour.join(",")})`, "fill-opacity": alpha })));
      this.marks.set(key, id);
    }
    this.put(svg("use", { href: `#${this.marks.get(key)}`, x: short(x), y: short(y) }));
  }

  put(node) {
    if (this.globalAlpha !== 1) node.setAttribute("opacity", this.globalAlpha);
    const moved = this.moves.trim();
    if (moved) node.setAttribute("transform", moved);
    this.nodes.push(this.clipped ? svg("g", { "clip-path": this.clipped }, node) : node);
  }
}
