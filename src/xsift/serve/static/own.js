// What a reader classified here, and which source's card is open: all views show both.

import { toGalactic } from "./geometry.js";

export const own = {
  rows: [], // what the maps draw of the detections: positions and features
  galactic: [], // their directions, of those that have one
  total: 0, // how many were classified
  redraw() {},
  take(drawn, total) {
    const names = Object.keys(drawn);
    const n = drawn[names[0]]?.length ?? 0;
    own.rows = Array.from({ length: n }, (_, k) => Object.fromEntries(names.map((name) => [name, drawn[name][k]])));
    own.total = total;
    own.galactic = own.places().map(([ra, dec]) => toGalactic(ra, dec));
  },
  clear() {
    own.rows = [];
    own.total = 0;
    own.galactic = [];
    own.redraw();
  },
  opened: -1, // index of the source in the open card
  places() {
    return this.rows.filter((r) => Number.isFinite(r.ra) && Number.isFinite(r.dec)).map((r) => [r.ra, r.dec]);
  },
};
