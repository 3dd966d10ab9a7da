// By what the points of the feature plane are coloured.

import { catalogue, column } from "./catalogue.js";
import { densityScale, markerOf, ofClass, ofGroup, rgb, scale } from "./colours.js";

const MISSING = 255;
const GREY = [127, 127, 127];
const kept = { key: "", coding: null };

// A code for each source and what the codes look like. null code: density.
export function colouring(name, isLog) {
  if (name === "density") return { code: null, palette: densityScale() };
  if (name === "class") {
    return {
      code: column("class"),
      palette: filled(catalogue.classes.map((_, k) => rgb(ofClass(k)))),
      shapes: catalogue.classes.map((c) => markerOf(c.group)),
    };
  }
  const values = catalogue.described.get(name)?.kind === "number" ? column(name) : null;
  if (!values) {
    return {
      code: column("group"),
      palette: filled(catalogue.groups.map((g) => rgb(ofGroup(g)))),
      shapes: catalogue.groups.map(markerOf),
    };
  }
  const key = `${name} ${isLog}`;
  if (kept.key !== key) Object.assign(kept, { key, coding: coded(values, isLog) });
  return { ...kept.coding, palette: filled(scale) };
}

const filled = (colours) => Array.from({ length: 256 }, (_, k) => (k === MISSING ? GREY : colours[k] ?? GREY));

// Numbers to 0 ... 254 between the 1st and 99th percentile: one odd value does not eat the scale.
function coded(values, isLog) {
  const usable = values.filter((v) => Number.isFinite(v) && (!isLog || v > 0));
  const few = usable.length > 50_000 ? usable.filter((_, k) => k % Math.ceil(usable.length / 50_000) === 0) : usable;
  few.sort();
  const low = few[Math.floor(0.01 * (few.length - 1))] ?? 0;
  let high = few[Math.ceil(0.99 * (few.length - 1))] ?? 1;
  if (!(high > low)) high = isLog ? low * 10 : low + 1;
  const f = isLog ? Math.log10 : Number;
  const [a, b] = [f(low), f(high)];
  const code = new Uint8Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const t = (f(values[i]) - a) / (b - a);
    code[i] = Number.isFinite(t) ? Math.round(254 * Math.max(0, Math.min(1, t))) : MISSING;
  }
  return { code, low, high, missing: values.length - usable.length };
}
