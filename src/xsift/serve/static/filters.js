// The panel of filters: it says how many sources are left, and changes the state.

import { catalogue, column } from "./catalogue.js";
import { markerOf, ofClass, ofGroup } from "./colours.js";
import { count, el } from "./dom.js";
import { codesOf, countOf, isShown, show } from "./legend.js";
import { markCanvas } from "./marks.js";
import { isFiltered, isBrushed, selection } from "./selection.js";
import { Slider } from "./slider.js";
import { FILTERS, byDefault, set, state } from "./state.js";
import { WhereForm } from "./where_form.js";

let panel, total, groups, brush, statusBox, cone, words, where;
const sliders = [];

export function makeFilters(host) {
  panel = host;
  total = el("p", { class: "total", role: "status", "aria-live": "polite" });
  groups = el("div", { class: "groups", role: "group", "aria-label": "Groups and classes" });
  brush = el("div", { class: "chips" });
  makeSliders();
  host.append(
    el("div", { class: "filters-head" }, el("h2", {}, "Filters"),
      el("button", { type: "button", class: "quiet", id: "reset", onclick: reset }, "Reset"),
      el("button", { type: "button", class: "quiet only-phone", onclick: () => document.body.classList.remove("with-filters") }, "Done")),
    total, catalogue.about.in_sample ? el("p", { class: "warning" }, catalogue.about.in_sample) : "",
    brush, groups, makeWords(), ...sliders.map((s) => s.slider.element), makeStatus(), makeCone(),
    (where = new WhereForm()).element);
}

function makeSliders() {
  const two = (v) => Number(v).toFixed(2);
  const drag = (key, value, isDragging) => set({ [key]: value }, { replace: isDragging });
  const add = (options, values, get) => sliders.push({ slider: new Slider({ act: drag, ...options }), values, get });
  add({ label: "Probability of its class", ends: [0, 1], low: "min_p", written: two }, "p_class");
  if (catalogue.has.typicality) {
    add({ label: "Typicality", ends: [0, 1], low: "min_typicality", high: "max_typicality", written: two }, "typicality");
  }
  const most = Math.max(1, catalogue.described.get("n_detections")?.max ?? 1);
  // Half of the track for the first few: most sources have one or two detections.
  const toStep = (n) => (most > 1 ? Math.log(n) / Math.log(most) : 0);
  const steps = [...new Set(Array.from({ length: 101 }, (_, k) => Math.round(most ** (k / 100))))];
  const place = (n) => steps.reduce((best, s, k) => (Math.abs(s - n) < Math.abs(steps[best] - n) ? k : best), 0);
  const detections = new Slider({
    label: "Number of detections", ends: [0, steps.length - 1], step: 1, low: "min_detections", high: "max_detections",
    written: (k) => String(steps[k]),
    act: (key, k, isDragging) => {
      const isOff = key === "min_detections" ? k === 0 : k === steps.length - 1;
      set({ [key]: isOff ? 0 : steps[k] }, { replace: isDragging });
    },
  });
  detections.show = ((plain) => (values) => plain.call(detections, {
    min_detections: values.min_detections ? place(values.min_detections) : 0,
    max_detections: values.max_detections ? place(values.max_detections) : steps.length - 1,
  }))(detections.show);
  sliders.push({ slider: detections, values: "n_detections", get: (n) => toStep(n) * (steps.length - 1) });
  if (catalogue.has.positions) {
    add({ label: "Galactic latitude |b|", ends: [0, 90], step: 1, low: "min_abs_b", high: "max_abs_b", written: (v) => `${v}°` }, "glat", Math.abs);
  }
}

function makeWords() {
  let waiting;
  words = el("input", {
    type: "search", id: "text-filter", placeholder: "Part of a name", spellcheck: "false", maxlength: "100",
    oninput: (e) => {
      clearTimeout(waiting);
      waiting = setTimeout(() => set({ text: e.target.value.trim() }, { replace: true }), 250);
    },
    onchange: (e) => set({ text: e.target.value.trim() }),
  });
  return el("label", { class: "field tall" }, el("span", {}, "Name contains"), words);
}

function makeStatus() {
  statusBox = el("div", { class: "tools", role: "group", "aria-label": "Unique or ambiguous" });
  for (const [value, name] of [["", "All"], ["unique", "Unique"], ["ambiguous", "Ambiguous"]]) {
    statusBox.append(el("button", { type: "button", "data-key": value, "aria-pressed": "false", onclick: () => set({ status: value }) }, name));
  }
  return el("div", { class: "field tall" }, el("span", {}, "Do its detections agree?"), statusBox);
}

function makeCone() {
  const input = (name, label, least, most) => el("input", {
    type: "number", step: "any", min: least, max: most, name, "aria-label": `Cone: ${label}`, placeholder: label,
  });
  const fields = { ra: input("ra", "RA", 0, 360), dec: input("dec", "Dec", -90, 90), radius: input("radius", "radius", 0, 180) };
  const apply = (event) => {
    event.preventDefault();
    const values = Object.values(fields).map((f) => (f.value === "" ? NaN : Number(f.value)));
    if (values.every(Number.isFinite)) set({ cone: values });
  };
  cone = el("form", { class: "cone", onsubmit: apply }, el("span", {}, "Cone [deg, ICRS]"), ...Object.values(fields),
    el("button", { type: "submit" }, "Set"));
  cone.fields = fields;
  return catalogue.has.positions ? cone : el("span", {});
}

function reset() {
  set(Object.fromEntries(FILTERS.map((key) => [key, byDefault(key)])));
}

export function drawFilters() {
  total.replaceChildren(el("strong", {}, count(selection.total)), ` of ${count(catalogue.n_sources)} sources`);
  panel.querySelector("#reset").disabled = !isFiltered();
  document.getElementById("open-filters").textContent = isFiltered() ? `Filters · ${count(selection.total)}` : "Filters";
  drawGroups();
  drawBrush();
  where.draw();
  for (const { slider, values, get } of sliders) {
    slider.show(state);
    slider.draw(column(values), selection.mask, get);
  }
  for (const b of statusBox.children) b.setAttribute("aria-pressed", String(b.dataset.key === state.status));
  if (document.activeElement !== words) words.value = state.text;
  const at = state.cone ?? ["", "", ""];
  if (!cone.contains(document.activeElement)) Object.values(cone.fields).forEach((f, k) => (f.value = at[k]));
}

let made = false;

function drawGroups() {
  if (!made) makeGroups();
  const most = Math.max(1, ...catalogue.groups.map(countOf));
  for (const row of groups.querySelectorAll("[data-group]")) {
    const { group } = row.dataset;
    const codes = codesOf(group);
    const on = codes.filter(isShown).length;
    const box = row.querySelector("input");
    box.checked = on === codes.length;
    box.indeterminate = on > 0 && on < codes.length;
    row.querySelector(".n").textContent = count(countOf(group));
    const bar = row.querySelector(".share");
    bar.style.setProperty("--share", String(countOf(group) / most));
    bar.style.setProperty("--tone", ofGroup(group));
    row.querySelector(".mark").replaceWith(markCanvas(markerOf(group), ofGroup(group)));
  }
  for (const row of groups.querySelectorAll("[data-class]")) {
    const k = Number(row.dataset.class);
    row.querySelector("input").checked = isShown(catalogue.classes[k].code);
    row.querySelector(".n").textContent = count(selection.byClass[k] ?? 0);
    row.querySelector(".swatch").style.setProperty("--tone", ofClass(k));
  }
}

function makeGroups() {
  made = true;
  for (const group of catalogue.groups) {
    const codes = codesOf(group);
    const row = (text, attributes, listed, extra) => el("label", attributes,
      el("input", { type: "checkbox", onchange: (e) => show(listed, e.target.checked) }), ...extra,
      el("span", { class: "name" }, text), el("span", { class: "n" }));
    const head = row(group === "none" ? "none of these" : group, { class: "row", "data-group": group }, codes,
      [el("span", { class: "mark" }), el("span", { class: "share", "aria-hidden": "true" })]);
    const members = catalogue.classes.map((c, k) => [c, k]).filter(([c]) => c.group === group);
    if (members.length < 2) {
      groups.append(el("div", { class: "group" }, head));
      continue;
    }
    const below = el("div", { hidden: true },
      ...members.map(([c, k]) => row(c.label, { class: "row sub", "data-class": k }, [c.code], [el("span", { class: "swatch", "aria-hidden": "true" })])));
    const opener = el("button", {
      type: "button", class: "opener", "aria-label": `Classes of ${group}`, "aria-expanded": "false",
      onclick: () => {
        below.hidden = !below.hidden;
        opener.setAttribute("aria-expanded", String(!below.hidden));
      },
    }, "▸");
    groups.append(el("div", { class: "group" }, head, opener), below);
  }
}

function drawBrush() {
  const chip = (text, patch) => el("button", { type: "button", class: "chip", title: "Take this away", onclick: () => set(patch) },
    text, el("span", { "aria-hidden": "true" }, " ×"));
  const chips = [];
  if (isBrushed()) {
    const kind = state.lasso ? "Lasso" : "Rectangle";
    chips.push(chip(`${kind}: ${count(selection.total)} of ${count(selection.passing)}`, { box: "", lasso: "" }));
  }
  if (state.cone) chips.push(chip(`Cone of ${state.cone[2]}°`, { cone: null }));
  brush.replaceChildren(...chips);
}
