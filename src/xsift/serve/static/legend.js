// The legend: a button for each group with its mark and number; pressing it takes the group out.

import { catalogue } from "./catalogue.js";
import { markerOf, ofGroup } from "./colours.js";
import { count, el } from "./dom.js";
import { markCanvas } from "./marks.js";
import { own } from "./own.js";
import { selection } from "./selection.js";
import { starKey } from "./star_marks.js";
import { set, state } from "./state.js";

const legends = [];

export const codesOf = (group) => catalogue.classes.filter((c) => c.group === group).map((c) => c.code);
export const isShown = (code) => !state.class || state.class.includes(code);

// Show or hide classes; all shown is no filter.
export function show(codes, wanted) {
  const before = state.class ?? catalogue.classes.map((c) => c.code);
  const after = catalogue.classes.map((c) => c.code)
    .filter((c) => (codes.includes(c) ? wanted : before.includes(c)));
  set({ class: after.length === catalogue.classes.length ? null : after });
}

export function countOf(group) {
  return catalogue.classes.reduce((sum, c, k) => sum + (c.group === group ? selection.byClass[k] ?? 0 : 0), 0);
}

export function legend() {
  const bar = el("div", { class: "legend", role: "group", "aria-label": "Groups: press to show or hide" });
  legends.push(bar);
  return bar;
}

function yours() {
  if (!own.rows.length) return [];
  return [el("button", { type: "button", class: "key", title: "Take them away", onclick: () => own.clear() },
    el("span", { "aria-hidden": "true" }, "✕"), el("span", {}, "yours"), el("span", { class: "n" }, count(own.rows.length)))];
}

export function drawLegends() {
  for (const bar of legends) {
    const focused = document.activeElement?.dataset?.group;
    const holds = bar.contains(document.activeElement);
    bar.replaceChildren(...catalogue.groups.map((group) => {
      const shown = codesOf(group).some(isShown);
      return el("button", {
        type: "button", "data-group": group, "aria-pressed": String(shown), class: "key",
        onclick: () => show(codesOf(group), !shown),
      }, markCanvas(markerOf(group), ofGroup(group)), el("span", {}, group),
      el("span", { class: "n" }, count(countOf(group))));
    }), ...yours(), ...starKey());
    if (holds) bar.querySelector(`[data-group="${CSS.escape(focused)}"]`)?.focus();
  }
}
