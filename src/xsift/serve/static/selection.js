// Which sources are chosen. Every view draws `chosen`, so that what is done in one shows in all.

import { bytes } from "./api.js";
import { catalogue, column, fetchColumn } from "./catalogue.js";
import { toGalactic, vector, vectors, DEG } from "./geometry.js";
import { picked } from "./picked.js";
import { FILTERS, byDefault, state } from "./state.js";
import { parameters, prepareWhere, whereBits } from "./where.js";

export const OUT = 0; // a filter takes it out: not drawn
export const BESIDE = 1; // passes the filters, lies beside what was brushed: drawn grey
export const IN = 2;

export const selection = { mask: new Uint8Array(0), total: 0, passing: 0, byClass: [], version: 0 };
let directions = null;
const texts = new Map(); // text -> bitset of the server

export function allDirections() {
  const [l, b] = [column("glon"), column("glat")];
  if (!directions && l && b) directions = vectors(l, b);
  return directions;
}

const isSet = (key) => JSON.stringify(state[key]) !== JSON.stringify(byDefault(key));
export const isFiltered = () => FILTERS.some(isSet);
export const isBrushed = () => Boolean(parseBox(state.box) || parseLasso(state.lasso));

export function parseBox(written) {
  const sides = written.split("~").map((side) => side.split(":"));
  const known = sides.length === 2 && sides.every(([name, low, high]) =>
    catalogue.described.get(name)?.kind === "number" &&
    low && high && Number.isFinite(Number(low)) && Number.isFinite(Number(high)));
  if (!known) return null;
  return sides.map(([name, low, high]) => ({ name, low: Number(low), high: Number(high) }));
}

export function parseLasso(written) {
  const [x, y, xlog, ylog, ...rest] = written.split(":");
  const path = rest.map(Number);
  const fine = [x, y].every((name) => catalogue.described.get(name)?.kind === "number");
  if (!fine || path.length < 6 || path.length % 2 || !path.every(Number.isFinite)) return null;
  return { x, y, xlog: xlog === "1", ylog: ylog === "1", path };
}

// Columns that the current state needs, beside those that are always here.
function needed() {
  const names = [];
  const box = parseBox(state.box);
  const lasso = parseLasso(state.lasso);
  if (box) names.push(...box.map((side) => side.name));
  if (lasso) names.push(lasso.x, lasso.y);
  return names;
}

// Fetch what a filter needs from the server; say whether all of it is here already.
export function prepare() {
  const missing = needed().filter((name) => !column(name)).map(fetchColumn);
  if (state.text.trim() && !texts.has(state.text)) missing.push(fetchText(state.text));
  const where = prepareWhere();
  if (where) missing.push(where);
  return missing.length ? Promise.all(missing) : null;
}

async function fetchText(text) {
  const set = new Uint8Array(await bytes(`/api/filter.bin?${new URLSearchParams({ text })}`));
  if (texts.size > 50) texts.clear();
  texts.set(text, set);
}

// Write the mask anew from the state: one pass over the sources for each filter that is set.
export function choose() {
  const n = catalogue.n_sources;
  if (selection.mask.length !== n) selection.mask = new Uint8Array(n);
  const { mask } = selection;
  mask.fill(IN);
  const classes = column("class");
  keepClasses(mask, classes);
  keepCodes(mask, "status", state.status && catalogue.statuses.indexOf(state.status));
  keepRange(mask, "p_class", isSet("min_p") ? state.min_p : null, null);
  keepRange(mask, "typicality",
    isSet("min_typicality") ? state.min_typicality : null,
    isSet("max_typicality") ? state.max_typicality : null);
  keepRange(mask, "n_detections", state.min_detections || null, state.max_detections || null);
  keepLatitude(mask);
  keepCone(mask);
  keepBits(mask, state.text.trim() && texts.get(state.text));
  keepBits(mask, whereBits());
  keepPicked(mask);
  selection.passing = isBrushed() ? tally(mask, classes).total : -1;
  brushBox(mask);
  brushLasso(mask);
  Object.assign(selection, tally(mask, classes));
  if (selection.passing < 0) selection.passing = selection.total;
  selection.version++;
}

function tally(mask, classes) {
  const byClass = new Uint32Array(256);
  for (let i = 0; i < mask.length; i++) if (mask[i] === IN) byClass[classes[i]]++;
  return { byClass, total: byClass.reduce((a, b) => a + b, 0) };
}

function keepClasses(mask, classes) {
  if (!state.class) return;
  const keep = new Uint8Array(256);
  catalogue.classes.forEach((c, k) => (keep[k] = state.class.includes(c.code) ? 1 : 0));
  for (let i = 0; i < mask.length; i++) if (!keep[classes[i]]) mask[i] = OUT;
}

function keepCodes(mask, name, wanted) {
  const codes = column(name);
  if (wanted === "" || wanted < 0 || !codes) return;
  for (let i = 0; i < mask.length; i++) if (codes[i] !== wanted) mask[i] = OUT;
}

// A missing value passes no bound, as on the server.
function keepRange(mask, name, low, high) {
  const values = column(name);
  if ((low === null && high === null) || !values) return;
  const [a, b] = [low ?? -Infinity, high ?? Infinity];
  for (let i = 0; i < mask.length; i++) if (!(values[i] >= a && values[i] <= b)) mask[i] = OUT;
}

// One bit for each source, as the server sends them.
function keepBits(mask, bits) {
  if (!bits) return;
  for (let i = 0; i < mask.length; i++) if (!((bits[i >> 3] >> (i & 7)) & 1)) mask[i] = OUT;
}

function keepPicked(mask) {
  const indices = picked();
  if (!indices) return;
  const keep = new Uint8Array(mask.length);
  for (const i of indices) keep[i] = 1;
  for (let i = 0; i < mask.length; i++) if (!keep[i]) mask[i] = OUT;
}

function keepLatitude(mask) {
  const b = column("glat");
  if (!b || (!isSet("min_abs_b") && !isSet("max_abs_b"))) return;
  const [low, high] = [state.min_abs_b, state.max_abs_b];
  for (let i = 0; i < mask.length; i++) {
    const size = Math.abs(b[i]);
    if (!(size >= low && size <= high)) mask[i] = OUT;
  }
}

function keepCone(mask) {
  const v = allDirections();
  if (!state.cone || !v) return;
  const [ra, dec, radius] = state.cone;
  const [x, y, z] = vector(...toGalactic(ra, dec));
  // The square of the chord: as exact for an arc second as for half of the sky.
  const limit = (2 * Math.sin((Math.min(radius, 180) * DEG) / 2)) ** 2;
  for (let i = 0, k = 0; i < mask.length; i++, k += 3) {
    const chord = (v[k] - x) ** 2 + (v[k + 1] - y) ** 2 + (v[k + 2] - z) ** 2;
    if (!(chord <= limit)) mask[i] = OUT;
  }
}

function brushBox(mask) {
  for (const { name, low, high } of parseBox(state.box) ?? []) {
    const values = column(name);
    if (!values) continue;
    for (let i = 0; i < mask.length; i++) {
      if (mask[i] === IN && !(values[i] >= low && values[i] <= high)) mask[i] = BESIDE;
    }
  }
}

function brushLasso(mask) {
  const lasso = parseLasso(state.lasso);
  if (!lasso || !column(lasso.x) || !column(lasso.y)) return;
  const [xs, ys] = [column(lasso.x), column(lasso.y)];
  const fx = lasso.xlog ? Math.log10 : Number;
  const fy = lasso.ylog ? Math.log10 : Number;
  const path = lasso.path.map((v, k) => (k % 2 ? fy(v) : fx(v)));
  for (let i = 0; i < mask.length; i++) {
    if (mask[i] === IN && !isInside(path, fx(xs[i]), fy(ys[i]))) mask[i] = BESIDE;
  }
}

// Even-odd rule; what is no number lies outside.
export function isInside(path, x, y) {
  if (!Number.isFinite(x) || !Number.isFinite(y)) return false;
  let inside = false;
  for (let i = 0, j = path.length - 2; i < path.length; j = i, i += 2) {
    const [yi, yj] = [path[i + 1], path[j + 1]];
    if (yi > y !== yj > y && x < ((path[j] - path[i]) * (y - yi)) / (yj - yi) + path[i]) inside = !inside;
  }
  return inside;
}

// The same choice for the server's tables and downloads.
export function query(extra = {}) {
  const asked = new URLSearchParams(extra);
  for (const key of FILTERS) {
    if (!isSet(key) || ["box", "lasso", "where"].includes(key)) continue;
    const value = state[key];
    if (key === "max_detections" && !value) continue;
    asked.set(key, Array.isArray(value) ? value.join(",") : String(value));
  }
  for (const [key, value] of parameters()) asked.append(key, value);
  for (const { name, low, high } of parseBox(state.box) ?? []) asked.append("range", `${name}:${low}:${high}`);
  if (parseLasso(state.lasso)) asked.set("lasso", state.lasso);
  return asked;
}
