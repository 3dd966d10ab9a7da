// Axes: linear or logarithmic (once: the values are plotted at log10 and labelled as they are).

import { ink } from "./colours.js";
import { shown } from "./dom.js";
import { dense } from "./plane.js";

export class Axis {
  // low and high are values of the column; `from` and `to` pixels.
  constructor(low, high, isLog, from, to) {
    Object.assign(this, { low, high, isLog, from, to });
    const a = isLog ? Math.log10(low) : low;
    const b = isLog ? Math.log10(high) : high;
    this.factor = (to - from) / (b - a || 1);
    this.offset = from - a * this.factor;
  }

  at(value) {
    return this.offset + (this.isLog ? Math.log10(value) : value) * this.factor;
  }

  value(pixel) {
    const t = (pixel - this.offset) / this.factor;
    return this.isLog ? 10 ** t : t;
  }

  // Ticks with their text; on a log axis the decades, and 2 and 5 where there are few.
  ticks(about = 7) {
    return this.isLog ? this.decades(about) : this.steps(about);
  }

  steps(about) {
    const span = this.high - this.low;
    const raw = span / about;
    const power = 10 ** Math.floor(Math.log10(raw));
    const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= raw) ?? power;
    const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
    const out = [];
    for (let k = Math.ceil(this.low / step - 1e-9); k * step <= this.high + step * 1e-9; k++) {
      const value = k * step;
      const size = Math.max(Math.abs(this.low), Math.abs(this.high));
      const text = size >= 1e5 || size < 1e-3 ? shown(Number(value.toPrecision(6)), 3) : value.toFixed(digits).replace("-", "−");
      out.push([value, text]);
    }
    return out;
  }

  decades(about) {
    const [a, b] = [Math.log10(this.low), Math.log10(this.high)];
    if (b - a < 0.7) return this.steps(about);
    const every = Math.max(1, Math.ceil((b - a) / about));
    const inner = b - a < 2.5 ? [1, 2, 5] : [1];
    const out = [];
    for (let e = Math.ceil(a / every - 1) * every; e <= b + every; e += every) {
      for (const m of inner) {
        const value = m * 10 ** e;
        if (value >= this.low * 0.9999 && value <= this.high * 1.0001) out.push([value, power(m, e)]);
      }
    }
    return out;
  }
}

const RAISED = { "-": "⁻", 0: "⁰", 1: "¹", 2: "²", 3: "³", 4: "⁴", 5: "⁵", 6: "⁶", 7: "⁷", 8: "⁸", 9: "⁹" };

function power(m, e) {
  if (e >= -2 && e <= 3) return String(Number((m * 10 ** e).toPrecision(2)));
  const raised = [...String(e)].map((c) => RAISED[c]).join("");
  return m === 1 ? `10${raised}` : `${m}×10${raised}`;
}

const font = (size) => `${size * dense()}px system-ui, sans-serif`;

export function drawAxes(ctx, { x, y, xName, yName, area }) {
  const d = dense();
  ctx.fillStyle = ink("sky");
  ctx.fillRect(area.left, area.top, area.right - area.left, area.bottom - area.top);
  ctx.strokeStyle = ink("grid");
  ctx.lineWidth = d;
  ctx.font = font(11.5);
  ctx.fillStyle = ink("faint");
  ctx.textAlign = "center";
  ctx.textBaseline = "top";
  for (const [value, text] of x.ticks(Math.max(3, (area.right - area.left) / (90 * d)))) {
    const at = Math.round(x.at(value)) + 0.5;
    rule(ctx, at, area.top, at, area.bottom);
    ctx.fillText(text, at, area.bottom + 6 * d);
  }
  ctx.textAlign = "right";
  ctx.textBaseline = "middle";
  for (const [value, text] of y.ticks(Math.max(3, (area.bottom - area.top) / (60 * d)))) {
    const at = Math.round(y.at(value)) + 0.5;
    rule(ctx, area.left, at, area.right, at);
    ctx.fillText(text, area.left - 6 * d, at);
  }
  ctx.fillStyle = ink("ink");
  ctx.font = font(13);
  ctx.textAlign = "center";
  ctx.fillText(xName + (x.isLog ? " (log)" : ""), (area.left + area.right) / 2, ctx.canvas.height - 12 * d);
  ctx.save();
  ctx.translate(13 * d, (area.top + area.bottom) / 2);
  ctx.rotate(-Math.PI / 2);
  ctx.fillText(yName + (y.isLog ? " (log)" : ""), 0, 0);
  ctx.restore();
  ctx.strokeStyle = ink("line-strong");
  ctx.strokeRect(area.left + 0.5, area.top + 0.5, area.right - area.left, area.bottom - area.top);
}

function rule(ctx, x0, y0, x1, y1) {
  ctx.beginPath();
  ctx.moveTo(x0, y0);
  ctx.lineTo(x1, y1);
  ctx.stroke();
}

// The scale of a third feature, right of the plot.
export function drawColourBar(ctx, { scale, axis, name, left, top, bottom }) {
  const d = dense();
  const height = bottom - top;
  for (let k = 0; k < height; k++) {
    ctx.fillStyle = `rgb(${scale[Math.round(254 * (1 - k / height))].join(",")})`;
    ctx.fillRect(left, top + k, 12 * d, 1.5);
  }
  ctx.fillStyle = ink("faint");
  ctx.font = font(11.5);
  ctx.textAlign = "left";
  ctx.textBaseline = "middle";
  for (const [value, text] of axis.ticks(6)) ctx.fillText(text, left + 16 * d, axis.at(value));
  ctx.save();
  ctx.translate(ctx.canvas.width - 9 * d, (top + bottom) / 2);
  ctx.rotate(-Math.PI / 2);
  ctx.fillStyle = ink("ink");
  ctx.font = font(13);
  ctx.textAlign = "center";
  ctx.fillText(name + (axis.isLog ? " (log)" : ""), 0, 0);
  ctx.restore();
}
