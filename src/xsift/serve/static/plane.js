// What the sky and the feature plane share: two canvases, one for the points and one above for what
// moves; a pointer that drags, draws, hovers and picks; keys that do the same.

import { catalogue, namesOf, column } from "./catalogue.js";
import { el, perFrame, shown, probability } from "./dom.js";
import { nearest } from "./points.js";
import { set } from "./state.js";

// Pixels of a canvas for each of the page; a figure has its own.
export const density = { forced: 0 };
export const dense = () => density.forced || Math.min(2, globalThis.devicePixelRatio || 1);

export class Plane {
  // `view` draws: it has draw(), drawOver(ctx), moved(dx, dy), zoomed(factor, x, y), reset(), and
  // drawn(path), called with the corners of what a tool drew.
  constructor(host, label, view) {
    this.view = view;
    this.points = el("canvas", { class: "points", "aria-hidden": "true" });
    this.over = el("canvas", { class: "over", tabindex: "0", role: "application", "aria-label": label });
    this.host = el("div", { class: "plane" }, this.points, this.over);
    host.append(this.host);
    this.tool = "move";
    this.place = null; // x, y, mask of what was drawn last
    this.hovered = -1;
    this.path = [];
    this.pointers = new Map();
    this.draw = perFrame(() => this.isShown() && this.view.draw());
    this.drawOver = perFrame(() => this.isShown() && this.paintOver());
    new ResizeObserver(() => this.resize()).observe(this.host);
    this.listen();
  }

  isShown() {
    return this.host.offsetWidth > 0 && this.points.width > 0;
  }

  resize() {
    const [w, h] = [this.host.clientWidth, this.host.clientHeight].map((v) => Math.round(v * dense()));
    if (!w || !h || (this.points.width === w && this.points.height === h)) return;
    for (const canvas of [this.points, this.over]) Object.assign(canvas, { width: w, height: h });
    this.view.draw();
    this.paintOver();
  }

  paintOver() {
    const ctx = this.over.getContext("2d");
    ctx.clearRect(0, 0, this.over.width, this.over.height);
    this.view.drawOver(ctx);
  }

  at(event) {
    const box = this.over.getBoundingClientRect();
    return [(event.clientX - box.left) * dense(), (event.clientY - box.top) * dense()];
  }

  listen() {
    const { over } = this;
    over.addEventListener("pointerdown", (e) => this.down(e));
    over.addEventListener("pointermove", (e) => this.move(e));
    for (const kind of ["pointerup", "pointercancel"]) over.addEventListener(kind, (e) => this.up(e));
    over.addEventListener("pointerleave", () => this.hover(-1));
    over.addEventListener("wheel", (e) => {
      e.preventDefault();
      this.view.zoomed(Math.exp(-Math.max(-60, Math.min(60, e.deltaY)) / 200), ...this.at(e));
    }, { passive: false });
    over.addEventListener("dblclick", () => this.view.reset());
    over.addEventListener("keydown", (e) => this.key(e));
  }

  down(event) {
    if (event.button) return;
    this.over.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, this.at(event));
    this.start = this.at(event);
    this.far = 0;
    this.path = this.tool === "move" ? [] : [this.start];
    this.hover(-1);
  }

  move(event) {
    const here = this.at(event);
    const last = this.pointers.get(event.pointerId);
    if (!last) {
      this.pointAt(here, event);
      return;
    }
    if (this.pointers.size === 2) this.pinch(event.pointerId, here);
    else if (this.tool === "move") this.view.moved(here[0] - last[0], here[1] - last[1]);
    else {
      const end = this.path.at(-1);
      if (this.tool !== "lasso") this.path = [this.start, here];
      else if (Math.hypot(end[0] - here[0], end[1] - here[1]) > 4 * dense()) this.path.push(here);
      this.drawOver();
    }
    this.far = Math.max(this.far, Math.hypot(here[0] - this.start[0], here[1] - this.start[1]));
    this.pointers.set(event.pointerId, here);
  }

  pinch(id, here) {
    const [other] = [...this.pointers.entries()].filter(([k]) => k !== id).map(([, v]) => v);
    const last = this.pointers.get(id);
    const size = (a) => Math.hypot(a[0] - other[0], a[1] - other[1]);
    const middle = [(here[0] + other[0]) / 2, (here[1] + other[1]) / 2];
    if (size(last) > 0) this.view.zoomed(size(here) / size(last), ...middle);
  }

  up(event) {
    if (!this.pointers.delete(event.pointerId)) return;
    const path = this.path;
    this.path = [];
    if (this.far < 5 * dense()) {
      const found = this.find(this.at(event), event.pointerType === "touch" ? 18 : 9);
      if (found >= 0) openCard(found);
    } else if (path.length > 1) this.view.drawn(path);
    this.drawOver();
  }

  find([x, y], reach = 9) {
    return this.place ? nearest(this.place, x, y, reach * dense()) : -1;
  }

  pointAt(here, event) {
    if (this.waiting) return;
    this.waiting = requestAnimationFrame(() => {
      this.waiting = 0;
      this.hover(this.find(here), event);
    });
  }

  hover(index, event) {
    if (index === this.hovered && index < 0) return;
    this.hovered = index;
    this.over.classList.toggle("on-source", index >= 0);
    this.drawOver();
    tip(index, event, this.view.saying?.(index) ?? []);
  }

  key(event) {
    const step = 40 * dense();
    const middle = [this.over.width / 2, this.over.height / 2];
    const keys = {
      ArrowLeft: () => this.view.moved(step, 0),
      ArrowRight: () => this.view.moved(-step, 0),
      ArrowUp: () => this.view.moved(0, step),
      ArrowDown: () => this.view.moved(0, -step),
      "+": () => this.view.zoomed(1.4, ...middle),
      "=": () => this.view.zoomed(1.4, ...middle),
      "-": () => this.view.zoomed(1 / 1.4, ...middle),
      0: () => this.view.reset(),
      Enter: () => {
        const found = this.find(middle, 1e4);
        if (found >= 0) openCard(found);
      },
    };
    if (!keys[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    keys[event.key]();
  }
}

export async function openCard(index) {
  const [name] = await namesOf([index]);
  set({ card: String(name) });
}

let tipped = -1;

// The small note beside the pointer: name, class and probability, and what the view adds.
export async function tip(index, event, more = []) {
  const box = document.getElementById("tip");
  tipped = index;
  if (index < 0) {
    box.hidden = true;
    return;
  }
  const [name] = await namesOf([index]).catch(() => ["…"]);
  if (tipped !== index) return;
  const found = catalogue.classes[column("class")[index]];
  const p = column("p_class")?.[index];
  box.replaceChildren(
    el("strong", {}, String(name)),
    el("span", {}, `${found ? found.label : "no class"}, p ${probability(p)}`),
    ...more.map(([label, value]) => el("span", {}, `${label} ${shown(value, 4)}`)),
  );
  box.hidden = false;
  const [w, h] = [box.offsetWidth, box.offsetHeight];
  const x = event.clientX + 16 + w > innerWidth ? event.clientX - w - 12 : event.clientX + 16;
  const y = event.clientY + 16 + h > innerHeight ? event.clientY - h - 12 : event.clientY + 16;
  box.style.transform = `translate(${Math.max(4, x)}px, ${Math.max(4, y)}px)`;
}

// Buttons of which one is down.
export function tools(choices, chosen, pick, label) {
  const bar = el("div", { class: "tools", role: "group", "aria-label": label });
  for (const [key, name, title] of choices) {
    bar.append(el("button", {
      type: "button", title, "aria-pressed": String(key === chosen), "data-key": key,
      onclick: () => {
        for (const b of bar.children) b.setAttribute("aria-pressed", String(b.dataset.key === key));
        pick(key);
      },
    }, name));
  }
  return bar;
}

// What was classified here, as crosses.
export function crosses(ctx, points, colour) {
  ctx.strokeStyle = colour;
  ctx.lineWidth = (points.length > 200 ? 1.1 : 1.8) * dense();
  const r = (points.length > 200 ? 2.5 : 5) * dense();
  ctx.beginPath();
  for (const [x, y] of points) {
    ctx.moveTo(x - r, y - r);
    ctx.lineTo(x + r, y + r);
    ctx.moveTo(x + r, y - r);
    ctx.lineTo(x - r, y + r);
  }
  ctx.stroke();
}

export function ring(ctx, x, y, colour, r = 9) {
  ctx.strokeStyle = colour;
  ctx.lineWidth = 2 * dense();
  ctx.beginPath();
  ctx.arc(x, y, r * dense(), 0, 2 * Math.PI);
  ctx.stroke();
}
