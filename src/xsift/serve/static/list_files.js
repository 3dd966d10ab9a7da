// The list of starred sources as CSV and VOTable.

import { catalogue } from "./catalogue.js";

const known = (value) => value !== null && value !== undefined && !Number.isNaN(value);
const kindOf = (name) => catalogue.described.get(name)?.kind;

function cells({ star, row }, columns) {
  return [star.name, ...columns.map((name) => (known(row[name]) ? String(row[name]) : "")), star.note, star.added];
}

const heading = (columns) => ["name", ...columns, "note", "starred"];
const quoted = (text) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

export function csv(list, columns) {
  return [heading(columns), ...list.map((one) => cells(one, columns))].map((line) => line.map(quoted).join(",")).join("\r\n") + "\r\n";
}

// VOTable 1.4, as TABLEDATA. The DOM escapes.
export function votable(list, columns) {
  const space = "http://www.ivoa.net/xml/VOTable/v1.3";
  const page = document.implementation.createDocument(space, "VOTABLE");
  const node = (parent, tag, attributes = {}, text = "") => {
    const made = page.createElementNS(space, tag);
    for (const [key, value] of Object.entries(attributes)) if (value) made.setAttribute(key, value);
    made.textContent = legal(text);
    parent.append(made);
    return made;
  };
  page.documentElement.setAttribute("version", "1.4");
  const resource = node(page.documentElement, "RESOURCE", { type: "results" });
  const table = node(resource, "TABLE", { name: "starred" });
  node(table, "DESCRIPTION", {}, `Starred sources of ${catalogue.title}; xsift ${catalogue.xsift}, model ${catalogue.about.model_id ?? "none"}`);
  for (const name of heading(columns)) {
    const { unit = "", description = "" } = catalogue.described.get(name) ?? {};
    const isNumber = kindOf(name) === "number";
    const said = { note: "The reader's note", starred: "When the source was starred, UTC" }[name] ?? description;
    const field = node(table, "FIELD", { name, datatype: isNumber ? "double" : "unicodeChar", arraysize: isNumber ? "" : "*", unit });
    if (said) node(field, "DESCRIPTION", {}, said);
  }
  const data = node(node(table, "DATA"), "TABLEDATA");
  for (const one of list) {
    const line = node(data, "TR");
    for (const text of cells(one, columns)) node(line, "TD", {}, text);
  }
  return `<?xml version="1.0" encoding="utf-8"?>\n${new XMLSerializer().serializeToString(page)}`;
}

// XML 1.0 has no control characters and no halves of surrogate pairs.
export const legal = (text) => text.toWellFormed().replace(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, "\ufffd");
