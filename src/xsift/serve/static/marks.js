// The shapes of points, by Matplotlib's names for them: colour is never the only sign of a group.

const polygon = (points) => (ctx, x, y, r) => {
  points.forEach(([px, py], k) => ctx[k ? "lineTo" : "moveTo"](x + px * r, y + py * r));
  ctx.closePath();
};

const regular = (n, inner = 1) =>
  Array.from({ length: n * (inner === 1 ? 1 : 2) }, (_, k) => {
    const size = k % 2 && inner !== 1 ? inner : 1;
    const angle = (2 * Math.PI * k) / (inner === 1 ? n : 2 * n) - Math.PI / 2;
    return [size * Math.cos(angle), size * Math.sin(angle)];
  });

const CROSS = [
  [0, -0.4], [0.5, -0.95], [0.95, -0.5], [0.4, 0], [0.95, 0.5], [0.5, 0.95],
  [0, 0.4], [-0.5, 0.95], [-0.95, 0.5], [-0.4, 0], [-0.95, -0.5], [-0.5, -0.95],
];

const SHAPES = {
  o: (ctx, x, y, r) => {
    ctx.moveTo(x + 0.9 * r, y);
    ctx.arc(x, y, 0.9 * r, 0, 2 * Math.PI);
  },
  "^": polygon([[0, -1.05], [0.95, 0.75], [-0.95, 0.75]]),
  v: polygon([[0, 1.05], [0.95, -0.75], [-0.95, -0.75]]),
  "<": polygon([[-1.05, 0], [0.75, 0.95], [0.75, -0.95]]),
  ">": polygon([[1.05, 0], [-0.75, 0.95], [-0.75, -0.95]]),
  s: polygon([[-0.8, -0.8], [0.8, -0.8], [0.8, 0.8], [-0.8, 0.8]]),
  D: polygon([[0, -1.05], [0.9, 0], [0, 1.05], [-0.9, 0]]),
  X: polygon(CROSS),
  P: polygon([[-0.35, -1], [0.35, -1], [0.35, -0.35], [1, -0.35], [1, 0.35], [0.35, 0.35], [0.35, 1], [-0.35, 1], [-0.35, 0.35], [-1, 0.35], [-1, -0.35], [-0.35, -0.35]]),
  d: polygon([[0, -1.05], [0.55, 0], [0, 1.05], [-0.55, 0]]),
  p: polygon(regular(5)),
  h: polygon(regular(6)),
  "*": polygon(regular(5, 0.45)),
};

export function trace(ctx, shape, x, y, r) {
  (SHAPES[shape] ?? SHAPES.o)(ctx, x, y, r);
}

// A small picture of the shape, for legends.
export function markCanvas(shape, colour, size = 12) {
  const canvas = document.createElement("canvas");
  const dense = 2;
  canvas.width = canvas.height = size * dense;
  canvas.className = "mark";
  canvas.setAttribute("aria-hidden", "true");
  const ctx = canvas.getContext("2d");
  ctx.fillStyle = colour;
  ctx.beginPath();
  trace(ctx, shape, (size * dense) / 2, (size * dense) / 2, (size * dense) / 2 - 2);
  ctx.fill();
  return canvas;
}
