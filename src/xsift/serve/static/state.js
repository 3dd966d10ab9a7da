// The state of the page. All of it stands in the address, so a link reproduces the view.

const text = (byDefault = "") => ({ byDefault, read: (s) => s, write: (v) => v });
const number = (byDefault) => ({
  byDefault,
  read: (s) => (s !== "" && Number.isFinite(Number(s)) ? Number(s) : byDefault),
  write: (v) => String(v),
});
const flag = () => ({ byDefault: false, read: (s) => s === "1", write: (v) => (v ? "1" : "0") });
// A list, or null for "no choice made"; an empty list is written as a lone dash.
const list = () => ({
  byDefault: null,
  read: (s) => (s === "-" ? [] : s.split(",").filter(Boolean)),
  write: (v) => (v.length ? v.join(",") : "-"),
});
const numbers = (count) => ({
  byDefault: null,
  read: (s) => {
    const found = s.split(",").map(Number);
    return found.length === count && found.every(Number.isFinite) ? found : null;
  },
  write: (v) => v.join(","),
});

const KEYS = {
  view: text("sky"),
  // Filters: named as in the HTTP API.
  class: list(),
  status: text(),
  min_p: number(0),
  min_typicality: number(0),
  max_typicality: number(1),
  min_detections: number(0),
  max_detections: number(0), // 0: no limit
  min_abs_b: number(0),
  max_abs_b: number(90),
  cone: numbers(3),
  text: text(),
  index: text(), // of sources picked one by one
  where: text(), // of any column: see where.js
  box: text(), // XCOL:LOW:HIGH~YCOL:LOW:HIGH
  lasso: text(), // XCOL:YCOL:XLOG:YLOG:x1:y1:...
  // Sky: centre in Galactic degrees, zoom; the point that a search found.
  sky: numbers(3),
  atlas: flag(),
  at: numbers(2), // ra, dec
  // Properties
  x: text(),
  y: text(),
  xlog: flag(),
  ylog: flag(),
  colour: text("group"),
  clog: flag(),
  frame: numbers(4), // x low, x high, y low, y high
  // Distributions: column, log axis, shares of each group
  dist: text(),
  distlog: flag(),
  shares: flag(),
  // Table
  sort: text(),
  page: number(0),
  columns: list(),
  // The open card
  card: text(),
};

export const FILTERS = [
  "class", "status", "min_p", "min_typicality", "max_typicality", "min_detections",
  "max_detections", "min_abs_b", "max_abs_b", "cone", "text", "where", "index", "box", "lasso",
];

export const state = Object.fromEntries(Object.entries(KEYS).map(([k, c]) => [k, c.byDefault]));

const listeners = [];
let pending = 0;

export const byDefault = (key) => KEYS[key].byDefault;

export function onChange(listener) {
  listeners.push(listener);
}

const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);

// Change the state. `replace`: while something is dragged, no step in the history.
export function set(patch, { replace = false } = {}) {
  const changed = Object.keys(patch).filter((key) => !same(patch[key], state[key]));
  if (!changed.length && (replace || !pending)) return;
  Object.assign(state, patch);
  if (replace) {
    // Browsers refuse more than some hundred changes of the address in half a minute.
    pending ||= setTimeout(writeAddress, 400);
  } else {
    clearTimeout(pending);
    pending = 0;
    history.pushState(null, "", address());
  }
  tell(new Set(changed));
}

export function address(of = state) {
  const query = new URLSearchParams();
  for (const [key, codec] of Object.entries(KEYS)) {
    if (!same(of[key], codec.byDefault)) query.set(key, codec.write(of[key]));
  }
  // Colons, commas and tildes may stand in a fragment; the link stays readable.
  return "#" + query.toString().replaceAll("%2C", ",").replaceAll("%3A", ":").replaceAll("%7E", "~");
}

function writeAddress() {
  pending = 0;
  history.replaceState(null, "", address());
}

export function readAddress() {
  const query = new URLSearchParams(location.hash.slice(1));
  const changed = new Set();
  for (const [key, codec] of Object.entries(KEYS)) {
    const value = query.has(key) ? codec.read(query.get(key)) : codec.byDefault;
    if (!same(value, state[key])) changed.add(key);
    state[key] = value;
  }
  return changed;
}

function tell(changed) {
  for (const listener of listeners) listener(changed);
}

addEventListener("popstate", () => {
  const changed = readAddress();
  if (changed.size) tell(changed);
});
