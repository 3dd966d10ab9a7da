// The view of two catalogues of the same sources: which groups both give, and the sources that differ.

import { catalogue, column, fetchColumns } from "./catalogue.js";
import { ink } from "./colours.js";
import { count, el, shown } from "./dom.js";
import { figureMenu } from "./figure.js";
import { dense } from "./plane.js";
import { IN, isFiltered, selection } from "./selection.js";
import { FILTERS, byDefault, set, state } from "./state.js";
import { conditions, written } from "./where.js";

const NEEDED = ["group", "other_group", "other_agrees"];
const TABLE = ["class", "p_class", "other_class", "other_agrees", "typicality", "n_detections"];
const called = (group) => (group === "none" ? "none of these" : group);

export class Compare {
  constructor(section) {
    this.section = section;
    this.said = catalogue.against;
    this.summary = el("div", { class: "compare-summary", role: "status" });
    this.body = el("div", { class: "wide matrix-host", tabindex: "0", role: "region", "aria-label": "Groups in both catalogues" });
    section.append(el("h2", {}, "Compare"), this.summary,
      el("div", { class: "bar" },
        el("button", { type: "button", onclick: () => this.show({ agrees: "another group" }) }, "Show the sources that differ"),
        (this.all = el("button", { type: "button", onclick: () => set(Object.fromEntries(FILTERS.map((key) => [key, byDefault(key)]))) }, "Remove all filters")),
        figureMenu(this)),
      this.body, ...this.said.notes.map((note) => el("p", { class: "warning" }, note)));
  }

  async update() {
    if (NEEDED.some((name) => !column(name))) await fetchColumns(NEEDED);
    this.tally();
    this.draw();
  }

  // Counts of the chosen sources by the other's group (rows) and ours (columns), merged alike.
  tally() {
    const { groups, merged } = this.said;
    const ours = catalogue.words.group.map((g) => groups.indexOf(merged[g] ?? g));
    const [group, other, agrees] = NEEDED.map(column);
    const counts = groups.map(() => new Array(groups.length).fill(0));
    const n = { chosen: 0, there: 0, compared: 0, same: 0 };
    for (let i = 0; i < group.length; i++) {
      if (selection.mask[i] !== IN) continue;
      n.chosen++;
      if (agrees[i] !== 3) n.there++;
      const k = ours[group[i]];
      if (other[i] >= groups.length || k === undefined || k < 0) continue;
      counts[other[i]][k]++;
      n.compared++;
      if (other[i] === k) n.same++;
    }
    const used = (k) => counts[k].some(Boolean) || counts.some((row) => row[k]);
    const shownGroups = groups.map((_, k) => k).filter(used);
    Object.assign(this, { counts, n, rows: shownGroups.filter((k) => counts[k].some(Boolean)), columns: shownGroups.filter((k) => counts.some((row) => row[k])) });
  }

  draw() {
    const { n, said } = this;
    const share = n.compared ? ` (${shown((100 * n.same) / n.compared, 3)} %)` : "";
    const chosen = isFiltered() ? `Of the ${count(n.chosen)} chosen sources` : `Of ${count(n.chosen)} sources`;
    this.summary.replaceChildren(el("p", {}, "This catalogue beside ", el("strong", {}, said.name), ` (${said.mapping}; matched by ${said.how}).`),
      el("p", {}, `${chosen}, ${count(n.there)} are there and ${count(n.compared)} have a class in both. `,
        el("strong", {}, `${count(n.same)}${share} have the same group; ${count(n.compared - n.same)} differ.`),
        " Press a number to see its sources."));
    this.all.disabled = !isFiltered();
    const key = el("p", { class: "faint" }, "Rows: group in ", el("strong", {}, said.name), ". Columns: group in this catalogue. Shade: share of the row.");
    this.body.replaceChildren(...(n.compared ? [key, this.matrix()] : [el("p", { class: "faint empty" }, "No chosen source has a class in both.")]));
  }

  matrix() {
    const { groups } = this.said;
    const total = (k) => this.counts[k].reduce((a, b) => a + b, 0);
    const cell = (k, j) => {
      const c = this.counts[k][j];
      const part = c / total(k);
      const label = `${count(c)} sources: ${called(groups[k])} there, ${called(groups[j])} here`;
      return el("td", { class: k === j ? "same" : "", vars: { "--share": part.toFixed(3) } },
        c ? el("button", { type: "button", "aria-label": label, title: label, onclick: () => this.show({ there: groups[k], here: j }) }, count(c)) : el("span", { class: "faint" }, "0"));
    };
    return el("table", { class: "matrix" },
      el("caption", { class: "unseen" }, "Groups in both catalogues"),
      el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "there \\ here"), ...this.columns.map((j) => el("th", { scope: "col" }, called(groups[j]))), el("th", { scope: "col" }, "all"), el("th", { scope: "col" }, "same"))),
      el("tbody", {}, ...this.rows.map((k) => el("tr", {}, el("th", { scope: "row" }, called(groups[k])), ...this.columns.map((j) => cell(k, j)),
        el("td", { class: "sum" }, count(total(k))), el("td", { class: "sum" }, `${shown((100 * this.counts[k][k]) / total(k), 2)} %`)))));
  }

  // Filter to what a cell holds, and show it as a table with both classes.
  show({ there, here, agrees }) {
    const rest = conditions().filter((c) => !["other_group", "other_agrees"].includes(c.name));
    const condition = agrees ? { name: "other_agrees", kind: "is", values: [agrees] } : { name: "other_group", kind: "is", values: [there] };
    const patch = { where: written([...rest, condition]), view: "table", columns: TABLE.filter((name) => catalogue.described.has(name)), page: 0, sort: "-p_class" };
    if (here !== undefined) {
      const { groups, merged } = this.said;
      const ours = catalogue.classes.filter((c) => (merged[c.group] ?? c.group) === groups[here]).map((c) => c.code);
      patch.class = state.class ? ours.filter((code) => state.class.includes(code)) : ours;
    }
    set(patch);
  }

  figure() {
    return {
      title: `Groups in ${this.said.name} (rows) and in this catalogue (columns); shade: share of the row`, name: "comparison",
      height: 70 + 46 * this.rows.length, paint: (canvas) => this.paint(canvas),
    };
  }

  paint(canvas) {
    const ctx = canvas.getContext("2d");
    const d = dense();
    const { groups } = this.said;
    const [left, top, high] = [130 * d, 40 * d, 46 * d];
    const wide = Math.min(80 * d, (canvas.width - left - 16 * d) / Math.max(1, this.columns.length));
    const write = (text, x, y, align = "center") => {
      ctx.textAlign = align;
      ctx.fillText(text, x, y);
    };
    ctx.textBaseline = "middle";
    ctx.font = `${12 * d}px system-ui, sans-serif`;
    ctx.fillStyle = ink("ink");
    this.columns.forEach((j, c) => write(called(groups[j]), left + (c + 0.5) * wide, top - 14 * d));
    this.rows.forEach((k, r) => {
      const y = top + r * high;
      const sum = this.counts[k].reduce((a, b) => a + b, 0);
      ctx.fillStyle = ink("ink");
      write(called(groups[k]), left - 10 * d, y + high / 2, "right");
      this.columns.forEach((j, c) => {
        const x = left + c * wide;
        const part = this.counts[k][j] / sum;
        ctx.globalAlpha = 0.85 * part;
        ctx.fillStyle = ink("accent");
        ctx.fillRect(x, y, wide, high);
        ctx.globalAlpha = 1;
        ctx.lineWidth = (k === j ? 2.2 : 0.8) * d;
        ctx.strokeStyle = ink(k === j ? "ink" : "line-strong");
        ctx.strokeRect(x, y, wide, high);
        ctx.fillStyle = part > 0.6 ? "#ffffff" : ink("ink");
        write(count(this.counts[k][j]), x + wide / 2, y + high / 2);
      });
    });
  }
}
