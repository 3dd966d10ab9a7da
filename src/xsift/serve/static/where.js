// Filters on any column: what stands in the address, what is asked of the server, which sources pass.
//
// `state.where` holds conditions separated by ~, each column:kind:values with the parts
// percent-encoded: bb_kt:range:0.1:2~hard_hm:missing~group_set:is:AGN:XB.

import { bytes } from "./api.js";
import { unitOf } from "./catalogue.js";
import { shown } from "./dom.js";
import { set, state } from "./state.js";

const KINDS = ["range", "missing", "present", "is"];
const KEPT = 20; // bitsets in memory
const MOST = 40; // conditions in an address
const known = new Map(); // written -> {bits} or {error}

const coded = (text) => encodeURIComponent(text).replaceAll("~", "%7E");

function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part; // a lone percent sign: the server says what it thinks of it
  }
}

export function conditions(written = state.where) {
  return written.split("~").slice(0, MOST).map((one) => one.split(":").map(decoded))
    .filter(([name, kind]) => name && KINDS.includes(kind))
    .map(([name, kind, ...values]) => ({ name, kind, values }));
}

export const written = (list) => list.map(({ name, kind, values = [] }) => [name, kind, ...values].map(coded).join(":")).join("~");

// A column has one condition of a kind; a value is either there or missing.
export function addCondition(condition) {
  const rest = conditions().filter((c) => c.name !== condition.name || clash(c.kind, condition.kind));
  set({ where: written([...rest, condition]) });
}

const clash = (a, b) => a !== b && !(["missing", "present"].includes(a) || ["missing", "present"].includes(b));

export function removeCondition({ name, kind }) {
  set({ where: written(conditions().filter((c) => c.name !== name || c.kind !== kind)) });
}

// The parameters of the HTTP API.
export function parameters() {
  return conditions().flatMap(({ name, kind, values }) => {
    if (kind === "range") return [["range", `${name}:${values[0] ?? ""}:${values[1] ?? ""}`]];
    return kind === "is" ? values.map((word) => ["is", `${name}:${word}`]) : [[kind, name]];
  });
}

// The promise of what is still to be fetched; null where all is here.
export function prepareWhere() {
  const asked = parameters();
  const key = state.where;
  if (!asked.length || known.has(key)) return null;
  return bytes(`/api/filter.bin?${new URLSearchParams(asked)}`).then(
    (buffer) => keep(key, { bits: new Uint8Array(buffer) }),
    (error) => {
      // A line of the server holds; one that did not answer is asked again.
      if (error.status) keep(key, { error: error.message });
      throw error;
    });
}

function keep(key, found) {
  if (known.size >= KEPT) known.delete(known.keys().next().value);
  known.set(key, found);
}

export const whereError = () => known.get(state.where)?.error ?? "";

// The server's bits, one for each source; null: nothing is asked, or not understood.
export const whereBits = () => (parameters().length ? known.get(state.where)?.bits ?? null : null);

export function inWords({ name, kind, values }) {
  const unit = unitOf(name) && ` ${unitOf(name)}`;
  if (kind === "missing") return `${name} is missing`;
  if (kind === "present") return `${name} has a value`;
  if (kind === "is") return `${name}: ${values.join(" or ")}`;
  const [low, high] = values.map((v) => (v === "" || v === undefined ? "" : shown(Number(v), 6)));
  if (low && high) return `${name} ${low} to ${high}${unit}`;
  return low ? `${name} ≥ ${low}${unit}` : high ? `${name} ≤ ${high}${unit}` : `${name} has a value`;
}
