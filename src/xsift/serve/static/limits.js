// Limits (error bars) of the points of a plot, while few enough are in view to be told apart.

import { catalogue, column, fetchColumns } from "./catalogue.js";
import { ofGroup } from "./colours.js";
import { dense } from "./plane.js";
import { IN } from "./selection.js";

export const FEW = 150;

// {low, high, are}: columns of the ends themselves ("ends"), or of errors about the value ("errors").
const limitsOf = (name) => catalogue.described.get(name)?.limits ?? null;
const columnsOf = (names) => names.map(limitsOf).filter(Boolean).flatMap(({ low, high }) => [low, high]);

// The two ends of a value; NaN where there is none.
export function endsOf(name, index) {
  const limits = limitsOf(name);
  if (!limits) return [NaN, NaN];
  const value = column(name)[index];
  const [low, high] = [column(limits.low)[index], column(limits.high)[index]];
  const [a, b] = limits.are === "ends" ? [low, high] : [value - Math.abs(low), value + Math.abs(high)];
  // An end on the wrong side of the value is no limit of it.
  return [a <= value ? a : NaN, b >= value ? b : NaN];
}

// What the view says beside the number of points in view.
export function sayLimits(names, inside) {
  const some = names.filter(limitsOf);
  if (!some.length || !inside) return [];
  return [inside > FEW ? `limits of ${some.join(" and ")} are drawn for ${FEW} or fewer in view` : `bars: limits of ${some.join(" and ")}`];
}

// again: draws once more when the columns of the limits are here.
export function drawLimits(ctx, { names, x, y, area, place, inside }, again) {
  const wanted = columnsOf(names);
  if (!wanted.length || !inside || inside > FEW) return;
  if (wanted.some((name) => !column(name))) {
    fetchColumns(wanted).then(again, () => {});
    return;
  }
  const groups = column("group");
  ctx.lineWidth = 1.2 * dense();
  ctx.globalAlpha = inside > 50 ? 0.35 : 0.6;
  for (let i = 0; i < place.mask.length; i++) {
    if (place.mask[i] !== IN || !(Number.isFinite(place.x[i]) && Number.isFinite(place.y[i]))) continue;
    ctx.strokeStyle = ofGroup(catalogue.groups[groups[i]] ?? "none");
    bar(ctx, "x", ends(x, names[0], i, area.left, area.right), place.x[i], place.y[i]);
    bar(ctx, "y", ends(y, names[1], i, area.bottom, area.top), place.x[i], place.y[i]);
  }
  ctx.globalAlpha = 1;
}

// In pixels; a limit beyond the plot, or not positive on a log axis, runs to its edge.
function ends(axis, name, index, first, last) {
  const [low, high] = endsOf(name, index);
  const within = (v) => Math.max(Math.min(first, last) - 9, Math.min(Math.max(first, last) + 9, v));
  const at = (v, edge) => (axis.isLog && v <= 0 ? edge : within(axis.at(v)));
  return [Number.isNaN(low) ? NaN : at(low, first), Number.isNaN(high) ? NaN : at(high, last)];
}

function bar(ctx, way, found, px, py) {
  const cap = 3 * dense();
  for (const end of found) {
    if (Number.isNaN(end)) continue;
    ctx.beginPath();
    ctx.moveTo(px, py);
    if (way === "x") {
      ctx.lineTo(end, py);
      ctx.moveTo(end, py - cap);
      ctx.lineTo(end, py + cap);
    } else {
      ctx.lineTo(px, end);
      ctx.moveTo(px - cap, end);
      ctx.lineTo(px + cap, end);
    }
    ctx.stroke();
  }
}
