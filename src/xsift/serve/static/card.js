// A source's card: its verdict, its detections, where it lies among the classes, its known neighbours.

import { json } from "./api.js";
import { classBars, strip } from "./bars.js";
import { catalogue, labelOf } from "./catalogue.js";
import { ofGroup } from "./colours.js";
import { el, outwards, probability, shown } from "./dom.js";
import { toGalactic } from "./geometry.js";
import { among } from "./among.js";
import { MANY, byClass, spread } from "./summary.js";
import { own } from "./own.js";
import { noteBox, starButton } from "./stars.js";
import { set, state, address } from "./state.js";

const box = document.getElementById("card");
let asked = "";
let before = null; // what had the focus

export function watchCard(redraw) {
  box.addEventListener("cancel", (e) => {
    e.preventDefault();
    set({ card: "" });
  });
  document.addEventListener("keydown", (e) => {
    if (e.key === "Escape" && box.open) set({ card: "" });
  });
  watchCard.redraw = redraw;
}

export async function drawCard() {
  if (asked === state.card) return;
  asked = state.card;
  if (!state.card) {
    box.close();
    own.opened = -1;
    watchCard.redraw();
    before?.isConnected && before.focus();
    return;
  }
  if (!box.open) before = document.activeElement;
  box.replaceChildren(head(state.card), el("p", { class: "faint" }, "Reading"));
  // Open beside the view, which stays usable.
  if (!box.open) box.show();
  box.scrollTop = 0;
  box.querySelector("h2").focus();
  try {
    const found = await json(`/api/source?${new URLSearchParams({ name: state.card })}`);
    if (asked === state.card) fill(found);
  } catch (error) {
    box.replaceChildren(head(state.card), el("p", { class: "error", role: "alert" }, error.message));
  }
}

function head(name, index) {
  return el("header", { class: "card-head" },
    el("h2", { id: "card-name", tabindex: "-1" }, name),
    index === undefined ? null : starButton(name, index),
    el("button", { type: "button", class: "quiet", onclick: copyLink }, "Copy link"),
    el("button", { type: "button", class: "quiet round", "aria-label": "Close the card", onclick: () => set({ card: "" }) }, "×"));
}

async function copyLink(event) {
  const link = location.origin + location.pathname + address({ ...state });
  try {
    await navigator.clipboard.writeText(link);
    event.target.textContent = "Copied";
  } catch {
    event.target.textContent = "Copy the link from the address bar";
  }
}

function fill({ index, card, verdict, among: places, neighbours, links }) {
  own.opened = index ?? -1;
  const hadFocus = box.contains(document.activeElement);
  const { source, detections } = card;
  const first = source ?? detections?.[0] ?? {};
  box.replaceChildren(head(String(card.name), own.opened), summary(first), noteBox(String(card.name)), el("p", { class: "verdict" }, verdict),
    ...leading(links, first),
    ...(source ? [el("h3", {}, (detections?.length ?? source.n_detections) > 1 ? "The source: its detections pooled" : "Probabilities"), classBars(source)] : []),
    ...(detections ? ofDetections(detections) : [el("p", { class: "faint" }, "This catalogue has only sources: no detections to show.")]),
    ...(Object.keys(places ?? {}).length ? [el("h3", {}, "Among the classes of this catalogue"), among(places)] : []),
    ...near(neighbours, first));
  if (hadFocus) box.querySelector("h2").focus(); // the heading was made anew
  watchCard.redraw();
}

function ofDetections(detections) {
  const heading = el("h3", {}, detections.length === 1 ? "Its detection" : `Its ${detections.length} detections`);
  if (detections.length <= MANY) return [heading, ...(detections.length > 1 ? [strips(detections)] : []), table(detections)];
  const open = (event) => event.target.open && event.target.childElementCount < 2 && event.target.append(table(detections));
  return [heading, byClass(detections, (d) => title(d) || "detection"), spread(detections),
    el("details", { class: "more", ontoggle: open }, el("summary", {}, `Every value of the ${detections.length} detections`))];
}

function summary(row) {
  const found = catalogue.classes.find((c) => c.code === row.class);
  const facts = [];
  if (Number.isFinite(row.ra)) {
    const [l, b] = toGalactic(row.ra, row.dec);
    facts.push(`RA ${row.ra.toFixed(5)}° Dec ${row.dec.toFixed(5)}°`.replaceAll("-", "−"), `l ${l.toFixed(3)}° b ${b.toFixed(3)}°`.replaceAll("-", "−"));
  }
  if (Number.isFinite(row.typicality)) facts.push(`typicality ${probability(row.typicality)}`);
  if (row.group_set) facts.push(`groups that may be true: ${row.group_set.split("|").join(", ")}`);
  return el("div", { class: "summary" },
    found ? el("span", { class: "class-chip", vars: { "--tone": ofGroup(found.group) } }, found.label) : el("span", { class: "class-chip" }, "no class"),
    found && Number.isFinite(row[found.column]) ? el("span", { class: "p" }, `p = ${probability(row[found.column])}`) : null,
    row.status ? el("span", { class: "tag" }, row.status) : null,
    el("span", { class: "faint facts" }, facts.join(" · ")));
}

// A source with many observations has many links: the first few, the others on demand.
function leading(links, row) {
  const all = links.map(({ url, title: text }) => outwards(url, text));
  const rest = all.splice(links.length > 6 ? 4 : links.length);
  const more = () => el("details", { class: "more" }, el("summary", {}, `${rest.length} more observations`), el("p", { class: "links" }, ...rest));
  return [el("p", { class: "links" }, ...toSky(row), ...all), ...(rest.length ? [more()] : [])];
}

function toSky(row) {
  if (!Number.isFinite(row.ra)) return [];
  const [l, b] = toGalactic(row.ra, row.dec);
  return [el("button", { type: "button", class: "link", onclick: () => set({ view: "sky", at: [row.ra, row.dec], sky: [l, b, 60] }) }, "Show on the sky")];
}

const title = (d) => [d.obsid && `obs ${d.obsid}`, d.obi !== null && d.obi !== undefined && `obi ${d.obi}`].filter(Boolean).join(", ");

function strips(detections) {
  return el("div", { class: "strips", tabindex: "0", role: "region", "aria-label": "Probabilities of each detection" }, ...detections.map((d, k) => el("div", { class: "strip-row" },
    el("span", {}, title(d) || `detection ${k + 1}`), strip(d), el("span", { class: "faint" }, d.class ?? "–"))));
}

// Features down, detections across: what differs between them stands side by side.
function table(detections) {
  const features = catalogue.features.map((c) => c.name);
  const row = (name, value, label = name) => el("tr", {}, el("th", { scope: "row" }, label), ...detections.map((d) => el("td", {}, value(d))));
  const plain = (name, label) => (detections.some((d) => d[name] !== null && d[name] !== undefined) ? row(name, (d) => shown(d[name], 3), label) : null);
  const distances = detections.some((d) => Object.keys(d.squared_distances ?? {}).length);
  return el("div", { class: "wide", tabindex: "0", role: "region", "aria-label": "Detections" }, el("table", { class: "facts-table" },
    el("thead", {}, el("tr", {}, el("th", {}, el("span", { class: "unseen" }, "Quantity")),
      ...detections.map((d, k) => el("th", { scope: "col" }, title(d) || `detection ${k + 1}`)))),
    el("tbody", {}, plain("class"), plain("cluster"), plain("typicality"), plain("role"), plain("flag"), plain("label", "known as"),
      plain("label_separation", "separation [arcsec]"),
      section("Probabilities", detections.length),
      ...catalogue.classes.filter((c) => detections.some((d) => d[c.column] >= 0.005))
        .map((c) => row(c.column, (d) => (Number.isFinite(d[c.column])
          ? el("span", { class: "mini", vars: { "--share": d[c.column], "--tone": ofGroup(c.group) } }, probability(d[c.column])) : "–"), c.label)),
      ...(distances ? [section("Squared distance to the class in its cluster", detections.length),
        ...catalogue.classes.filter((c) => detections.some((d) => c.code in (d.squared_distances ?? {})))
          .map((c) => row(c.code, (d) => shown(d.squared_distances?.[c.code], 3), c.label))] : []),
      section("Features", detections.length),
      ...features.map((name) => row(name, (d) => shown(d[name], 4), labelOf(name))))));
}

const section = (name, n) => el("tr", { class: "part" }, el("th", { colspan: n + 1, scope: "colgroup" }, name));

// Neighbours of another group seem to contradict the verdict: say how both can be true.
function standing(neighbours, { group }) {
  const others = neighbours.filter((n) => n.group && n.group !== group);
  if (!group || !others.length) return "";
  const kinds = [...new Set(others.map((n) => n.group))].join(", ");
  return el("p", { class: "standing" }, `${others.length} of these ${neighbours.length} are of another group (${kinds}) than the verdict (${group}). `,
    `Both can be right. A neighbour is close to one detection. The verdict weighs how each whole class is distributed${catalogue.about.method === "paper" ? "" : ", how common the class is"}, and all detections of the source. `,
    others.length > neighbours.length / 2 ? "Here most neighbours disagree: look at the probabilities of the other groups before you rely on the class." : "");
}

function near(neighbours, row) {
  if (!neighbours?.length) return [];
  return [el("h3", {}, "Nearest known objects among the features"),
    el("p", { class: "faint small" }, "Detections that trained the model, sorted by distance in its feature space."), standing(neighbours, row),
    el("div", { class: "wide" }, el("table", { class: "facts-table left" },
      el("thead", {}, el("tr", {}, ...["Name", "Observation", "Known as", "Distance"].map((h) => el("th", { scope: "col" }, h)))),
      el("tbody", {}, ...neighbours.map((n) => el("tr", {},
        el("td", {}, el("button", { type: "button", class: "link", onclick: () => set({ card: String(n.name) }) }, String(n.name))),
        el("td", {}, String(n.obsid ?? "–")), el("td", {}, el("span", { class: "dot", vars: { "--tone": ofGroup(n.group) } }, n.group ? `${n.label} (${n.group})` : String(n.label))), el("td", {}, shown(n.distance, 3)))))))];
}
