// The legend of a view: what the filters beside it do not say. On a phone, where they are hidden, that is
// the groups; everywhere the shades of the classes, where a view shows them, and what the reader brought.

import { catalogue } from "./catalogue.js";
import { markerOf, ofClass, ofGroup } from "./colours.js";
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

// `hasShades`: whether the view shows classes as shades just now.
export function legend(hasShades = () => false) {
  const bar = el("div", { class: "legend", role: "group", "aria-label": "Legend: press a group to show or hide it" });
  legends.push({ bar, hasShades });
  return bar;
}

// The classes that the catalogue has, in the shades of their groups.
function shades() {
  return el("ul", { class: "shades", "aria-label": "Shades of the classes" }, ...catalogue.classes.map((c, k) => [c, k])
    .filter(([, k]) => selection.byClass[k] || !selection.total)
    .map(([c, k]) => el("li", { title: c.group }, el("span", { class: "swatch", "aria-hidden": "true", vars: { "--tone": ofClass(k) } }), c.label)));
}

function yours() {
  if (!own.rows.length) return [];
  return [el("button", { type: "button", class: "key", title: "Take them away", onclick: () => own.clear() },
    el("span", { "aria-hidden": "true" }, "✕"), el("span", {}, "yours"), el("span", { class: "n" }, own.total > own.rows.length ? `${count(own.rows.length)} of ${count(own.total)}` : count(own.total)))];
}

export function drawLegends() {
  for (const { bar, hasShades } of legends) {
    const focused = document.activeElement?.dataset?.group;
    const holds = bar.contains(document.activeElement);
    // The shades say the groups, too.
    bar.replaceChildren(...(hasShades() ? [shades()] : catalogue.groups.map((group) => {
      const shown = codesOf(group).some(isShown);
      return el("button", {
        type: "button", "data-group": group, "aria-pressed": String(shown), class: "key only-phone",
        onclick: () => show(codesOf(group), !shown),
      }, markCanvas(markerOf(group), ofGroup(group)), el("span", {}, group),
      el("span", { class: "n" }, count(countOf(group))));
    })), ...yours(), ...starKey());
    if (holds) bar.querySelector(`[data-group="${CSS.escape(focused)}"]`)?.focus();
  }
}
