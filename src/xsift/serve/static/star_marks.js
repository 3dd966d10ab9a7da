// Starred sources on the maps, and their key in the legends.

import { ink } from "./colours.js";
import { count, el } from "./dom.js";
import { trace } from "./marks.js";
import { dense } from "./plane.js";
import { OUT } from "./selection.js";
import { stars } from "./stars.js";
import { set } from "./state.js";

// place: {x, y, mask} of all sources, in pixels. A source that a filter takes out has no star.
export function drawStars(ctx, place) {
  if (!place) return;
  for (const { index } of stars()) {
    if (index < 0 || place.mask[index] === OUT || !(Number.isFinite(place.x[index]) && Number.isFinite(place.y[index]))) continue;
    for (const [colour, width] of [[ink("sky"), 4.5], [ink("ink"), 1.8]]) {
      ctx.strokeStyle = colour;
      ctx.lineWidth = width * dense();
      ctx.beginPath();
      trace(ctx, "*", place.x[index], place.y[index], 11 * dense());
      ctx.stroke();
    }
  }
}

export function starKey() {
  const n = stars().length;
  if (!n) return [];
  return [el("button", { type: "button", class: "key", title: "Show your starred sources", onclick: () => set({ view: "starred" }) },
    el("span", { "aria-hidden": "true" }, "☆"), el("span", {}, "starred"), el("span", { class: "n" }, count(n)))];
}
