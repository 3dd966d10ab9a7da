// Small multiples: for each feature the spread of every group, and the source as a line through all.

import { catalogue, labelOf } from "./catalogue.js";
import { ofGroup } from "./colours.js";
import { el, shown, svg } from "./dom.js";

const WIDTH = 200;
const ROW = 11;

export function among(places) {
  return el("div", {},
    el("p", { class: "faint small" }, "Thin line: 5 to 95 per cent of the group's sources; thick: 25 to 75; dot: median. The upright line is this source."),
    el("div", { class: "multiples" }, ...Object.entries(places).map(([name, place]) => multiple(name, place))));
}

function multiple(name, { value, quantiles, log }) {
  const groups = catalogue.groups.filter((g) => quantiles[g]?.every(Number.isFinite));
  const isLog = log && groups.every((g) => quantiles[g][0] > 0) && !(value <= 0);
  const f = isLog ? Math.log10 : Number;
  const all = groups.flatMap((g) => [quantiles[g][0], quantiles[g][4]]).concat(Number.isFinite(value) ? [value] : []).map(f);
  const [low, high] = [Math.min(...all), Math.max(...all)];
  const at = (v) => 4 + ((f(v) - low) / (high - low || 1)) * (WIDTH - 8);
  const height = groups.length * ROW + 4;
  const marks = ends(low, high, isLog).map(([v, text, anchor]) =>
    svg("text", { x: v === low ? 4 : v === high ? WIDTH - 4 : WIDTH / 2, y: height + 11, "text-anchor": anchor, class: "tick" }, text));
  const rows = groups.flatMap((g, k) => {
    const y = k * ROW + ROW / 2 + 2;
    const q = quantiles[g].map(at);
    return [
      svg("line", { x1: q[0], x2: q[4], y1: y, y2: y, stroke: ofGroup(g), "stroke-width": 1.4 }),
      svg("line", { x1: q[1], x2: q[3], y1: y, y2: y, stroke: ofGroup(g), "stroke-width": 5, "stroke-linecap": "round" }),
      svg("circle", { cx: q[2], cy: y, r: 1.8, class: "median" }),
      svg("title", {}, `${g}: median ${shown(quantiles[g][2], 3)}`),
    ];
  });
  const line = Number.isFinite(value)
    ? [svg("line", { x1: at(value), x2: at(value), y1: 0, y2: height, class: "here" })] : [];
  const said = `${name}: ${Number.isFinite(value) ? shown(value, 3) : "missing"}; medians ${groups.map((g) => `${g} ${shown(quantiles[g][2], 3)}`).join(", ")}`;
  return el("figure", { class: "multiple" },
    el("figcaption", {}, el("span", {}, labelOf(name) + (isLog ? " (log)" : "")), el("b", {}, Number.isFinite(value) ? shown(value, 3) : "missing")),
    svg("svg", { viewBox: `0 0 ${WIDTH} ${height + 15}`, role: "img", "aria-label": said }, ...rows, ...line, ...marks));
}

// The numbers under an axis: its two ends and its middle.
function ends(low, high, isLog) {
  const text = (v) => shown(isLog ? 10 ** v : Math.abs(v) < 1e-12 ? 0 : v, 2);
  return [[low, text(low), "start"], ...(high > low ? [[(low + high) / 2, text((low + high) / 2), "middle"], [high, text(high), "end"]] : [])];
}
