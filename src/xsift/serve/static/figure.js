// A view as a figure, PNG or SVG: its title, its legend, where its data come from.
//
// The view draws itself once more, on a canvas of the figure's size and in the light colours.

import { catalogue } from "./catalogue.js";
import { ink, markerOf, ofClass, ofGroup } from "./colours.js";
import { count, el, save } from "./dom.js";
import { countOf } from "./legend.js";
import { trace } from "./marks.js";
import { notice } from "./notice.js";
import { own } from "./own.js";
import { density } from "./plane.js";
import { isFiltered, query, selection } from "./selection.js";
import { stars } from "./stars.js";
import { SvgCanvas } from "./svg_canvas.js";

const DENSE = 3; // pixels of the file for each of the page: 2,400 wide
const WIDTH = 800;
const EDGE = 16;
const FORMATS = [["png", "PNG"], ["svg", "SVG"]];

// view: has `figure()`, which says what to draw: {title, name, height, keys, paint(canvas, layer)}.
export function figureMenu(view) {
  const list = el("div", { class: "menu-list figure-list" }, ...FORMATS.map(([format, name]) =>
    el("button", { type: "button", onclick: () => saveFigure(view, format) }, name)));
  return el("details", { class: "menu" }, el("summary", {}, "Figure"), list);
}

async function saveFigure(view, format) {
  try {
    const found = compose(view.figure(), (w, h) => (format === "svg" ? new SvgCanvas(w, h) : plainCanvas(w, h)));
    const file = format === "svg" ? new Blob([found.canvas.write(found.title, DENSE)], { type: "image/svg+xml" })
      : await new Promise((done) => { found.canvas.toBlob(done, "image/png"); });
    save(file, `xsift-${found.name}.${format}`);
  } catch (error) {
    notice(`The figure could not be drawn: ${error.message}`, { again: true });
  }
}

function plainCanvas(width, height) {
  return Object.assign(document.createElement("canvas"), { width, height });
}

// On paper: light colours, the figure's own density of pixels, no ring about the open card's source.
function onPaper(draw) {
  const { theme } = document.documentElement.dataset;
  const { opened } = own;
  document.documentElement.dataset.theme = "light";
  density.forced = DENSE;
  own.opened = -1;
  try {
    return draw();
  } finally {
    document.documentElement.dataset.theme = theme;
    density.forced = 0;
    own.opened = opened;
  }
}

function compose({ title, name, height, keys = [], paint }, make) {
  return onPaper(() => {
    const d = DENSE;
    const room = make(1, 1).getContext("2d");
    const legend = inRows(room, typeof keys === "function" ? keys() : keys);
    const said = footer();
    const top = 44 + 20 * legend.length;
    const canvas = make(WIDTH * d, (top + height + 16 + 15 * said.length) * d);
    const ctx = canvas.getContext("2d");
    ctx.fillStyle = "#ffffff";
    ctx.fillRect(0, 0, canvas.width, canvas.height);
    write(ctx, catalogue.title, EDGE * d, 20 * d, `600 ${15 * d}px`, ink("ink"));
    write(ctx, title, EDGE * d, 38 * d - 2, `${12 * d}px`, ink("faint"));
    legend.forEach((row, k) => drawRow(ctx, row, (56 + 20 * k) * d));
    const inner = make(WIDTH * d, height * d);
    paint(inner, make(WIDTH * d, height * d));
    ctx.drawImage(inner, 0, top * d);
    said.forEach((line, k) => write(ctx, cut(ctx, line), EDGE * d, (top + height + 14 + 15 * k) * d, `${10.5 * d}px`, ink("faint")));
    return { canvas, title: `${catalogue.title}: ${title}`, name };
  });
}

function write(ctx, text, x, y, size, colour) {
  ctx.font = `${size} system-ui, sans-serif`;
  ctx.fillStyle = colour;
  ctx.textAlign = "left";
  ctx.textBaseline = "middle";
  ctx.fillText(text, x, y);
}

function cut(ctx, line) {
  ctx.font = `${10.5 * DENSE}px system-ui, sans-serif`;
  let text = line;
  while (text.length > 20 && ctx.measureText(text).width > (WIDTH - 2 * EDGE) * DENSE) text = `${text.slice(0, -9)}…`;
  return text;
}

// Where the data come from, what is left of them, who drew.
function footer() {
  const { about } = catalogue;
  const source = `${about.input ?? catalogue.title}; columns as in ${about.survey}${about.reference ? ` (${about.reference})` : ""}`;
  const made = `xsift ${catalogue.xsift}${about.model_id ? `, model ${about.model_id}` : ""}, ${new Date().toISOString().slice(0, 10)}`;
  const filters = isFiltered() ? `: ${decodeURIComponent(query().toString().replaceAll("&", ", ").replaceAll("+", " "))}` : "";
  return [`Data: ${source}`, `${count(selection.total)} of ${count(catalogue.n_sources)} sources${filters}`, made];
}

// What the colours and marks mean: {shape, colour, text}.
export function keysOfGroups() {
  const found = catalogue.groups.filter(countOf).map((g) => ({ shape: markerOf(g), colour: ofGroup(g), text: `${g === "none" ? "none of these" : g} ${count(countOf(g))}` }));
  return [...found, ...moreKeys()];
}

export function keysOfClasses() {
  const found = catalogue.classes.map((c, k) => ({ shape: markerOf(c.group), colour: ofClass(k), n: selection.byClass[k] ?? 0, text: c.label }));
  return [...found.filter((k) => k.n).map((k) => ({ ...k, text: `${k.text} ${count(k.n)}` })), ...moreKeys()];
}

export function moreKeys() {
  return [
    ...(stars().length ? [{ shape: "*", colour: ink("ink"), isOpen: true, text: "starred" }] : []),
    ...(own.rows.length ? [{ shape: "X", colour: ink("ink"), text: `classified here ${count(own.rows.length)}` }] : []),
  ];
}

function inRows(ctx, keys) {
  ctx.font = `${12 * DENSE}px system-ui, sans-serif`;
  const rows = [];
  let x = Infinity;
  for (const key of keys) {
    const wide = ctx.measureText(key.text).width + 34 * DENSE;
    if (x + wide > (WIDTH - EDGE) * DENSE) {
      rows.push([]);
      x = EDGE * DENSE;
    }
    rows.at(-1).push({ ...key, x });
    x += wide;
  }
  return rows;
}

function drawRow(ctx, row, y) {
  for (const { shape, colour, text, x, isOpen } of row) {
    ctx.beginPath();
    trace(ctx, shape, x + 6 * DENSE, y, 5.5 * DENSE);
    ctx.fillStyle = ctx.strokeStyle = colour;
    ctx.lineWidth = 1.3 * DENSE;
    ctx[isOpen ? "stroke" : "fill"]();
    write(ctx, text, x + 17 * DENSE, y, `${12 * DENSE}px`, ink("ink"));
  }
}

// A view with a plane draws on another canvas in place of its own.
export function paintPlane(view, canvas, layer) {
  const { plane, place, map, frame, names, inside, layer: before } = view;
  const said = view.status.textContent;
  view.plane = { points: canvas, over: canvas, place: null, tool: "move", hovered: -1, path: [], draw() {}, drawOver() {} };
  Object.assign(view, { place: undefined, layer });
  try {
    view.draw();
    view.drawOver(canvas.getContext("2d"));
  } finally {
    Object.assign(view, { plane, place, map, frame, inside, layer: before });
    if (Array.isArray(names)) view.names = names; // of the map; elsewhere a method
    view.status.textContent = said;
  }
}

// The shape of the view on the screen, within reason: a figure shows the same field.
export function heightLike(canvas) {
  return Math.round(WIDTH * Math.max(0.5, Math.min(0.9, canvas.height / Math.max(1, canvas.width))));
}
