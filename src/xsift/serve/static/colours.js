// Colours and marks: of the groups as the figures have them, and of a scale for numbers.

import { catalogue } from "./catalogue.js";

const isDark = () => getComputedStyle(document.documentElement).colorScheme === "dark";
export const ink = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

export const rgb = (hex) => [1, 3, 5].map((k) => parseInt(hex.slice(k, k + 2), 16));
const hex = (c) => "#" + c.map((v) => Math.round(v).toString(16).padStart(2, "0")).join("");
const mixed = (c, other, share) => c.map((v, k) => v * (1 - share) + other[k] * share);

// On a dark ground the dark colours of print are lifted.
export function ofGroup(group, onDark = isDark()) {
  const plain = rgb(catalogue.colours?.[group] ?? "#7f7f7f");
  return hex(onDark ? mixed(plain, [255, 255, 255], 0.3) : plain);
}

// The classes of a group are shades of its colour, told apart by lightness.
export function ofClass(k) {
  const { group } = catalogue.classes[k];
  const family = catalogue.classes.filter((c) => c.group === group);
  const place = family.length > 1 ? family.indexOf(catalogue.classes[k]) / (family.length - 1) : 0.5;
  const base = rgb(ofGroup(group));
  return hex(place < 0.5 ? mixed(base, [0, 0, 0], (0.5 - place) * 0.5) : mixed(base, [255, 255, 255], (place - 0.5) * 0.9));
}

export const markerOf = (group) => catalogue.markers?.[group] ?? "o";

// Viridis (van der Walt & Smith; CC0), by its values at nine places.
const VIRIDIS = ["#440154", "#472d7b", "#3b528b", "#2c728e", "#21918c", "#28ae80", "#5ec962", "#addc30", "#fde725"].map(rgb);

// On either ground the end that would vanish into it is left out.
export const densityScale = () => {
  const [from, to] = isDark() ? [70, 255] : [0, 235];
  return Array.from({ length: 256 }, (_, k) => scale[Math.round(from + ((to - from) * k) / 255)]);
};

export const scale = Array.from({ length: 256 }, (_, k) => {
  const at = (k / 255) * (VIRIDIS.length - 1);
  const low = Math.min(Math.floor(at), VIRIDIS.length - 2);
  return mixed(VIRIDIS[low], VIRIDIS[low + 1], at - low).map(Math.round);
});
