// Probabilities as bars.

import { catalogue } from "./catalogue.js";
import { markerOf, ofClass, ofGroup } from "./colours.js";
import { el, probability } from "./dom.js";
import { markCanvas } from "./marks.js";

// One bar for each class, the most probable first, with the spread over detections where there is one.
export function classBars(row, { least = 0.005 } = {}) {
  const entries = catalogue.classes.map((c, k) => ({ c, k, p: row[c.column], spread: row[`${c.column}_std`] }))
    .filter((e) => Number.isFinite(e.p)).sort((a, b) => b.p - a.p);
  const shown = entries.filter((e, k) => e.p >= least || k < 3);
  const rest = entries.length - shown.length;
  return el("div", { class: "bars" },
    ...shown.map(({ c, p, spread }) => el("div", { class: "bar-row" },
      markCanvas(markerOf(c.group), ofGroup(c.group)),
      el("span", { class: "bar-name" }, c.label),
      el("span", { class: "bar-track" },
        el("span", { class: "bar-fill", vars: { "--share": p, "--tone": ofGroup(c.group) } }),
        spread > 0.005 ? el("span", { class: "bar-spread", vars: { "--from": Math.max(0, p - spread), "--to": Math.min(1, p + spread) } }) : null),
      el("span", { class: "bar-value" }, probability(p), spread > 0.005 ? el("small", {}, ` ± ${spread.toFixed(2)}`) : null))),
    rest ? el("p", { class: "faint small" }, `${rest} more classes below ${least}`) : null);
}

// All classes of one row in a single strip.
export function strip(row) {
  const parts = catalogue.classes.map((c, k) => ({ c, k, p: row[c.column] })).filter((e) => e.p > 0.004);
  const said = [...parts].sort((a, b) => b.p - a.p).map(({ c, p }) => `${c.label} ${probability(p)}`).join(", ");
  return el("span", { class: "strip", role: "img", "aria-label": said || "no probabilities", title: said },
    ...parts.map(({ k, p }) => el("span", { vars: { "--share": p, "--tone": ofClass(k) } })));
}
