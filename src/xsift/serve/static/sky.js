// The sky: a map of the whole catalogue in Galactic coordinates that needs no network, and Aladin Lite.

import { Atlas } from "./atlas.js";
import { catalogue, column } from "./catalogue.js";
import { ink, markerOf, ofGroup, rgb } from "./colours.js";
import { count, el, shown } from "./dom.js";
import { figureMenu, heightLike, keysOfGroups, paintPlane } from "./figure.js";
import { Hammer, separation, toEquatorial, toGalactic } from "./geometry.js";
import { legend } from "./legend.js";
import { notice } from "./notice.js";
import { own } from "./own.js";
import { Plane, crosses, dense, ring, tools } from "./plane.js";
import { paint } from "./points.js";
import { allDirections, selection } from "./selection.js";
import { drawGrid, drawGround, drawNumbers, fieldOf } from "./sky_grid.js";
import { drawPlaces } from "./sky_places.js";
import { drawStars } from "./star_marks.js";
import { set, state } from "./state.js";

const HOME = [0, 0, 1];

export class Sky {
  constructor(section) {
    this.section = section;
    this.status = el("span", { class: "where" });
    this.bar = el("div", { class: "bar" },
      tools([["map", "All-sky map"], ["atlas", "Sky survey", "Pictures of the sky in Aladin Lite, which is loaded from CDS now"]], "map", (k) => set({ atlas: k === "atlas" }), "Kind of map"),
      this.mapTools(),
      el("span", { class: "grow" }), this.status);
    this.mapHost = el("div", { class: "fill" });
    this.atlasHost = el("div", { class: "fill", hidden: true });
    this.room = el("div", { class: "room" }, el("div", { class: "stage" }, this.mapHost, this.atlasHost));
    section.append(this.bar, legend(), this.room);
    this.layer = document.createElement("canvas");
    this.plane = new Plane(this.mapHost,
      "Map of the sky in Galactic coordinates. Arrow keys move, plus and minus zoom, 0 shows all, Enter opens the source nearest to the centre.", this);
    this.atlas = new Atlas(this.atlasHost, {
      centre: () => this.centre(), say: (text) => (this.status.textContent = text), refused: (why) => this.refused(why),
    });
  }

  // The button says why there is no survey; pressing it tries again.
  refused(why) {
    const button = this.bar.querySelector("[data-key=atlas]");
    button.textContent = "Sky survey: not available";
    button.title = `Aladin Lite: ${why}. xsift serve --aladin FILE takes a copy of yours`;
    notice(`No sky survey: ${why}. The map shows the same sources. With a copy of Aladin Lite: xsift serve --aladin FILE`, { again: true });
  }

  mapTools() {
    this.toolBar = el("div", { class: "tools-row" },
      tools([["move", "Move", "Drag to move, wheel to zoom"], ["circle", "Select circle", "Drag from a centre: keeps the sources inside"]],
        "move", (k) => (this.plane.tool = k), "What dragging does"),
      el("div", { class: "tools", role: "group", "aria-label": "Zoom" },
        ...[["+", "Zoom in", 1.6], ["−", "Zoom out", 1 / 1.6]].map(([sign, title, factor]) =>
          el("button", { type: "button", title, "aria-label": title, onclick: () => this.zoomMiddle(factor) }, sign)),
        el("button", { type: "button", title: "Show the whole sky", onclick: () => this.reset() }, "Whole sky")), figureMenu(this));
    return this.toolBar;
  }

  zoomMiddle(factor) {
    this.zoomed(factor, this.plane.over.width / 2, this.plane.over.height / 2);
  }

  update(changed) {
    if (!catalogue.has.positions) {
      this.status.textContent = "This catalogue has no positions";
      return;
    }
    this.mapHost.hidden = this.toolBar.hidden = state.atlas;
    this.atlasHost.hidden = !state.atlas;
    for (const b of this.bar.querySelectorAll("[data-key=map], [data-key=atlas]")) {
      b.setAttribute("aria-pressed", String((b.dataset.key === "atlas") === state.atlas));
    }
    this.room.classList.toggle("whole", !state.atlas && this.centre()[2] <= 1.05);
    if (state.atlas) this.atlas.show(changed);
    else this.plane.draw();
  }

  figure() {
    const [l, b, zoom] = this.centre();
    const isWhole = zoom <= 1.05;
    return {
      title: isWhole ? "Sky in Galactic coordinates, Hammer projection" : `Sky in Galactic coordinates about l ${shown(l, 5)}°, b ${shown(b, 5)}°`,
      name: "sky", height: isWhole ? 410 : heightLike(this.plane.points), keys: keysOfGroups,
      paint: (canvas, layer) => paintPlane(this, canvas, layer),
    };
  }

  centre() {
    return state.sky ?? HOME;
  }

  mapFor(canvas) {
    const [l, b, zoom] = this.centre();
    const { width, height } = canvas;
    const whole = Math.min(width / (4 * Math.SQRT2), height / (2 * Math.SQRT2)) * 0.97;
    return new Hammer(l, b, whole * zoom, width / 2, height / 2);
  }

  draw() {
    const v = allDirections();
    const canvas = this.plane.points;
    if (!v || !catalogue.has.positions) return;
    const map = (this.map = this.mapFor(canvas));
    const n = catalogue.n_sources;
    this.place ??= { x: new Float32Array(n), y: new Float32Array(n) };
    // While a filter is dragged the map stands still.
    const where = `${this.centre()} ${canvas.width} ${canvas.height}`;
    if (where !== this.place.moved) map.project(v, this.place.x, this.place.y);
    this.place.moved = where;
    this.plane.place = { x: this.place.x, y: this.place.y, mask: selection.mask };
    Object.assign(this.layer, { width: canvas.width, height: canvas.height });
    const { inside } = paint(this.layer, {
      place: this.place, mask: selection.mask, code: column("group"), dense: dense(),
      palette: catalogue.groups.map((g) => rgb(ofGroup(g))).concat([[127, 127, 127]]),
      shapes: catalogue.groups.map(markerOf), beside: rgb(ink("beside")),
    });
    const ctx = canvas.getContext("2d");
    ctx.clearRect(0, 0, canvas.width, canvas.height);
    drawGround(ctx, map);
    const grid = drawGrid(ctx, map);
    ctx.drawImage(this.layer, 0, 0);
    drawNumbers(ctx, map, grid);
    // The tests read where the names stand.
    this.names = drawPlaces(ctx, map, this.plane.place);
    this.plane.points.dataset.names = JSON.stringify(this.names);
    this.say(inside);
    this.plane.drawOver();
  }

  say(inside) {
    const [wide, high] = fieldOf(this.map, this.plane.points);
    const [l, b] = this.centre();
    const field = this.centre()[2] > 1.05 ? ` · ${shown(wide, 2)}° × ${shown(high, 2)}°` : "";
    this.status.textContent = `${count(inside)} in view · l ${shown(l, 5)}° b ${shown(b, 5)}°${field}`;
  }

  drawOver(ctx) {
    const map = this.map;
    if (!map) return;
    const { place, hovered, path } = this.plane;
    const accent = ink("accent");
    if (state.cone) this.circle(ctx, map, toGalactic(state.cone[0], state.cone[1]), state.cone[2], accent);
    if (path.length === 2) {
      const [from, to] = path.map((p) => map.direction(...p));
      if (from && to) this.circle(ctx, map, from, separation(from, to), accent);
    }
    crosses(ctx, own.galactic.map(([l, b]) => map.point(l, b)), ink("ink"));
    if (state.at) this.aim(ctx, ...map.point(...toGalactic(...state.at)), accent);
    drawStars(ctx, place);
    if (hovered >= 0) ring(ctx, place.x[hovered], place.y[hovered], accent);
    if (own.opened >= 0 && place) ring(ctx, place.x[own.opened], place.y[own.opened], accent, 11);
  }

  aim(ctx, x, y, colour) {
    ctx.strokeStyle = colour;
    ctx.lineWidth = 2 * dense();
    ctx.beginPath();
    for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
      ctx.moveTo(x + dx * 7 * dense(), y + dy * 7 * dense());
      ctx.lineTo(x + dx * 20 * dense(), y + dy * 20 * dense());
    }
    ctx.stroke();
  }

  circle(ctx, map, [l, b], radius, colour) {
    ctx.strokeStyle = colour;
    ctx.lineWidth = 1.5 * dense();
    ctx.setLineDash([6 * dense(), 4 * dense()]);
    ctx.beginPath();
    let last = null;
    for (const point of circleAround(l, b, radius)) {
      const [x, y] = map.point(...point);
      const jumps = last && Math.hypot(x - last[0], y - last[1]) > map.scale;
      ctx[last && !jumps ? "lineTo" : "moveTo"](x, y);
      last = [x, y];
    }
    ctx.stroke();
    ctx.setLineDash([]);
  }

  moved(dx, dy) {
    if (!this.map) return;
    const [l, b, zoom] = this.centre();
    const degrees = 180 / Math.PI / this.map.scale;
    const lat = Math.max(-90, Math.min(90, b + dy * degrees));
    const lon = l + (dx * degrees) / Math.max(0.1, Math.cos((b * Math.PI) / 180));
    this.turn(lon, lat, zoom);
  }

  zoomed(factor, x, y) {
    const [l, b, zoom] = this.centre();
    const next = Math.max(1, Math.min(20_000, zoom * factor));
    if (next === 1) {
      this.turn(l, b, 1);
      return;
    }
    // What is under the pointer stays there.
    const degrees = (180 / Math.PI / this.map.scale) * (1 - zoom / next);
    const lat = Math.max(-90, Math.min(90, b + (this.map.y0 - y) * degrees));
    const lon = l + ((this.map.x0 - x) * degrees) / Math.max(0.1, Math.cos((b * Math.PI) / 180));
    this.turn(lon, lat, next);
  }

  turn(l, b, zoom) {
    const round = (v) => Number(v.toPrecision(8));
    set({ sky: [round(((l % 360) + 360) % 360), round(b), round(zoom)] }, { replace: true });
  }

  reset() {
    set({ sky: null });
  }

  // A circle was drawn: its centre and a point of its edge.
  drawn([from, to]) {
    const [a, b] = [this.map.direction(...from), this.map.direction(...to)];
    if (!a || !b) return;
    const round = (v, digits) => Number(v.toFixed(digits));
    const [ra, dec] = toEquatorial(...a);
    set({ cone: [round(ra, 5), round(dec, 5), Math.max(1e-5, round(separation(a, b), 5))] });
  }
}

function circleAround(l, b, radius) {
  const d = Math.PI / 180;
  return Array.from({ length: 121 }, (_, k) => {
    const angle = (k / 60) * Math.PI;
    const lat = Math.asin(Math.sin(b * d) * Math.cos(radius * d) + Math.cos(b * d) * Math.sin(radius * d) * Math.cos(angle));
    const lon = Math.atan2(
      Math.sin(angle) * Math.sin(radius * d) * Math.cos(b * d),
      Math.cos(radius * d) - Math.sin(b * d) * Math.sin(lat));
    return [l + lon / d, lat / d];
  });
}
