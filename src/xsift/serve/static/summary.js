// A source with many detections: what they say together first, each of them on demand.

import { strip } from "./bars.js";
import { catalogue, labelOf } from "./catalogue.js";
import { ofGroup } from "./colours.js";
import { count, el, probability, shown } from "./dom.js";

// More than these are grouped.
export const MANY = 8;

// By class, the most frequent first: how many, how probable, and their strips on demand.
export function byClass(detections, nameOf) {
  const groups = new Map();
  for (const d of detections) {
    const code = d.class ?? "";
    if (!groups.has(code)) groups.set(code, []);
    groups.get(code).push(d);
  }
  const sorted = [...groups].sort(([, a], [, b]) => b.length - a.length);
  return el("div", { class: "by-class" }, ...sorted.map(([code, members]) => {
    const c = catalogue.classes.find((k) => k.code === code);
    const p = c ? members.map((d) => d[c.column]).filter(Number.isFinite).sort((a, b) => a - b) : [];
    const range = p.length === 1 ? `p ${probability(p[0])}` : p.length ? `p ${probability(p[0])} to ${probability(p.at(-1))}, median ${probability(p[p.length >> 1])}` : "";
    const about = [c ? range : members.find((d) => d.flag)?.flag].filter(Boolean).join("");
    const strips = el("div", { class: "strips" });
    // Made when they are asked for: there may be hundreds.
    const open = (event) => {
      if (!event.target.open || strips.childElementCount) return;
      strips.append(...members.map((d) => el("div", { class: "strip-row" }, el("span", {}, nameOf(d)), strip(d), el("span", { class: "faint" }, probability(c ? d[c.column] : null)))));
    };
    return el("details", { class: "of-class", ontoggle: open },
      el("summary", {}, el("span", { class: "dot", vars: { "--tone": c ? ofGroup(c.group) : "var(--beside)" } }, c ? c.label : "no class"),
        el("b", {}, ` ${count(members.length)} of ${count(detections.length)}`), el("span", { class: "faint" }, ` ${about}`)), strips);
  }));
}

// Of each feature how many detections have it, and the least, the middle and the greatest value.
export function spread(detections) {
  const rows = catalogue.features.map(({ name }) => {
    const values = detections.map((d) => d[name]).filter(Number.isFinite).sort((a, b) => a - b);
    const ends = values.length ? [values[0], values[values.length >> 1], values.at(-1)] : [null, null, null];
    return el("tr", {}, el("th", { scope: "row" }, labelOf(name)), el("td", {}, count(values.length)), ...ends.map((v) => el("td", {}, shown(v, 3))));
  });
  return el("div", { class: "wide", tabindex: "0", role: "region", "aria-label": "Features of the detections together" },
    el("table", { class: "facts-table spread" },
      el("thead", {}, el("tr", {}, ...["Feature", "Measured", "Least", "Median", "Greatest"].map((h) => el("th", { scope: "col" }, h)))),
      el("tbody", {}, ...rows)));
}
