// The table of the chosen sources: sorted and paged on the server; downloads and SAMP.

import { json } from "./api.js";
import { strip } from "./bars.js";
import { catalogue, labelOf } from "./catalogue.js";
import { ofGroup } from "./colours.js";
import { count, el, probability, shown } from "./dom.js";
import { legend } from "./legend.js";
import { query, selection } from "./selection.js";
import { starButton } from "./stars.js";
import { set, state } from "./state.js";

const PAGE = 50;
const FIRST = ["class", "p_class", "status", "n_detections", "typicality", "ra", "dec"];
const FORMATS = [["vot", "VOTable"], ["fits", "FITS"], ["csv", "CSV"], ["parquet", "Parquet"]];

export class Table {
  constructor(section) {
    this.asked = 0;
    this.status = el("span", { class: "where", role: "status" });
    this.said = el("p", { class: "faint small", role: "status" });
    this.body = el("div", { class: "wide tall-table", tabindex: "0", role: "region", "aria-label": "Table of sources" });
    this.pager = el("nav", { class: "pager", "aria-label": "Pages" });
    section.append(el("div", { class: "bar" }, this.chooser(), this.downloads(),
      el("button", { type: "button", onclick: () => this.send(), title: "Send the chosen sources over SAMP" }, "Send to TOPCAT"),
      el("span", { class: "grow" }), this.status), legend(() => true), this.said, this.body, this.pager);
  }

  columns() {
    const chosen = (state.columns ?? FIRST).filter((n) => catalogue.described.has(n) && n !== "name");
    return chosen.length ? chosen : ["class"];
  }

  chooser() {
    this.boxes = new Map();
    const list = el("div", { class: "menu-list columns" });
    for (const { name, description } of catalogue.columns) {
      if (name === "name") continue;
      const box = el("input", { type: "checkbox", onchange: () => this.choose() });
      this.boxes.set(name, box);
      list.append(el("label", { title: description || name }, box, labelOf(name)));
    }
    return el("details", { class: "menu" }, el("summary", {}, "Columns"), list);
  }

  choose() {
    const chosen = [...this.boxes].filter(([, box]) => box.checked).map(([name]) => name);
    const order = [...FIRST.filter((n) => chosen.includes(n)), ...chosen.filter((n) => !FIRST.includes(n))];
    set({ columns: order.join() === FIRST.join() ? null : order });
  }

  downloads() {
    const links = ["sources", ...(catalogue.has.detections ? ["detections"] : [])].map((level) => el("fieldset", {}, el("legend", {}, level === "sources" ? "Sources" : "Their detections"),
      ...FORMATS.map(([format, name]) => el("a", { "data-format": format, "data-level": level, download: "" }, name))));
    this.menu = el("details", { class: "menu" }, el("summary", {}, "Download"), el("div", { class: "menu-list" }, ...links));
    return this.menu;
  }

  update(changed) {
    // A card that opens or closes leaves the rows, and the focus on one of them.
    if (this.shown && changed && [...changed].every((key) => key === "card")) return;
    for (const [name, box] of this.boxes) box.checked = this.columns().includes(name);
    for (const link of this.menu.querySelectorAll("a")) {
      const { format, level } = link.dataset;
      link.href = `/api/table.${format}?${query({ level })}`;
    }
    clearTimeout(this.timer);
    // While a filter is dragged the table follows a little later.
    this.timer = setTimeout(() => this.fetch(), this.shown ? 150 : 0);
  }

  async fetch() {
    const turn = ++this.asked;
    const pages = Math.max(1, Math.ceil(selection.total / PAGE));
    const page = Math.min(Math.max(0, Math.floor(state.page)), pages - 1);
    try {
      const found = state.class?.length === 0 ? { total: 0, rows: [] }
        : await json(`/api/sources?${query({ sort: state.sort, offset: page * PAGE, limit: PAGE })}`);
      if (turn !== this.asked) return;
      this.shown = true;
      this.draw(found, page);
    } catch (error) {
      if (turn === this.asked) this.body.replaceChildren(el("p", { class: "error", role: "alert" }, error.message));
    }
  }

  draw({ total, rows }, page) {
    const names = this.columns();
    const focused = this.body.contains(document.activeElement) && document.activeElement.dataset.sort;
    const heading = (name) => {
      const direction = state.sort === name ? "ascending" : state.sort === `-${name}` ? "descending" : null;
      const next = direction === "ascending" ? `-${name}` : direction === "descending" ? "" : name;
      return el("th", { scope: "col", "aria-sort": direction },
        el("button", { type: "button", "data-sort": name, title: catalogue.described.get(name)?.description || name, onclick: () => set({ sort: next, page: 0 }) },
          labelOf(name), el("span", { class: "arrow", "aria-hidden": "true" }, direction === "ascending" ? " ↑" : direction === "descending" ? " ↓" : "")));
    };
    this.body.replaceChildren(rows.length ? el("table", { class: "data" },
      el("caption", { class: "unseen" }, "The chosen sources"),
      el("thead", {}, el("tr", {}, el("th", { scope: "col" }, el("span", { class: "unseen" }, "Star")), heading("name"), el("th", { scope: "col" }, "Probabilities"), ...names.map(heading))),
      el("tbody", {}, ...rows.map((row) => el("tr", {},
        el("td", { class: "star-cell" }, starButton(String(row.name), row.index)),
        el("th", { scope: "row" }, el("button", { type: "button", class: "link", onclick: () => set({ card: String(row.name) }) }, String(row.name))),
        el("td", {}, strip(row)), ...names.map((name) => el("td", { class: isNumber(name) ? "number" : "" }, cell(name, row)))))))
      : el("p", { class: "faint empty" }, "No source passes these filters."));
    if (focused) this.body.querySelector(`[data-sort="${CSS.escape(focused)}"]`)?.focus();
    this.status.textContent = rows.length ? `${count(page * PAGE + 1)} to ${count(page * PAGE + rows.length)} of ${count(total)}` : "";
    this.drawPager(page, Math.max(1, Math.ceil(total / PAGE)));
  }

  drawPager(page, pages) {
    const step = (text, to, label) => el("button", { type: "button", "aria-label": label, disabled: to < 0 || to >= pages || to === page, onclick: () => set({ page: to }) }, text);
    this.pager.replaceChildren(step("«", 0, "First page"), step("‹", page - 1, "Previous page"),
      el("span", {}, `page ${count(page + 1)} of ${count(pages)}`), step("›", page + 1, "Next page"), step("»", pages - 1, "Last page"));
  }

  async send() {
    this.said.textContent = "Sending";
    try {
      const answer = await json(`/api/samp?${query()}`, { method: "POST", headers: { "X-Xsift": "1" } });
      this.said.textContent = answer.detail || (answer.sent ? `Sent to ${answer.clients} programs` : "Nothing was sent");
    } catch (error) {
      this.said.textContent = error.message;
    }
  }
}

const isNumber = (name) => catalogue.described.get(name)?.kind === "number";

function cell(name, row) {
  const value = row[name];
  if (name === "class" || name === "other_class" || name.startsWith("class_")) {
    const found = catalogue.classes.find((c) => c.code === value);
    return found ? el("span", { class: "dot", vars: { "--tone": ofGroup(found.group) } }, found.label) : shown(value);
  }
  if (name === "ra" || name === "dec" || name === "glon" || name === "glat") return Number.isFinite(value) ? value.toFixed(5).replace("-", "−") : "–";
  return name.startsWith("p_") ? probability(value) : shown(value, 4);
}
