// The search box: a source of the catalogue, coordinates, or (with a network) an object's name by Sesame.

import { json } from "./api.js";
import { catalogue } from "./catalogue.js";
import { el } from "./dom.js";
import { toGalactic } from "./geometry.js";
import { clearNotice, notice } from "./notice.js";
import { set, state } from "./state.js";

const SESAME = "https://cds.unistra.fr/cgi-bin/nph-sesame/-oI/SNV?";

export function watchSearch() {
  const form = document.getElementById("search");
  const box = document.getElementById("query");
  // A few names to try.
  form.append(el("datalist", { id: "examples" }, ...(catalogue.examples ?? []).map((name) => el("option", { value: String(name) }))));
  box.setAttribute("list", "examples");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const words = box.value.trim();
    if (words) await search(words);
  });
}

async function search(words) {
  clearNotice();
  let found = null;
  let said = "";
  try {
    found = await json(`/api/resolve?${new URLSearchParams({ q: words })}`);
  } catch (error) {
    said = error.message;
    if (error.status === 404) found = await byName(words);
  }
  if (!found) {
    notice(navigator.onLine ? said : `${said} (and no network to ask Sesame for objects)`, { again: true });
    return;
  }
  const patch = { card: found.name ? String(found.name) : "" };
  if (Number.isFinite(found.ra)) {
    const [l, b] = toGalactic(found.ra, found.dec);
    const zoom = Math.max(60, state.sky?.[2] ?? 0);
    Object.assign(patch, { at: [found.ra, found.dec], sky: [l, b, zoom].map((v) => Number(v.toPrecision(8))) });
  }
  // A search from the table stays there when it found a source.
  if (!found.name || !["sky", "properties", "table"].includes(state.view)) patch.view = "sky";
  set(patch);
  if (found.place) notice(`${found.place}: from the built-in list of well-known objects`, { again: true });
}

async function byName(words) {
  try {
    const answer = await fetch(SESAME + encodeURIComponent(words), { signal: AbortSignal.timeout(6000) });
    const line = (await answer.text()).match(/^%J\s+([\d.]+)\s+([+-]?[\d.]+)/m);
    return line ? { ra: Number(line[1]), dec: Number(line[2]) } : null;
  } catch {
    return null; // no network: what the server said is shown
  }
}
