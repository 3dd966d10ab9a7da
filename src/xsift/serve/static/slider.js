// A range with two ends over a small histogram. Both ends are native sliders: keys work, and a
// screen reader says their value.

import { ink } from "./colours.js";
import { el } from "./dom.js";
import { IN } from "./selection.js";

const BINS = 60;

export class Slider {
  // low and high: keys of the state; `ends`: least and greatest value; `only`: one end alone.
  constructor({ label, ends, step = 0.01, low, high, written = String, column, act }) {
    Object.assign(this, { ends, step, written, act, low, high, column, base: null });
    this.value = el("output", {});
    this.picture = el("canvas", { width: 240, height: 26, "aria-hidden": "true" });
    this.inputs = {};
    for (const key of [low, high].filter(Boolean)) {
      const end = key === low ? "least" : "greatest";
      this.inputs[key] = el("input", {
        type: "range", min: ends[0], max: ends[1], step, "aria-label": `${label}, ${end}`,
        "data-filter": key,
        oninput: () => this.changed(key, true),
        onchange: () => this.changed(key, false),
      });
    }
    this.element = el("div", { class: "slider" },
      el("div", { class: "slider-head" }, el("span", {}, label), this.value),
      this.picture,
      el("div", { class: low && high ? "ends two" : "ends" }, ...Object.values(this.inputs)));
  }

  changed(key, isDragging) {
    const [a, b] = [this.low && Number(this.inputs[this.low].value), this.high && Number(this.inputs[this.high].value)];
    let value = Number(this.inputs[key].value);
    // One end pushes no further than the other.
    if (this.low && this.high && a > b) value = key === this.low ? b : a;
    this.inputs[key].value = value;
    this.act(key, value, isDragging);
  }

  show(values) {
    for (const [key, input] of Object.entries(this.inputs)) input.value = values[key];
    const a = this.low ? values[this.low] : this.ends[0];
    const b = this.high ? values[this.high] : this.ends[1];
    this.value.textContent = this.low && this.high ? `${this.written(a)} to ${this.written(b)}` : this.low ? `≥ ${this.written(a)}` : `≤ ${this.written(b)}`;
    this.shares = [a, b].map((v) => (v - this.ends[0]) / (this.ends[1] - this.ends[0] || 1));
    for (const [key, input] of Object.entries(this.inputs)) input.setAttribute("aria-valuetext", this.written(values[key]));
  }

  // All sources grey, the chosen ones over them.
  draw(values, mask, get = (v) => v) {
    if (!values) return;
    const [low, high] = this.ends;
    const bin = (v) => Math.min(BINS - 1, Math.floor(((get(v) - low) / (high - low)) * BINS));
    if (!this.base) {
      this.base = new Float32Array(BINS);
      this.bins = new Uint8Array(values.length);
      for (let i = 0; i < values.length; i++) {
        const k = bin(values[i]);
        this.bins[i] = k >= 0 && k < BINS ? k : 255;
        if (this.bins[i] < BINS) this.base[k]++;
      }
      this.most = Math.max(...this.base, 1);
    }
    const chosen = new Uint32Array(256);
    for (let i = 0; i < mask.length; i++) if (mask[i] === IN) chosen[this.bins[i]]++;
    this.paint(chosen);
  }

  paint(chosen) {
    const ctx = this.picture.getContext("2d");
    const { width, height } = this.picture;
    ctx.clearRect(0, 0, width, height);
    const w = width / BINS;
    // The square root lets the rare values be seen.
    const tall = (n) => (n ? Math.max(1, Math.sqrt(n / this.most) * height) : 0);
    for (let k = 0; k < BINS; k++) {
      ctx.fillStyle = ink("line");
      ctx.fillRect(k * w, height - tall(this.base[k]), w - 0.6, tall(this.base[k]));
      ctx.fillStyle = ink("accent");
      ctx.fillRect(k * w, height - tall(chosen[k]), w - 0.6, tall(chosen[k]));
    }
  }
}
