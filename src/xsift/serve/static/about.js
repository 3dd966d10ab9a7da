// What this is, how to read it, how to cite it.

import { catalogue } from "./catalogue.js";
import { markerOf, ofGroup } from "./colours.js";
import { count, el, outwards } from "./dom.js";
import { markCanvas } from "./marks.js";

const METHODS = {
  paper: "Detections are clustered without labels, the clusters are linked to known objects, every detection is scored against the classes of its cluster, and the detections of a source vote.",
  calibrated: "The classes are learned from known objects, the probabilities are calibrated on sources held out, and the detections of a source vote.",
};

export function drawAbout(section) {
  const { about } = catalogue;
  const p = (...text) => el("p", {}, ...text);
  const fact = (name, value) => (value === null || value === undefined || value === "" ? [] : [el("dt", {}, name), el("dd", {}, String(value))]);
  section.replaceChildren(
    el("h2", {}, "About this page"),
    p(`${count(catalogue.n_sources)} X-ray sources with ${count(catalogue.n_detections)} detections, each with a probability for every class, `,
      ...(catalogue.has.detections
        ? [`from ${count(catalogue.features.length)} features: ${catalogue.features.map((c) => c.label).join("; ")}. `, METHODS[about.method] ?? ""]
        : ["from the class probabilities of its detections, which vote. The detections themselves are not in this catalogue."])),
    about.in_sample ? el("p", { class: "warning" }, about.in_sample) : "",
    catalogue.is_demo ? p(el("strong", {}, "These sources are simulated."), " Nothing here is a real object.") : "",
    el("h3", {}, "How to read the probabilities"),
    el("ul", {},
      el("li", {}, "A probability says how sure the model is among the classes that it knows, with the class shares of its training. The model never assigns a class that it does not know."),
      about.method === "calibrated"
        ? el("li", {}, "The calibrated method: of sources with a probability of 0.8, about 80 in 100 have that class. \"None of these\" is the probability that a source belongs to none of the classes.")
        : about.method !== "paper" ? "" : el("li", {}, "The probabilities of the published method are overconfident. Read them as ranks: many lie near 0 or 1, and more of them are wrong than they claim."),
      el("li", {}, "± is the scatter between the detections of one source. It is not the error of the mean. A source with one detection has none."),
      el("li", {}, "Ambiguous: the mean of the probabilities and the count of votes name different classes."),
      el("li", {}, "Typicality is the share of known detections in a sparser place of feature space. Near 0 the source is unlike nearly all of them, and its class means little.")),
    el("h3", {}, "How to use it"),
    el("ul", {},
      el("li", {}, "Sky shows where the sources are, Properties what they are like. What is selected in one is selected in all, and the table and its downloads hold the same sources."),
      el("li", {}, "Drag to move, wheel or pinch to zoom, double-click to see all. On a map with the focus: arrows, + and −, 0, and Enter for the nearest source."),
      el("li", {}, "The address holds all your settings. Copy it: a colleague with the same catalogue then sees the same view.")),
    el("h3", {}, "Groups"),
    el("dl", { class: "group-list" }, ...catalogue.groups.flatMap((g) => [
      el("dt", {}, markCanvas(markerOf(g), ofGroup(g)), g === "none" ? "none of these" : g),
      el("dd", {}, catalogue.classes.filter((c) => c.group === g).map((c) => `${c.label} (${c.code})`).join(", "))])),
    el("h3", {}, "This catalogue"),
    el("dl", { class: "facts-list" }, ...fact("Input", about.input), ...fact("Survey", about.survey), ...fact("Release", about.release),
      ...fact("Method", about.method), ...fact("Model", about.model_id), ...fact("Verdict", about.verdict), ...fact("Made", about.created), ...fact("xsift", catalogue.xsift)),
    ...(about.warnings?.length ? [el("h3", {}, "What its run warned of"), el("ul", {}, ...about.warnings.map((w) => el("li", {}, w)))] : []),
    el("h3", {}, "How to cite"),
    p("The method: Pérez-Díaz, Martínez-Galarza, Caicedo & D'Abrusco 2024, ",
      outwards("https://arxiv.org/abs/2401.12203", "Unsupervised machine learning for the classification of astrophysical X-ray sources"),
      `. The data: ${about.survey}${about.reference ? ` (${about.reference})` : ""}. `,
      "The software: xsift, with its version and the model's fingerprint above. Types of known objects come from ",
      outwards("https://simbad.cds.unistra.fr/simbad/", "SIMBAD"), ". The sky survey is ",
      outwards("https://aladin.cds.unistra.fr/AladinLite/", "Aladin Lite"), " (CDS, Strasbourg; GNU GPL 3). It is no part of xsift: your browser loads it when you ask for the survey."),
    el("h3", {}, "For programs"),
    p("Everything on this page comes from an HTTP interface: ", el("a", { href: "/docs" }, "its documentation"), " and ", el("a", { href: "/openapi.json" }, "its description (OpenAPI)"), "."));
}
