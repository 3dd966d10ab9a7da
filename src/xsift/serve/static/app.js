// The page starts here.

import { drawAbout } from "./about.js";
import { Anomalies } from "./anomalies.js";
import { drawCard, watchCard } from "./card.js";
import { fetchColumns, openCatalogue } from "./catalogue.js";
import { Classify } from "./classify.js";
import { Compare } from "./compare.js";
import { Distributions } from "./distributions.js";
import { el, perFrame } from "./dom.js";
import { drawFilters, makeFilters } from "./filters.js";
import { drawLegends } from "./legend.js";
import { watchMenus } from "./menus.js";
import { notice } from "./notice.js";
import { own } from "./own.js";
import { Properties } from "./properties.js";
import { watchSearch } from "./search.js";
import { choose, prepare } from "./selection.js";
import { Sky } from "./sky.js";
import { Starred } from "./starred.js";
import { onStars } from "./stars.js";
import { FILTERS, address, onChange, readAddress, set, state } from "./state.js";
import { Table } from "./table.js";
import { makeTheme } from "./theme.js";

const VIEWS = [
  ["sky", "Sky"], ["properties", "Properties"], ["both", "Side by side"], ["distributions", "Distributions"], ["table", "Table"],
  ["starred", "Starred"], ["compare", "Compare"],
  ["anomalies", "Anomalies"], ["classify", "Classify your own"], ["about", "About"],
];
const views = {};

async function start() {
  readAddress();
  makeTheme(() => redraw());
  let about;
  try {
    about = await openCatalogue();
  } catch (error) {
    document.getElementById("loading").textContent = error.message;
    return;
  }
  document.title = `${about.title} · xsift`;
  document.getElementById("title").textContent = about.title;
  makeTabs();
  await fetchColumns(["class", "group", ...(about.has.positions ? ["glon", "glat"] : [])]);
  makeFilters(document.getElementById("filters"));
  makeViews(about);
  onChange(changed);
  document.getElementById("loading").remove();
  // The map first; the numbers behind the filters follow.
  show(true);
  // The map is drawn in the next frame. The tests read when.
  requestAnimationFrame(() => requestAnimationFrame(() => performance.mark("first-view")));
  await fetchColumns(["status", "p_class", "n_detections", ...(about.has.typicality ? ["typicality"] : [])]);
  await changed(new Set(FILTERS));
  // Drawn in the next frame, and the maps in the one after it.
  requestAnimationFrame(() => requestAnimationFrame(() => (document.body.dataset.ready = "yes")));
}

function makeViews(about) {
  const section = (name) => document.getElementById(`view-${name}`);
  views.sky = new Sky(section("sky"));
  views.properties = new Properties(section("properties"));
  views.starred = new Starred(section("starred"));
  views.distributions = new Distributions(section("distributions"));
  views.table = new Table(section("table"));
  if (about.has.typicality) views.anomalies = new Anomalies(section("anomalies"));
  if (about.has.model) views.classify = { update() {}, page: new Classify(section("classify"), redraw) };
  if (about.against) views.compare = new Compare(section("compare"));
  views.about = { update: () => drawAbout(section("about")) };
  own.redraw = redraw;
  watchCard(redrawMaps);
  onStars(() => {
    drawLegends();
    redrawMaps();
  });
  watchMenus();
  watchSearch();
  const opener = document.getElementById("open-filters");
  opener.addEventListener("click", () => document.body.classList.toggle("with-filters"));
}

function makeTabs() {
  const tabs = document.getElementById("tabs");
  tabs.append(...VIEWS.map(([key, name]) => el("a", {
    href: "#", "data-view": key,
    onclick: (e) => {
      if (e.ctrlKey || e.metaKey || e.shiftKey) return; // a new tab or window shows that view
      e.preventDefault();
      set({ view: key });
    },
  }, name)));
  tabs.before(el("button", { id: "open-filters", type: "button", class: "only-phone" }, "Filters"));
}

// What is shown: one view, or sky and properties side by side.
const shownViews = () => (state.view === "both" ? ["sky", "properties"] : [views[state.view] ? state.view : "sky"]);

function showSections() {
  const names = shownViews();
  for (const section of document.querySelectorAll(".view")) section.hidden = !names.includes(section.id.slice(5));
  document.body.classList.toggle("two", names.length > 1);
  document.body.classList.toggle("reading", ["starred", "anomalies", "classify", "about"].includes(names[0]));
  for (const tab of document.querySelectorAll("#tabs a")) {
    const { view } = tab.dataset;
    tab.hidden = view !== "both" && !views[view];
    if (view === (state.view === "both" ? "both" : names[0])) tab.setAttribute("aria-current", "page");
    else tab.removeAttribute("aria-current");
    tab.href = address({ ...state, view });
  }
  // Where the tabs have too little room they scroll: the one of the view stays in sight.
  const tabs = document.getElementById("tabs");
  if (tabs.scrollWidth > tabs.clientWidth) tabs.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
}

const redraw = perFrame(() => show(true));
// The maps mark the source of the open card.
const redrawMaps = perFrame(() => show(false, new Set(["card"])));

function show(all, keys) {
  if (all) chooseNow();
  else if (keys?.has("colour")) drawLegends();
  showSections();
  for (const name of shownViews()) views[name].update(keys);
  drawCard();
}

function chooseNow() {
  choose();
  drawFilters();
  drawLegends();
}

let turn = 0;

async function changed(keys) {
  const mine = ++turn;
  since ||= performance.now();
  const filters = FILTERS.some((key) => keys.has(key));
  if (filters && !keys.has("page") && state.page) state.page = 0;
  const waiting = prepare();
  try {
    if (waiting) await waiting;
  } catch (error) {
    notice(error.message, { again: true });
  }
  if (mine !== turn && waiting) return;
  later(filters, keys);
}

let everything = false;
const keysLeft = new Set();
let since = 0;
const frame = perFrame(() => {
  const start = since;
  since = 0;
  show(everything, new Set(keysLeft));
  everything = false;
  keysLeft.clear();
  // How long the last change took until it was drawn, in ms: the tests read it. The views draw in
  // the next frame, and asked for it before this.
  requestAnimationFrame(() => (document.body.dataset.took = String(Math.round(performance.now() - start))));
});

function later(filters, keys) {
  everything ||= filters;
  for (const key of keys) keysLeft.add(key);
  frame();
}

addEventListener("unhandledrejection", (event) => notice(String(event.reason?.message ?? event.reason), { again: true }));
start();
