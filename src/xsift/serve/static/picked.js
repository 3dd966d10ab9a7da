// Sources picked one by one: a filter that holds their indices.

import { catalogue } from "./catalogue.js";
import { set, state } from "./state.js";

const MOST = 5000; // as the server takes

export function picked(written = state.index) {
  if (!written) return null;
  return written.split(",").slice(0, MOST).filter((part) => /^\d{1,9}$/.test(part)).map(Number).filter((k) => k < catalogue.n_sources);
}

export const pick = (indices, patch = {}) => set({ ...patch, index: [...new Set(indices)].sort((a, b) => a - b).slice(0, MOST).join(",") });
