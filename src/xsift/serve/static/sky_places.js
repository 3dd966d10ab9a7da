// Names of well-known objects on the map, each where it covers fewest sources and no other name.

import { catalogue } from "./catalogue.js";
import { ink } from "./colours.js";
import { separation } from "./geometry.js";
import { dense } from "./plane.js";
import { IN } from "./selection.js";
import { fieldOf } from "./sky_grid.js";

const LOOKED_AT = 5_000; // so many points say well enough where a name covers few
const FAR = [0, 26, 52]; // the name's distance from its object, in pixels of the screen
const ASIDE = [[1, 0], [-1, 0], [0, -1], [0, 1], [1, -1], [-1, -1], [1, 1], [-1, 1]];

export function drawPlaces(ctx, map, place) {
  const d = dense();
  // Too many words for a small map of all.
  if (map.scale < 95 * d || fieldOf(map, ctx.canvas)[1] < 0.5) return [];
  ctx.font = `${11.5 * d}px system-ui, sans-serif`;
  ctx.textAlign = "left";
  ctx.textBaseline = "middle";
  const points = sample(place);
  const taken = [];
  for (const { name, glon, glat } of catalogue.places ?? []) {
    if (separation([glon, glat], [map.l0, map.b0]) > 170) continue;
    const [x, y] = map.point(glon, glat);
    if (x < 0 || y < 0 || x > ctx.canvas.width || y > ctx.canvas.height) continue;
    const box = best(ctx, around(points, x, y, 240 * d), taken, { x, y, width: ctx.measureText(name).width + 8 * d, height: 17 * d });
    if (box) {
      taken.push({ name, x, y, ...box });
      put(ctx, name, x, y, box);
    }
  }
  return taken;
}

function sample({ x, y, mask }) {
  const step = Math.max(1, Math.floor(mask.length / LOOKED_AT));
  const out = [];
  for (let i = 0; i < mask.length; i += step) if (mask[i] === IN && x[i] === x[i]) out.push(x[i], y[i]);
  return out;
}

function around(points, x, y, reach) {
  const out = [];
  for (let k = 0; k < points.length; k += 2) {
    if (Math.abs(points[k] - x) < reach && Math.abs(points[k + 1] - y) < reach) out.push(points[k], points[k + 1]);
  }
  return out;
}

const overlap = (a, b) => a.left < b.left + b.width && b.left < a.left + a.width && a.top < b.top + b.height && b.top < a.top + a.height;

// The box beside an object with the fewest points in it; far ones only where they are better by much.
function best(ctx, points, taken, { x, y, width, height }) {
  const d = dense();
  let [found, least] = [null, Infinity];
  for (const far of FAR) {
    for (const [dx, dy] of ASIDE) {
      const away = (9 + far) * d;
      const box = {
        left: x + dx * away * (dy ? 0.7 : 1) - (dx < 0 ? width : dx ? 0 : width / 2),
        top: y + dy * away * (dx ? 0.7 : 1) - (dy < 0 ? height : dy ? 0 : height / 2), width, height,
      };
      if (box.left < 0 || box.top < 0 || box.left + width > ctx.canvas.width || box.top + height > ctx.canvas.height) continue;
      if (taken.some((other) => overlap(box, other))) continue;
      const cost = inside(points, box) + far / 8;
      if (cost < least) [found, least] = [box, cost];
    }
  }
  return found;
}

function inside(points, { left, top, width, height }) {
  let n = 0;
  for (let k = 0; k < points.length; k += 2) {
    const px = points[k] - left;
    const py = points[k + 1] - top;
    if (px > 0 && px < width && py > 0 && py < height) n++;
  }
  return n;
}

function put(ctx, name, x, y, { left, top, width, height }) {
  const d = dense();
  ctx.strokeStyle = ink("ink");
  ctx.lineWidth = d;
  ctx.globalAlpha = 0.6;
  ctx.beginPath();
  ctx.arc(x, y, 5 * d, 0, 2 * Math.PI);
  // From the ring to the nearest point of the name.
  const [nx, ny] = [Math.min(Math.max(x, left), left + width), Math.min(Math.max(y, top), top + height)];
  const length = Math.hypot(nx - x, ny - y);
  if (length > 12 * d) {
    ctx.moveTo(x + ((nx - x) / length) * 5 * d, y + ((ny - y) / length) * 5 * d);
    ctx.lineTo(nx, ny);
  }
  ctx.stroke();
  ctx.globalAlpha = 0.85;
  ctx.fillStyle = ink("sky");
  ctx.beginPath();
  ctx.roundRect(left, top, width, height, 4 * d);
  ctx.fill();
  ctx.globalAlpha = 1;
  ctx.fillStyle = ink("ink");
  ctx.fillText(name, left + 4 * d, top + height / 2);
}
