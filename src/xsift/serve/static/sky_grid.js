// The grid of the all-sky map: meridians, parallels and their numbers.

import { ink } from "./colours.js";
import { dense } from "./plane.js";

const STEPS = [30, 15, 10, 5, 2, 1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001];

// The field of a canvas in degrees: width, height; no more than the sky has.
export function fieldOf(map, canvas) {
  const across = (size) => (size / map.scale) * (180 / Math.PI);
  return [Math.min(360, across(canvas.width)), Math.min(180, across(canvas.height))];
}

export function drawGround(ctx, map) {
  ctx.fillStyle = ink("sky");
  ctx.beginPath();
  ctx.ellipse(map.x0, map.y0, map.scale * 2 * Math.SQRT2, map.scale * Math.SQRT2, 0, 0, 2 * Math.PI);
  ctx.fill();
  ctx.strokeStyle = ink("line-strong");
  ctx.lineWidth = dense();
  ctx.stroke();
}

export function haloed(ctx, text, x, y) {
  ctx.lineWidth = 4 * dense();
  ctx.lineJoin = "round";
  ctx.strokeStyle = ink("sky");
  ctx.strokeText(text, x, y);
  ctx.fillText(text, x, y);
}

// Lines only; returns what `drawNumbers` takes.
export function drawGrid(ctx, map) {
  const [wide, high] = fieldOf(map, ctx.canvas);
  const isWhole = high > 75;
  const step = STEPS.find((s) => s <= Math.max(high / 4, 0.001)) ?? 0.001;
  const [latStep, lonStep] = isWhole ? [30, 30] : [step, nice(step / Math.max(0.05, Math.cos((map.b0 * Math.PI) / 180)))];
  const reach = isWhole ? 180 : Math.min(180, wide / Math.max(0.05, Math.cos((map.b0 * Math.PI) / 180)));
  ctx.strokeStyle = ink("grid");
  ctx.lineWidth = dense();
  const lats = range(Math.max(-90, map.b0 - high), Math.min(90, map.b0 + high), latStep);
  const lons = reach >= 180 ? range(0, 359.9, lonStep) : range(map.l0 - reach, map.l0 + reach, lonStep);
  const [low, up] = [Math.max(-90, map.b0 - high), Math.min(90, map.b0 + high)];
  for (const l of lons) line(ctx, map, span(low, up).map((b) => [l, b]));
  for (const b of lats) {
    const [from, to] = reach >= 180 ? [map.l0 - 180, map.l0 + 180] : [map.l0 - reach, map.l0 + reach];
    ctx.lineWidth = (b === 0 ? 1.8 : 1) * dense();
    line(ctx, map, span(from + 0.01, to - 0.01).map((l) => [l, b]));
  }
  return { lats, lons, isWhole, wide, high, latStep, lonStep };
}

const nice = (v) => STEPS.findLast((s) => s >= v) ?? 30;
const span = (from, to, n = 90) => Array.from({ length: n + 1 }, (_, k) => from + ((to - from) * k) / n);

function range(from, to, step) {
  const first = Math.ceil(from / step - 1e-9);
  const last = Math.floor(to / step + 1e-9);
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, k) => (first + k) * step);
}

function line(ctx, map, path) {
  ctx.beginPath();
  let last = null;
  for (const [l, b] of path) {
    const [x, y] = map.point(l, b);
    // A line that leaves the map on one side comes back on the other.
    const jumps = last && Math.hypot(x - last[0], y - last[1]) > map.scale;
    ctx[last && !jumps ? "lineTo" : "moveTo"](x, y);
    last = [x, y];
  }
  ctx.stroke();
}

// After the points, on a ground of their own: they stay readable where there are many.
export function drawNumbers(ctx, map, { lats, lons, isWhole, wide, high, latStep, lonStep }) {
  ctx.font = `${11 * dense()}px system-ui, sans-serif`;
  ctx.fillStyle = ink("faint");
  ctx.textBaseline = "middle";
  const written = (v, step) => `${v.toFixed(Math.max(0, -Math.floor(Math.log10(step) + 1e-9)))}°`;
  const put = (text, l, b, dx = 0, dy = 0) => {
    const [x, y] = map.point(l, b);
    haloed(ctx, text, x + dx * dense(), y + dy * dense());
  };
  ctx.textAlign = "center";
  const row = isWhole ? 0 : Math.max(-89.9, map.b0 - high * 0.46);
  for (const l of lons) {
    // At the rim a number would be cut.
    const away = Math.abs(((l - map.l0 + 540) % 360) - 180);
    if (isWhole && (l % 60 || away > 170 || map.scale < 75 * dense())) continue;
    put(written(((l % 360) + 360) % 360, lonStep), l, row, 0, isWhole ? 9 : 0);
  }
  ctx.textAlign = "left";
  const column = isWhole ? map.l0 : map.l0 + (wide * 0.485) / Math.max(0.05, Math.cos((map.b0 * Math.PI) / 180));
  for (const b of lats) {
    if (isWhole && (b === 0 || Math.abs(b) === 90)) continue;
    put(`${b > 0 ? "+" : ""}${written(b, latStep)}`.replace("-", "−"), column, b, 4, -7);
  }
}
