// The part of the filters that asks for any column: numbers in a range, words, missing or not.

import { json } from "./api.js";
import { catalogue, labelOf } from "./catalogue.js";
import { count, el, shown } from "./dom.js";
import { picked } from "./picked.js";
import { set } from "./state.js";
import { addCondition, conditions, inWords, removeCondition, whereError } from "./where.js";

const WAYS = {
  number: [["range", "is between"], ["missing", "is missing"], ["present", "has a value"]],
  words: [["is", "is one of"], ["missing", "is missing"], ["present", "has a value"]],
};

export class WhereForm {
  constructor() {
    this.chips = el("ul", { class: "conditions" });
    this.said = el("p", { class: "error small", role: "alert" });
    this.column = el("select", { "aria-label": "Column", id: "where-column", onchange: () => this.pick() }, ...choices());
    this.way = el("select", { "aria-label": "Condition", id: "where-way", onchange: () => this.showFields() });
    this.fields = el("div", { class: "where-fields" });
    const form = el("form", { class: "where-form", onsubmit: (e) => this.add(e) },
      this.column, this.way, this.fields, el("button", { type: "submit" }, "Add this filter"));
    this.element = el("div", { class: "where-host" }, this.chips, this.said,
      (this.box = el("details", { class: "more-filters", ontoggle: () => this.box.open && !this.way.options.length && this.pick() },
        el("summary", {}, "Filter on any column"), form)));
  }

  kind() {
    return catalogue.described.get(this.column.value)?.kind === "number" ? "number" : "words";
  }

  pick() {
    this.way.replaceChildren(...WAYS[this.kind()].map(([value, text]) => el("option", { value }, text)));
    this.showFields();
  }

  showFields() {
    this.words = null;
    this.fields.replaceChildren();
    if (this.way.value === "range") this.showRange();
    if (this.way.value === "is") this.showWords();
  }

  showRange() {
    const { min, max } = catalogue.described.get(this.column.value);
    const input = (label, end) => el("input", { type: "number", step: "any", "aria-label": label, placeholder: Number.isFinite(end) ? shown(end, 3) : label });
    this.ends = [input("least", min), input("greatest", max)];
    this.fields.append(...this.ends);
  }

  async showWords() {
    const name = this.column.value;
    const list = el("div", { class: "words", role: "group", "aria-label": `Words of ${name}`, tabindex: "0" }, "Reading");
    this.fields.append(list);
    try {
      const { words, n_words: n } = await json(`/api/words/${encodeURIComponent(name)}`);
      if (name !== this.column.value) return;
      const now = conditions().find((c) => c.name === name && c.kind === "is")?.values ?? [];
      this.words = words.map(([word]) => el("input", { type: "checkbox", value: word, checked: now.includes(word) }));
      list.replaceChildren(...words.map(([word, k], i) => el("label", {}, this.words[i], el("span", { class: "name" }, word), el("span", { class: "n" }, count(k)))),
        ...(n > words.length ? [el("p", { class: "faint small" }, `The ${count(words.length)} most frequent of ${count(n)} different words.`)] : []));
    } catch (error) {
      list.replaceChildren(error.message);
    }
  }

  add(event) {
    event.preventDefault();
    const [name, kind] = [this.column.value, this.way.value];
    let values = [];
    if (kind === "range") {
      values = this.ends.map((input) => input.value.trim());
      if (values.every((v) => v === "")) return this.say("Give the least value, the greatest, or both.");
      if (values.every((v) => v !== "") && Number(values[0]) > Number(values[1])) {
        return this.say(`The least value, ${values[0]}, is above the greatest, ${values[1]}.`);
      }
    }
    if (kind === "is") {
      values = (this.words ?? []).filter((box) => box.checked).map((box) => box.value);
      if (!values.length) return this.say("Tick at least one word.");
    }
    this.say("");
    addCondition({ name, kind, values });
    return undefined;
  }

  say(text) {
    this.said.textContent = text;
  }

  draw() {
    const wrong = whereError();
    if (wrong) this.say(wrong);
    else if (this.was) this.say("");
    this.was = wrong;
    const had = this.chips.contains(document.activeElement);
    this.chips.replaceChildren(...conditions().map((c) => el("li", {},
      el("button", { type: "button", class: "chip", title: "Remove this filter", "aria-label": `Remove the filter: ${inWords(c)}`, onclick: () => removeCondition(c) },
        inWords(c), el("span", { "aria-hidden": "true" }, " ×")))), ...ofPicked());
    if (had) (this.chips.querySelector("button") ?? this.box.querySelector("summary")).focus();
  }
}

function ofPicked() {
  const indices = picked();
  if (!indices) return [];
  return [el("li", {}, el("button", { type: "button", class: "chip", title: "Remove this filter", "aria-label": `Remove the filter: ${count(indices.length)} picked sources`, onclick: () => set({ index: "" }) },
    `${count(indices.length)} picked sources`, el("span", { "aria-hidden": "true" }, " ×")))];
}

function choices() {
  const group = (label, columns) => (columns.length
    ? [el("optgroup", { label }, ...columns.map((c) => el("option", { value: c.name }, labelOf(c.name))))] : []);
  const others = catalogue.columns.filter((c) => c.kind !== "number" && c.name !== "name");
  return [...group("Features", catalogue.features),
    ...group("Other numbers", catalogue.numbers.filter((c) => !c.feature)), ...group("Words", others)];
}
