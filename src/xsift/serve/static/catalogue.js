// The catalogue: its description, and its columns as typed arrays, fetched when first asked for.

import { bytes, json } from "./api.js";

export const catalogue = {};
const columns = new Map();

export async function openCatalogue() {
  Object.assign(catalogue, await json("/api/catalogue"));
  // "None of these" is a verdict like the classes, where the model knows it.
  const beyond = catalogue.groups.includes("none") ? catalogue.words?.class?.slice(catalogue.classes.length) : [];
  for (const code of beyond ?? []) {
    catalogue.classes.push({ code, name: "none of these", label: "none of these", group: "none", column: "p_none" });
  }
  catalogue.described = new Map(catalogue.columns.map((c) => [c.name, c]));
  catalogue.numbers = catalogue.columns.filter((c) => c.kind === "number");
  catalogue.features = catalogue.numbers.filter((c) => c.feature);
  return catalogue;
}

// The values of a column, if they are here; null while they are on their way.
export const column = (name) => columns.get(name)?.values ?? null;

export function fetchColumn(name) {
  if (!columns.has(name)) {
    const entry = { values: null };
    entry.promise = bytes(`/api/column/${encodeURIComponent(name)}`).then((buffer) => {
      const isCode = catalogue.described.get(name)?.kind === "code";
      entry.values = isCode ? new Uint8Array(buffer) : new Float32Array(buffer);
      return entry.values;
    });
    // A failed column may be asked for again.
    entry.promise.catch(() => columns.delete(name));
    columns.set(name, entry);
  }
  return columns.get(name).promise;
}

export const fetchColumns = (names) => Promise.all(names.map(fetchColumn));

const RAISED = { "-": "⁻", "+": "⁺", 0: "⁰", 1: "¹", 2: "²", 3: "³", 4: "⁴", 5: "⁵", 6: "⁶", 7: "⁷", 8: "⁸", 9: "⁹" };

// The unit of a column as it is printed: "erg.s**-1.cm**-2" is "erg s⁻¹ cm⁻²".
export function unitOf(name) {
  const unit = catalogue.described.get(name)?.unit ?? "";
  return unit.replace(/\*\*\(?([-+]?\d+)\)?/g, (_, power) => [...power].map((c) => RAISED[c]).join(""))
    .replace(/\.(?=[A-Za-z])/g, " ");
}

const withUnit = (text, name) => (unitOf(name) ? `${text} [${unitOf(name)}]` : text);

// What a heading or a choice says: the name of the column, as it is in the files.
export const labelOf = (name) => withUnit(name, name);

// What an axis says: the label that the survey's profile gives to the feature.
export const axisOf = (name) => withUnit(catalogue.described.get(name)?.label || name, name);

const names = new Map();

// Names of a few sources, by index.
export async function namesOf(indices) {
  const unknown = indices.filter((i) => !names.has(i));
  if (unknown.length) {
    const found = await json(`/api/names?indices=${unknown.join(",")}`);
    unknown.forEach((index, k) => names.set(index, found[k]));
  }
  return indices.map((i) => names.get(i));
}
