// Starred sources: a list that a reader keeps, with a note to each, in this browser alone.
//
// One list a set of sources: kept under a digest of their names, so that a catalogue that is made
// anew of the same table keeps it. What the storage holds is not trusted.

import { catalogue } from "./catalogue.js";
import { el } from "./dom.js";
import { notice } from "./notice.js";

export const MOST = 1000;
export const NOTE = 1000; // characters
const LONGEST = 2_000_000; // of what is read back, characters
const NAME = 300;

let list = null; // [{name, index, note, added}]
let unread = false; // the storage held something that is no list
const watchers = [];

const key = () => `xsift-stars-${catalogue.names_id}`;
export const onStars = (watcher) => watchers.push(watcher);

function tell() {
  for (const watcher of watchers) watcher();
}

export function stars() {
  list ??= stored();
  return list;
}

export const couldNotRead = () => {
  stars();
  return unread;
};

function stored() {
  unread = false;
  try {
    const text = localStorage.getItem(key());
    if (text === null) return [];
    if (text.length > LONGEST) throw new Error("too long");
    return checked(JSON.parse(text));
  } catch (error) {
    unread = error.name !== "SecurityError";
    return [];
  }
}

function checked(found) {
  if (!Array.isArray(found)) throw new Error("no list");
  const seen = new Set();
  const kept = [];
  for (const one of found.slice(0, MOST)) {
    const name = one?.name;
    if (typeof name !== "string" || !name || name.length > NAME || seen.has(name)) continue;
    seen.add(name);
    const isIndex = Number.isInteger(one.index) && one.index >= 0 && one.index < catalogue.n_sources;
    kept.push({
      name,
      index: isIndex ? one.index : -1,
      note: typeof one.note === "string" ? one.note.slice(0, NOTE) : "",
      added: typeof one.added === "string" && !Number.isNaN(Date.parse(one.added)) ? one.added.slice(0, 30) : "",
    });
  }
  return kept;
}

function keep() {
  try {
    if (list.length) localStorage.setItem(key(), JSON.stringify(list));
    else localStorage.removeItem(key());
    unread = false;
  } catch {
    notice("This browser does not keep the list of starred sources: it holds until the page is closed. Export it.", { again: true });
  }
  tell();
}

// Another tab changed the list.
addEventListener("storage", (event) => {
  if (event.key !== null && event.key !== key()) return;
  list = null;
  tell();
});

export const starOf = (name) => stars().find((s) => s.name === name);

export function toggleStar(name, index = -1) {
  const before = starOf(name);
  if (!before && (stars().length >= MOST || name.length > NAME)) {
    notice(`At most ${MOST.toLocaleString("en")} sources can be starred, with names of ${NAME} characters at most.`, { again: true });
    return;
  }
  list = before ? list.filter((s) => s !== before) : [...list, { name, index, note: "", added: new Date().toISOString() }];
  keep();
}

export function setNote(name, note) {
  const star = starOf(name);
  if (!star || star.note === note) return;
  star.note = note.slice(0, NOTE);
  keep();
}

export function clearStars() {
  list = [];
  keep();
}

// A button that stars a source: it follows the list while it is on the page.
export function starButton(name, index) {
  const button = el("button", {
    type: "button", class: "star", "data-star": name,
    onclick: () => toggleStar(name, index),
  }, el("span", { "aria-hidden": "true" }));
  mark(button);
  return button;
}

function mark(button) {
  const { star: name } = button.dataset;
  const isOn = Boolean(starOf(name));
  button.setAttribute("aria-pressed", String(isOn));
  button.setAttribute("aria-label", `Star ${name}`);
  button.title = isOn ? "Starred: press to remove from your list" : "Star: put on your list";
  button.firstChild.textContent = isOn ? "★" : "☆";
}

onStars(() => document.querySelectorAll("button[data-star]").forEach(mark));

// The note to a starred source; nothing while it has no star.
export function noteBox(name) {
  const host = el("div", { class: "note-host", "data-note": name });
  drawNote(host);
  return host;
}

function drawNote(host) {
  const star = starOf(host.dataset.note);
  const area = host.querySelector("textarea");
  if (!star) host.replaceChildren();
  else if (!area) host.replaceChildren(noteField(star.name, star.note));
  else if (document.activeElement !== area) area.value = star.note;
}

onStars(() => document.querySelectorAll("[data-note]").forEach(drawNote));

const waiting = new Map();

function noteField(name, note) {
  return el("textarea", {
    rows: 2, maxlength: NOTE, "aria-label": `Note to ${name}`, placeholder: "Note", value: note,
    oninput: (e) => {
      clearTimeout(waiting.get(name));
      waiting.set(name, setTimeout(() => setNote(name, e.target.value), 400));
    },
    onchange: (e) => setNote(name, e.target.value),
  });
}
