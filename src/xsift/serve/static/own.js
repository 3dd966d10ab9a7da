// What a reader classified here, and which source's card is open: all views show both.

export const own = {
  rows: [], // detections as the server gave them
  name: "",
  redraw() {},
  clear() {
    own.rows = [];
    own.redraw();
  },
  opened: -1, // index of the source in the open card
  places() {
    return this.rows.filter((r) => Number.isFinite(r.ra) && Number.isFinite(r.dec)).map((r) => [r.ra, r.dec]);
  },
};
