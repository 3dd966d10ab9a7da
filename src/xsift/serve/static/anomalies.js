// The most atypical detections, and the features that make them so.

import { json } from "./api.js";
import { catalogue, unitOf } from "./catalogue.js";
import { ofGroup } from "./colours.js";
import { count, el, shown } from "./dom.js";
import { set } from "./state.js";

export class Anomalies {
  constructor(section) {
    this.list = el("div", { class: "anomalies" });
    this.limit = 50;
    section.append(el("h2", {}, "What fits nothing"),
      el("p", {}, catalogue.has.detections
        ? "These detections lie where the model has seen the fewest known detections. Each row lists the features that make it odd. Without the first feature, its typicality would rise most. "
        : "The detections of these sources lie where the model has seen the fewest known detections. The order is by mean typicality. ",
        "Odd is not wrong: some are rare objects, some are bad measurements."), this.list);
  }

  async update() {
    if (this.found) return;
    this.list.replaceChildren(el("p", { class: "faint", role: "status" }, "Reading"));
    try {
      this.found = await json(`/api/anomalies?limit=${this.limit}`);
      this.draw();
    } catch (error) {
      this.list.replaceChildren(el("p", { class: "faint" }, error.message));
    }
  }

  draw() {
    const rows = this.found.map(({ rank, detection: d, oddities, index }) => {
      const c = catalogue.classes.find((k) => k.code === d.class);
      const name = index === null || index === undefined ? el("span", {}, String(d.name))
        : el("button", { type: "button", class: "link", onclick: () => set({ card: String(d.name) }) }, String(d.name));
      return el("li", {}, el("span", { class: "rank" }, String(rank)),
        el("div", { class: "odd-head" }, name, el("span", { class: "faint" }, d.obsid ? `obs ${d.obsid}` : ""),
          c ? el("span", { class: "dot", vars: { "--tone": ofGroup(c.group) } }, c.label) : null,
          el("span", { class: "faint" }, oneIn(d.typicality)), d.flag ? el("span", { class: "faint small" }, d.flag) : null),
        el("ul", { class: "odd" }, ...oddities.map((o) => el("li", { title: `without it, typicality ${shown(o.typicality_without, 2)}` },
          el("b", {}, o.feature), ` ${[shown(o.value, 3), unitOf(o.feature)].filter(Boolean).join(" ")} `, quantile(o.quantile)))));
    });
    this.list.replaceChildren(el("ol", {}, ...rows),
      this.found.length >= this.limit && this.limit < 200
        ? el("button", { type: "button", onclick: () => { this.limit = 200; this.found = null; this.update(); } }, "Show 200") : "");
  }
}

// A place among the training values as a small scale.
function quantile(q) {
  if (!Number.isFinite(q)) return "";
  const said = q > 0.5 ? `higher than ${percent(q)} of the known` : `lower than ${percent(1 - q)} of the known`;
  return el("span", { class: "quantile" }, el("span", { class: "gauge", "aria-hidden": "true" }, el("i", { vars: { "--at": q } })), el("span", {}, said));
}

const percent = (q) => (q > 0.9995 ? "99.9 %" : `${(q * 100).toFixed(q > 0.99 ? 1 : 0)} %`);

const oneIn = (t) => (t > 0 ? `1 in ${count(Math.round(1 / t))} is as odd` : "odder than all known");
