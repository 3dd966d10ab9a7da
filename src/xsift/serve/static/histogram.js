// How the values of a column are spread, group by group: bins, what lies beside them, quantiles.

import { IN } from "./selection.js";

const BINS = 40;
export const FEW = 30; // a group of fewer is drawn value by value
const ODD = 0.002; // the outermost values would leave all others in one bin

// The ends of the axis and its bins, from all values of the catalogue: a filter does not move them.
// Whole numbers of a short range have a bin each.
export function binsOf(values, isLog) {
  const there = values.filter((v) => Number.isFinite(v) && (!isLog || v > 0)).sort();
  if (!there.length) return { low: isLog ? 0.1 : 0, high: 1, n: 1 };
  const at = (q) => there[Math.round(q * (there.length - 1))];
  let [low, high] = [at(ODD), at(1 - ODD)];
  if (!isLog && high - low <= 60 && there.every(Number.isInteger)) return { low: low - 0.5, high: high + 0.5, n: high - low + 1 };
  if (!(high > low)) [low, high] = isLog ? [low / 2, low * 2] : [low - 0.5, low + 0.5];
  return { low, high, n: BINS };
}

// values, codes, mask: (n,); codes into the groups. Only what is chosen counts. One entry a group:
// counts (n bins), n, missing, below, above, notPositive, the 16th, 50th and 84th percentile of all
// values that are there; `few`: these values where they are too few for a distribution, else null.
export function histogram(values, codes, mask, n, { low, high, n: bins }, isLog) {
  const groups = Array.from({ length: n }, () => ({
    counts: new Uint32Array(bins), n: 0, missing: 0, below: 0, above: 0, notPositive: 0, values: [],
  }));
  const f = isLog ? Math.log10 : Number;
  const [a, b] = [f(low), f(high)];
  for (let i = 0; i < values.length; i++) {
    const group = groups[codes[i]];
    if (mask[i] !== IN || !group) continue;
    group.n++;
    const v = values[i];
    if (Number.isNaN(v)) group.missing++;
    else {
      group.values.push(v);
      if (isLog && v <= 0) group.notPositive++;
      else if (v < low) group.below++;
      else if (v > high) group.above++;
      else group.counts[Math.min(bins - 1, Math.floor(((f(v) - a) / (b - a)) * bins))]++;
    }
  }
  return groups.map(({ values: found, ...rest }) => ({ ...rest, few: found.length < FEW ? found : null, quantiles: quantiles(Float32Array.from(found).sort()) }));
}

// As NumPy has them: straight between the neighbours.
function quantiles(sorted) {
  return [0.16, 0.5, 0.84].map((q) => {
    const at = q * (sorted.length - 1);
    const k = Math.floor(at);
    return sorted.length ? sorted[k] + (at - k) * ((sorted[k + 1] ?? sorted[k]) - sorted[k]) : NaN;
  });
}
