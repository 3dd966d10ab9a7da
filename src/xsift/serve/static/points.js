// Points on a canvas: shapes while they can be told apart, binned into pixels when there are many.

import { trace } from "./marks.js";
import { BESIDE, IN } from "./selection.js";

const FEW = 12_000;
// Density counts the points at most so many pixels of the screen away, left or right, up or down.
export const NEAR = 6;
const EMPTY = 0xffffffff;
const rooms = { pixels: 0 }; // reused between frames

function room(pixels) {
  if (rooms.pixels < pixels) {
    rooms.pixels = pixels;
    rooms.sums = new Uint32Array(4 * pixels); // red, green, blue and count, side by side for the cache
    rooms.beside = new Uint32Array(pixels);
  }
  rooms.sums.fill(0, 0, 4 * pixels);
  rooms.beside.fill(0, 0, pixels);
  return rooms;
}

// The pixel that each point falls into, EMPTY outside of the canvas. Into an array of the caller, who
// keeps it while the points do not move.
function pixelsOf(place, width, height) {
  const key = `${width} ${height} ${place.moved}`;
  if (place.key === key) return place.pixel;
  place.key = key;
  place.pixel ??= new Uint32Array(place.x.length);
  const { x, y, pixel } = place;
  for (let i = 0; i < pixel.length; i++) {
    const px = x[i];
    const py = y[i];
    pixel[i] = px >= 0 && py >= 0 && px < width && py < height ? (py | 0) * width + (px | 0) : EMPTY;
  }
  return pixel;
}

// place: {x, y, moved}: (n,) in pixels of the canvas, NaN where there is no such point; `moved` tells
// one placing from another. code: (n,) into `palette` ([r, g, b] each) and `shapes`; null: density,
// `palette` is then a scale of 256. Returns how many chosen points lie in the canvas (`inside`), and of
// a density the greatest number of neighbours (`most`).
export function paint(canvas, { place, mask, code, palette, shapes, beside, dense = 1 }) {
  const ctx = canvas.getContext("2d");
  const { width, height } = canvas;
  ctx.clearRect(0, 0, width, height);
  const pixel = pixelsOf(place, width, height);
  const seen = [0, 0, 0];
  for (let i = 0; i < mask.length; i++) if (pixel[i] !== EMPTY) seen[mask[i]]++;
  const job = { ...place, pixel, mask, code, palette, shapes, beside, dense, inside: seen[IN], around: seen[BESIDE] };
  let most = 0;
  if (!code) most = density(ctx, job);
  else if (job.inside + job.around > FEW) bin(ctx, job);
  else stamp(ctx, job);
  return { inside: job.inside, most };
}

// Each point in the colour of how many lie near it; the scale is logarithmic.
function density(ctx, { pixel, mask, palette, beside, dense, inside, around }) {
  const { width, height } = ctx.canvas;
  const counts = new Float32Array(width * height);
  for (let i = 0; i < mask.length; i++) if (mask[i] === IN && pixel[i] !== EMPTY) counts[pixel[i]]++;
  const near = smoothed(counts, width, height, Math.round(NEAR * dense));
  const most = Math.max(2, highest(counts, near));
  const image = ctx.createImageData(width, height);
  const words = new Uint32Array(image.data.buffer);
  const size = Math.max(1, Math.round(dense * (inside + around > 150_000 ? 1 : inside + around > 40_000 ? 2 : 3)));
  const square = (at, word) => {
    for (let dy = 0; dy < size; dy++) for (let dx = 0; dx < size; dx++) words[at + dy * width + dx] = word;
  };
  const grey = (110 << 24) | (beside[2] << 16) | (beside[1] << 8) | beside[0];
  for (let i = 0; i < mask.length; i++) if (mask[i] === BESIDE && pixel[i] !== EMPTY) square(pixel[i], grey);
  for (let k = 0; k < counts.length; k++) {
    if (!counts[k]) continue;
    const c = palette[Math.round(255 * Math.min(1, Math.log(near[k]) / Math.log(most)))];
    square(k, 0xff000000 | (c[2] << 16) | (c[1] << 8) | c[0]);
  }
  ctx.putImageData(image, 0, 0);
  return most;
}

// The end of the scale: what 1 point in 100 has beyond it does not eat the colours.
function highest(counts, near) {
  let found = near.filter((_, k) => counts[k]);
  const step = Math.ceil(found.length / 20_000);
  if (step > 1) found = found.filter((_, k) => k % step === 0);
  found.sort();
  return found[Math.floor(0.99 * (found.length - 1))] ?? 1;
}

// Sums over squares of 2 r + 1 pixels, by running sums along rows and then along columns.
function smoothed(counts, width, height, r) {
  const rows = new Float32Array(counts.length);
  run(counts, rows, height, width, width, 1, r);
  const out = new Float32Array(counts.length);
  run(rows, out, width, height, 1, width, r);
  return out;
}

// Lines of `length` steps of `step`, the next line `stride` further on.
function run(from, to, lines, length, stride, step, r) {
  for (let line = 0; line < lines; line++) {
    const first = line * stride;
    let sum = 0;
    for (let k = 0; k < Math.min(r, length); k++) sum += from[first + k * step];
    for (let k = 0; k < length; k++) {
      if (k + r < length) sum += from[first + (k + r) * step];
      if (k > r) sum -= from[first + (k - r - 1) * step];
      to[first + k * step] = sum;
    }
  }
}

function bin(ctx, job) {
  const { width, height } = ctx.canvas;
  const pixels = width * height;
  const s = room(pixels);
  const n = job.inside + job.around;
  const large = width > 800 * job.dense ? 3 : 2;
  const size = Math.max(1, Math.round(job.dense * (n > 150_000 ? 1 : n > 40_000 ? 2 : large)));
  for (let dy = 0; dy < size; dy++) {
    for (let dx = 0; dx < size; dx++) add(s, job, dy * width + dx, pixels);
  }
  const image = ctx.createImageData(width, height);
  shade(new Uint32Array(image.data.buffer), s, pixels, job.beside);
  ctx.putImageData(image, 0, 0);
}

// Count every point `offset` pixels further on.
function add(s, { pixel, mask, code, palette }, offset, pixels) {
  const { sums, beside } = s;
  const [r, g, b] = [0, 1, 2].map((k) => Uint32Array.from({ length: 256 }, (_, j) => palette[j]?.[k] ?? 0));
  for (let i = 0; i < mask.length; i++) {
    const kind = mask[i];
    if (!kind || pixel[i] === EMPTY) continue;
    const k = pixel[i] + offset;
    if (k >= pixels) continue;
    if (kind === BESIDE) {
      beside[k]++;
      continue;
    }
    const j = k << 2;
    sums[j + 3]++;
    const c = code[i];
    sums[j] += r[c];
    sums[j + 1] += g[c];
    sums[j + 2] += b[c];
  }
}

// The colour is the mean of a pixel's points, the opacity grows with the logarithm of their number.
// Little-endian words: alpha, blue, green, red.
function shade(words, s, pixels, beside) {
  const { sums } = s;
  let most = 1;
  for (let j = 3; j < 4 * pixels; j += 4) if (sums[j] > most) most = sums[j];
  const full = Math.log1p(Math.min(most, 60));
  const strength = Float64Array.from({ length: 1024 }, (_, n) => Math.min(1, Math.log1p(n) / full));
  const grey = (beside[2] << 16) | (beside[1] << 8) | beside[0];
  for (let k = 0, j = 0; k < pixels; k++, j += 4) {
    const n = sums[j + 3];
    if (n) {
      const t = n < 1024 ? strength[n] : Math.min(1, Math.log1p(n) / full);
      const alpha = 128 + Math.round(127 * t);
      words[k] = (alpha << 24) | ((sums[j + 2] / n) << 16) | ((sums[j + 1] / n) << 8) | (sums[j] / n);
    } else if (s.beside[k]) {
      words[k] = (Math.min(150, 70 + 20 * s.beside[k]) << 24) | grey;
    }
  }
}

function stamp(ctx, { x, y, mask, code, palette, shapes, beside, dense, inside }) {
  const { width, height } = ctx.canvas;
  const small = Math.min(1, Math.max(0.55, width / (800 * dense)));
  const r = dense * small * (inside < 300 ? 5 : inside < 2500 ? 4 : 2.8);
  const stamps = new Map();
  const draw = (i, key, colour, shape, alpha) => {
    if (ctx.mark) return ctx.mark(key, shape, colour, x[i], y[i], r, alpha); // an SVG
    if (!stamps.has(key)) stamps.set(key, makeStamp(shape, colour, r, alpha));
    return ctx.drawImage(stamps.get(key), x[i] - r - 1, y[i] - r - 1);
  };
  const seen = (i) => x[i] >= -r && x[i] < width + r && y[i] >= -r && y[i] < height + r;
  for (let i = 0; i < mask.length; i++) {
    if (mask[i] === BESIDE && seen(i)) draw(i, "beside", beside, "o", 0.35);
  }
  for (let i = 0; i < mask.length; i++) {
    if (mask[i] === IN && seen(i)) draw(i, code[i], palette[code[i]], shapes?.[code[i]] ?? "o", 0.85);
  }
}

function makeStamp(shape, colour, r, alpha) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = Math.ceil(2 * r + 2);
  const ctx = canvas.getContext("2d");
  ctx.fillStyle = `rgba(${colour.join(",")},${alpha})`;
  ctx.beginPath();
  trace(ctx, shape, r + 1, r + 1, r);
  ctx.fill();
  return canvas;
}

// The chosen point nearest to a place, at most `reach` pixels away; -1 where there is none.
export function nearest({ x, y, mask }, px, py, reach) {
  let best = reach * reach;
  let found = -1;
  for (let i = 0; i < mask.length; i++) {
    if (mask[i] !== IN) continue;
    const dx = x[i] - px;
    const dy = y[i] - py;
    const d = dx * dx + dy * dy;
    if (d < best) {
      best = d;
      found = i;
    }
  }
  return found;
}
