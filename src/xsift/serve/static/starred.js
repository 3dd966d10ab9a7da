// The view of the starred sources: their notes, what the catalogue says of them, and the list as a file.

import { json } from "./api.js";
import { catalogue, unitOf } from "./catalogue.js";
import { ofGroup } from "./colours.js";
import { count, el, probability, save, shown } from "./dom.js";
import { csv, votable } from "./list_files.js";
import { pick } from "./picked.js";
import { MOST, clearStars, couldNotRead, noteBox, onStars, starButton, stars } from "./stars.js";
import { set } from "./state.js";

const PAGE = 200;
const COLUMNS = ["ra", "dec", "class", "group", "p_class", "typicality", "n_detections", "status"];

export class Starred {
  constructor(section) {
    this.section = section;
    this.rows = new Map(); // index -> row
    this.asked = 0;
    this.body = el("div", {});
    const button = (text, act, title) => el("button", { type: "button", title, onclick: act }, text);
    this.buttons = el("div", { class: "bar" },
      button("Select these sources", () => this.select(), "Filter all views to the starred sources"),
      button("Download CSV", () => this.download("csv")), button("Download VOTable", () => this.download("vot")),
      button("Remove all", () => this.clear()));
    section.append(el("h2", {}, "Starred sources"),
      el("p", {}, "Star a source with ☆ on its card or in the table. Write a note to it. The list stays in this browser only: download it to keep or share it."),
      this.buttons, this.body);
    onStars(() => section.hidden || this.update());
  }

  columns() {
    return COLUMNS.filter((name) => catalogue.described.has(name));
  }

  async update() {
    const turn = ++this.asked;
    try {
      await this.fetch();
      if (turn === this.asked) this.draw();
    } catch (error) {
      if (turn === this.asked) this.body.replaceChildren(el("p", { class: "error", role: "alert" }, error.message));
    }
  }

  async fetch() {
    const lacking = stars().map((s) => s.index).filter((k) => k >= 0 && !this.rows.has(k));
    for (let at = 0; at < lacking.length; at += PAGE) {
      const index = lacking.slice(at, at + PAGE).join(",");
      const { rows } = await json(`/api/sources?${new URLSearchParams({ index, limit: PAGE })}`);
      for (const row of rows) this.rows.set(row.index, row);
    }
  }

  // The catalogue's row of a star; null where the source is not in its table.
  rowOf({ name, index }) {
    const row = this.rows.get(index);
    return row && String(row.name) === name ? row : null;
  }

  draw() {
    const list = stars();
    for (const b of this.buttons.children) b.disabled = !list.length;
    const focused = this.body.contains(document.activeElement) ? document.activeElement : null;
    if (focused?.tagName === "TEXTAREA" && this.drawn === list.map((s) => s.name).join("\n")) return;
    this.drawn = list.map((s) => s.name).join("\n");
    const row = focused?.closest("tr")?.rowIndex ?? 0;
    const said = couldNotRead() ? [el("p", { class: "warning", role: "alert" }, "The list that this browser kept could not be read. A new star replaces it.")] : [];
    this.body.replaceChildren(...said, list.length ? this.table(list) : el("p", { class: "faint empty" }, "No source is starred yet."));
    if (focused) (this.body.querySelectorAll("tr")[Math.min(row, list.length)]?.querySelector("button.star") ?? this.section.querySelector("h2")).focus();
  }

  table(list) {
    const names = this.columns();
    return el("div", { class: "wide starred-table", tabindex: "0", role: "region", "aria-label": "Starred sources" },
      el("table", { class: "data" },
        el("caption", { class: "unseen" }, `${count(list.length)} of at most ${count(MOST)} starred sources`),
        el("thead", {}, el("tr", {}, ...["Star", "Name", "Note", ...names.map((n) => (unitOf(n) ? `${n} [${unitOf(n)}]` : n))].map((h) => el("th", { scope: "col" }, h)))),
        el("tbody", {}, ...list.map((star) => this.line(star, names)))));
  }

  line(star, names) {
    const row = this.rowOf(star);
    const cells = row ? names.map((n) => el("td", { "data-column": n, class: catalogue.described.get(n).kind === "number" ? "number" : "" }, cell(n, row)))
      : [el("td", { class: "faint", colspan: names.length }, "not in the table of sources of this catalogue")];
    return el("tr", {}, el("td", {}, starButton(star.name, star.index)),
      el("th", { scope: "row" }, el("button", { type: "button", class: "link", onclick: () => set({ card: star.name }) }, star.name)),
      el("td", { class: "note" }, noteBox(star.name)), ...cells);
  }

  select() {
    const indices = stars().filter((s) => this.rowOf(s)).map((s) => s.index);
    if (indices.length) pick(indices, { view: "table" });
  }

  async download(format) {
    await this.fetch();
    const list = stars().map((star) => ({ star, row: this.rowOf(star) ?? {} }));
    const file = format === "csv" ? csv(list, this.columns()) : votable(list, this.columns());
    save(new Blob([file], { type: format === "csv" ? "text/csv" : "application/x-votable+xml" }), `xsift-starred.${format}`);
  }

  clear() {
    if (confirm(`Remove all ${count(stars().length)} starred sources and their notes?`)) clearStars();
  }
}

function cell(name, row) {
  const value = row[name];
  if (name === "class") {
    const found = catalogue.classes.find((c) => c.code === value);
    return found ? el("span", { class: "dot", vars: { "--tone": ofGroup(found.group) } }, found.label) : shown(value);
  }
  if (["ra", "dec"].includes(name)) return Number.isFinite(value) ? value.toFixed(5).replace("-", "−") : "–";
  return name.startsWith("p_") ? probability(value) : shown(value, 4);
}
