// Points on a canvas: shapes while they can be told apart, binned into pixels when there are many.

import { trace } from "./marks.js";
import { BESIDE, IN } from "./selection.js";

const FEW = 12_000;
let sums = null; // reused between frames: red, green, blue, count, count of those beside

function room(pixels) {
  if (!sums || sums.count.length < pixels) {
    sums = {
      red: new Float32Array(pixels), green: new Float32Array(pixels), blue: new Float32Array(pixels),
      count: new Float32Array(pixels), beside: new Float32Array(pixels),
    };
  }
  for (const name of Object.keys(sums)) sums[name].fill(0, 0, pixels);
  return sums;
}

// x, y: (n,) in pixels of the canvas, NaN where there is no such point. code: (n,) into `palette`
// ([r, g, b] each) and `shapes`; null: density, `palette` is then a scale of 256.
// Returns how many chosen points lie in the canvas.
export function paint(canvas, { x, y, mask, code, palette, shapes, beside, dense = 1 }) {
  const ctx = canvas.getContext("2d");
  const { width, height } = canvas;
  ctx.clearRect(0, 0, width, height);
  let inside = 0;
  let around = 0;
  for (let i = 0; i < mask.length; i++) {
    if (x[i] >= 0 && x[i] < width && y[i] >= 0 && y[i] < height) {
      if (mask[i] === IN) inside++;
      else if (mask[i] === BESIDE) around++;
    }
  }
  const job = { x, y, mask, code, palette, shapes, beside, dense, inside, around };
  if (inside + around > FEW || !code) bin(ctx, job);
  else stamp(ctx, job);
  return inside;
}

function bin(ctx, { x, y, mask, code, palette, beside, dense, inside, around }) {
  const { width, height } = ctx.canvas;
  const pixels = width * height;
  const s = room(pixels);
  const n = inside + around;
  const large = width > 800 * dense ? 3 : 2;
  const size = Math.max(1, Math.round(dense * (n > 150_000 ? 1 : n > 40_000 ? 2 : large)));
  for (let i = 0; i < mask.length; i++) {
    const kind = mask[i];
    if (!kind) continue;
    const px = x[i] | 0;
    const py = y[i] | 0;
    if (!(x[i] >= 0 && y[i] >= 0 && px < width - size && py < height - size)) continue;
    const c = code ? palette[code[i]] : null;
    for (let dy = 0; dy < size; dy++) {
      for (let dx = 0, k = (py + dy) * width + px; dx < size; dx++, k++) {
        if (kind === BESIDE) {
          s.beside[k]++;
          continue;
        }
        s.count[k]++;
        if (c) {
          s.red[k] += c[0];
          s.green[k] += c[1];
          s.blue[k] += c[2];
        }
      }
    }
  }
  const image = ctx.createImageData(width, height);
  shade(image.data, s, pixels, code ? null : palette, beside);
  ctx.putImageData(image, 0, 0);
}

// The colour is the mean of a pixel's points, the opacity grows with the logarithm of their number.
function shade(data, s, pixels, ramp, beside) {
  let most = 1;
  for (let k = 0; k < pixels; k++) if (s.count[k] > most) most = s.count[k];
  const full = Math.log1p(ramp ? most : Math.min(most, 60));
  for (let k = 0, j = 0; k < pixels; k++, j += 4) {
    const n = s.count[k];
    if (n) {
      const strength = Math.min(1, Math.log1p(n) / full);
      const c = ramp ? ramp[Math.round(255 * strength)] : null;
      data[j] = c ? c[0] : s.red[k] / n;
      data[j + 1] = c ? c[1] : s.green[k] / n;
      data[j + 2] = c ? c[2] : s.blue[k] / n;
      data[j + 3] = c ? 255 : 255 * (0.5 + 0.5 * strength);
    } else if (s.beside[k]) {
      [data[j], data[j + 1], data[j + 2]] = beside;
      data[j + 3] = Math.min(150, 70 + 20 * s.beside[k]);
    }
  }
}

function stamp(ctx, { x, y, mask, code, palette, shapes, beside, dense, inside }) {
  const { width, height } = ctx.canvas;
  const r = dense * (inside < 300 ? 5 : inside < 2500 ? 4 : 2.8);
  const stamps = new Map();
  const draw = (i, key, colour, shape, alpha) => {
    if (!stamps.has(key)) stamps.set(key, makeStamp(shape, colour, r, alpha));
    ctx.drawImage(stamps.get(key), x[i] - r - 1, y[i] - r - 1);
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
