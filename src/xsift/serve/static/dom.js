// Elements. Text goes in as text, never as markup.

const SVG = "http://www.w3.org/2000/svg";

function build(node, attributes, children) {
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (key === "vars") {
      for (const [name, v] of Object.entries(value)) node.style.setProperty(name, v);
    } else if (["value", "checked", "selected", "disabled", "hidden", "indeterminate"].includes(key)) {
      node[key] = value;
    } else node.setAttribute(key, value === true ? "" : value);
  }
  // The DOM makes a text node of everything that is no node.
  node.append(...children.flat().filter((c) => c !== null && c !== undefined && c !== false));
  return node;
}

export const el = (tag, attributes = {}, ...children) =>
  build(document.createElement(tag), attributes, children);

export const svg = (tag, attributes = {}, ...children) =>
  build(document.createElementNS(SVG, tag), attributes, children);

// A link that leaves the page. Only addresses of the web: the answer could hold another kind.
export function outwards(url, title) {
  const address = new URL(url, location.href);
  const safe = ["https:", "http:"].includes(address.protocol);
  return safe
    ? el("a", { href: address.href, target: "_blank", rel: "noopener noreferrer" }, title)
    : el("span", {}, title);
}

// A number as a reader wants it: at most `digits` significant, a real minus sign.
export function shown(value, digits = 4) {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  if (typeof value !== "number") return String(value);
  if (Number.isInteger(value) && Math.abs(value) < 1e15) return value.toLocaleString("en");
  const size = Math.abs(value);
  const written =
    size !== 0 && (size < 1e-3 || size >= 1e6)
      ? value.toExponential(Math.max(0, digits - 2))
      : String(Number(value.toPrecision(digits)));
  return written.replaceAll("-", "−");
}

export const count = (n) => n.toLocaleString("en");

export function probability(p) {
  if (p === null || p === undefined || Number.isNaN(p)) return "–";
  if (p > 0 && p < 0.005) return "<0.01";
  return p.toFixed(2);
}

// Save a blob under a name.
export function save(blob, name) {
  const link = el("a", { href: URL.createObjectURL(blob), download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

// Call at most once per frame.
export function perFrame(draw) {
  let asked = 0;
  return () => {
    asked ||= requestAnimationFrame(() => {
      asked = 0;
      draw();
    });
  };
}
