// Classify your own: a file or pasted rows, with the catalogue's model. The server keeps nothing.

import { classify } from "./api.js";
import { strip } from "./bars.js";
import { catalogue } from "./catalogue.js";
import { ofGroup } from "./colours.js";
import { count, el, probability, save, shown } from "./dom.js";
import { own } from "./own.js";
import { set } from "./state.js";

const KINDS = { vot: "VOTable", fits: "FITS", csv: "CSV", parquet: "Parquet" };

export class Classify {
  constructor(section, redraw) {
    this.redraw = redraw;
    this.file = null;
    this.pick = el("input", { type: "file", id: "own-file", class: "unseen", onchange: (e) => this.take(e.target.files[0]) });
    this.paste = el("textarea", { id: "own-rows", rows: 5, spellcheck: "false", placeholder: this.example() });
    this.source = el("input", { type: "text", id: "own-source", placeholder: "name", maxlength: "100", spellcheck: "false" });
    this.result = el("div", { class: "result", "aria-live": "polite" });
    section.append(el("h2", {}, "Classify your own detections"), this.words(), this.drop(),
      el("details", {}, el("summary", {}, "Or paste rows"),
        el("label", { class: "unseen", for: "own-rows" }, "Rows as CSV, with a line of column names"), this.paste,
        el("button", { type: "button", onclick: () => this.takeRows() }, "Classify these rows")),
      el("label", { class: "field", for: "own-source" }, el("span", {}, "Column that names the source"), this.source), this.result);
  }

  words() {
    const { max_bytes: bytes, max_rows: rows } = catalogue.upload;
    return el("p", {}, `Give a table of X-ray detections, one row each, with the columns of ${catalogue.about.survey}. It is classified with this catalogue's own model, `,
      "on this computer: the same as ", el("code", {}, "xsift classify"), `. Up to ${count(Math.round(bytes / 1024 ** 2))} MiB and ${count(rows)} rows. Nothing is kept.`);
  }

  // The features of a measured detection.
  example() {
    const row = Object.entries(catalogue.example_row);
    return `name,ra,dec,${row.map(([name]) => name).join(",")}\nmy source,83.82,-5.39,${row.map(([, value]) => value ?? "").join(",")}`;
  }

  drop() {
    const zone = el("label", { class: "drop", for: "own-file" }, el("strong", {}, "Choose a file"), " or drop it here",
      el("span", { class: "faint small" }, catalogue.upload.formats.join(", ")));
    for (const kind of ["dragenter", "dragover"]) zone.addEventListener(kind, (e) => { e.preventDefault(); zone.classList.add("over"); });
    for (const kind of ["dragleave", "drop"]) zone.addEventListener(kind, (e) => { e.preventDefault(); zone.classList.remove("over"); });
    zone.addEventListener("drop", (e) => this.take(e.dataTransfer.files[0]));
    return el("div", { class: "drop-host" }, this.pick, zone);
  }

  take(file) {
    if (file) this.run(file, file.name);
    this.pick.value = "";
  }

  takeRows() {
    const rows = this.paste.value.trim();
    if (rows) this.run(rows + "\n", "pasted.csv");
    else this.say("Paste some rows first, with their column names above them.");
  }

  say(text, kind = "faint") {
    this.result.replaceChildren(el("p", { class: kind, role: kind === "error" ? "alert" : "status" }, text));
  }

  async run(body, name) {
    if (body.size > catalogue.upload.max_bytes) {
      this.say(`${name} has ${count(Math.round(body.size / 1024 ** 2))} MiB: at most ${count(Math.round(catalogue.upload.max_bytes / 1024 ** 2))} are taken here. xsift classify has no such limit.`, "error");
      return;
    }
    this.say(`Classifying ${name}`);
    const turn = (this.turn = (this.turn ?? 0) + 1);
    const parameters = this.source.value.trim() ? { source_column: this.source.value.trim() } : {};
    try {
      const found = await classify(body, name, "json", parameters);
      if (turn !== this.turn) return;
      Object.assign(this, { body, name, parameters });
      own.take(found.drawn, found.n_detections);
      this.show(found);
      this.redraw();
    } catch (error) {
      if (turn === this.turn) this.say(error.message, "error");
    }
  }

  show(found) {
    this.result.replaceChildren(
      el("h3", {}, `${this.name}: ${count(found.n_detections)} detections of ${count(found.n_sources)} sources`),
      this.summary(found), this.drawn(), ...this.understood(found),
      ...found.warnings.map((w) => el("p", { class: "warning" }, w)),
      el("div", { class: "bar" },
        el("button", { type: "button", onclick: () => set({ view: "properties" }) }, "See them among the known sources"),
        ...(own.places().length ? [el("button", { type: "button", onclick: () => set({ view: "sky", sky: null }) }, "See them on the sky")] : []),
        el("span", { class: "grow" }), ...Object.entries(KINDS).map(([format, title]) =>
          el("button", { type: "button", "data-own": format, onclick: (e) => this.download(format, e.target) }, title))),
      this.table(found));
  }

  // How many of the rows the maps show.
  drawn() {
    const { total, rows } = own;
    const placed = own.places().length;
    const where = placed === rows.length ? "" : placed ? `, on the sky the ${count(placed)} that have a position` : ", on the sky none: none has a position";
    return el("p", { class: "drawn" }, `${total === 1 ? "1 row was" : `${count(total)} rows were`} classified. The maps draw ${rows.length === total ? (total === 1 ? "it" : "all of them") : `the first ${count(rows.length)}`} as ${rows.length === 1 ? "a cross" : "crosses"}${where}.`);
  }

  summary({ summary }) {
    return el("p", { class: "chips" }, ...Object.entries(summary).filter(([, n]) => n).map(([group, n]) =>
      el("span", { class: "class-chip", vars: { "--tone": ofGroup(group) } }, `${group} ${count(n)}`)));
  }

  understood({ understood, missing, ignored, n_detections: n }) {
    const howMany = (name) => {
      const lacking = understood.find((c) => c.used_as === name)?.n_missing;
      return lacking ? `${name} (${count(lacking)} of ${count(n)})` : name;
    };
    const parts = [el("details", {}, el("summary", {}, `${understood.length} columns were understood`),
      el("div", { class: "wide" }, el("table", { class: "facts-table left" },
        el("thead", {}, el("tr", {}, ...["Column", "Used as", "Unit", "Missing"].map((h) => el("th", { scope: "col" }, h)))),
        el("tbody", {}, ...understood.map((c) => el("tr", {}, el("td", {}, String(c.column)), el("td", {}, String(c.used_as)),
          el("td", {}, c.unit || "–"), el("td", {}, c.n_missing ? `${count(c.n_missing)} of ${count(n)}` : "none")))))))];
    if (missing.length) parts.push(el("p", { class: "warning" }, `Missing: ${missing.map(howMany).join(", ")}. Where a feature is missing, the probabilities rest on the others.`));
    if (ignored.length) parts.push(el("details", {}, el("summary", {}, `${ignored.length} columns were not used`), el("p", { class: "faint" }, ignored.join(", "))));
    return parts;
  }

  table({ detections, truncated, n_detections: n }) {
    const has = (key) => detections.some((d) => d[key] !== null && d[key] !== undefined);
    const extra = ["obsid", "typicality", "flag"].filter(has);
    return el("div", {},
      truncated ? el("p", { class: "faint small" }, `The table shows the first ${count(detections.length)} of ${count(n)} rows. The download has all.`) : null,
      el("div", { class: "wide tall-table", tabindex: "0", role: "region", "aria-label": "Your detections" }, el("table", { class: "data" },
        el("thead", {}, el("tr", {}, ...["Source", "Probabilities", "Class", "p", ...extra].map((h) => el("th", { scope: "col" }, h)))),
        el("tbody", {}, ...detections.map((d) => {
          const c = catalogue.classes.find((k) => k.code === d.class);
          return el("tr", {}, el("th", { scope: "row" }, String(d.name)), el("td", {}, strip(d)),
            el("td", {}, c ? el("span", { class: "dot", vars: { "--tone": ofGroup(c.group) } }, c.label) : "unscored"),
            el("td", { class: "number" }, c ? probability(d[c.column]) : "–"), ...extra.map((k) => el("td", {}, k === "obsid" ? String(d[k] ?? "–") : shown(d[k], 3))));
        })))));
  }

  async download(format, button) {
    button.disabled = true;
    try {
      save(await classify(this.body, this.name, format, this.parameters), `${this.name.replace(/\.[^.]*$/, "")}-classified.${format}`);
    } catch (error) {
      this.result.prepend(el("p", { class: "error", role: "alert" }, error.message));
    }
    button.disabled = false;
  }
}
