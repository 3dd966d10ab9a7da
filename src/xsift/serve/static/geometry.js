// Directions on the sky. Degrees outside, unit vectors inside; Galactic is the frame of the page.

export const DEG = Math.PI / 180;

// ICRS to Galactic (Hipparcos, ESA 1997, vol. 1, eq. 1.5.11).
const G = [
  [-0.0548755604162154, -0.873437090234885, -0.4838350155487132],
  [0.4941094278755837, -0.4448296299600112, 0.7469822444972189],
  [-0.8676661490190047, -0.1980763734312015, 0.4559837761750669],
];

export const vector = (lon, lat) => [
  Math.cos(lat * DEG) * Math.cos(lon * DEG),
  Math.cos(lat * DEG) * Math.sin(lon * DEG),
  Math.sin(lat * DEG),
];

export const lonLat = ([x, y, z]) => [
  ((Math.atan2(y, x) / DEG) + 360) % 360,
  Math.atan2(z, Math.hypot(x, y)) / DEG,
];

export function toGalactic(ra, dec) {
  const v = vector(ra, dec);
  return lonLat(G.map((row) => row[0] * v[0] + row[1] * v[1] + row[2] * v[2]));
}

export function toEquatorial(l, b) {
  const v = vector(l, b);
  return lonLat([0, 1, 2].map((j) => G[0][j] * v[0] + G[1][j] * v[1] + G[2][j] * v[2]));
}

export function separation(a, b) {
  const [p, q] = [vector(...a), vector(...b)];
  return 2 * Math.asin(Math.min(1, Math.hypot(p[0] - q[0], p[1] - q[1], p[2] - q[2]) / 2)) / DEG;
}

// All directions of the catalogue as one array x, y, z, x, y, z, ...
export function vectors(lon, lat) {
  const out = new Float32Array(3 * lon.length);
  for (let i = 0, k = 0; i < lon.length; i++, k += 3) {
    const c = Math.cos(lat[i] * DEG);
    out[k] = c * Math.cos(lon[i] * DEG);
    out[k + 1] = c * Math.sin(lon[i] * DEG);
    out[k + 2] = Math.sin(lat[i] * DEG);
  }
  return out;
}

const X = new Float32Array(1);
const Y = new Float32Array(1);

// The equal-area projection of Hammer about any centre, longitude growing to the left.
export class Hammer {
  constructor(l0, b0, scale, x0, y0) {
    Object.assign(this, { l0, b0, scale, x0, y0 });
    const [cl, sl, cb, sb] = [
      Math.cos(l0 * DEG), Math.sin(l0 * DEG), Math.cos(b0 * DEG), Math.sin(b0 * DEG),
    ];
    this.turn = [cb * cl, cb * sl, sb, -sl, cl, 0, -sb * cl, -sb * sl, cb];
  }

  // With x, y, z the direction seen from the centre: cos b cos(l/2) and the rest follow by roots.
  // v: directions as from `vectors`; xs, ys: (n,) for the pixels.
  project(v, xs, ys) {
    const [a, b, c, d, e, , f, g, h] = this.turn;
    const { x0, y0 } = this;
    const wide = this.scale * 2 * Math.SQRT2;
    const high = this.scale * Math.SQRT2;
    const n = xs.length;
    for (let i = 0, k = 0; i < n; i++, k += 3) {
      const vx = v[k];
      const vy = v[k + 1];
      const vz = v[k + 2];
      const x = a * vx + b * vy + c * vz;
      const y = d * vx + e * vy;
      const z = f * vx + g * vy + h * vz;
      const cosb = Math.sqrt(x * x + y * y);
      const half = Math.sqrt(0.5 * cosb * Math.max(cosb + x, 0)); // cos b cos(l/2)
      // cos b sin(l/2): near the centre the difference cosb - x cancels, y / 2 cos(l/2) does not.
      let across = 0;
      if (x > 0) across = (0.5 * y * cosb) / half;
      else across = y < 0 ? -Math.sqrt(0.5 * cosb * (cosb - x)) : Math.sqrt(0.5 * cosb * (cosb - x));
      const depth = Math.sqrt(1 + half);
      xs[i] = x0 - (wide * across) / depth;
      ys[i] = y0 - (high * z) / depth;
    }
  }

  // The same kind of arrays for one place: others would make the loop above slow for good.
  point(l, b) {
    this.project(Float32Array.from(vector(l, b)), X, Y);
    return [X[0], Y[0]];
  }

  // The direction at a point of the canvas; null beside the sky.
  direction(px, py) {
    const x = (this.x0 - px) / this.scale;
    const y = (this.y0 - py) / this.scale;
    const s = 1 - (x / 4) ** 2 - (y / 2) ** 2;
    if (s < 0.5) return null;
    const z = Math.sqrt(s);
    const lon = 2 * Math.atan2(z * x, 2 * (2 * s - 1));
    const lat = Math.asin(Math.max(-1, Math.min(1, z * y)));
    const v = vector(lon / DEG, lat / DEG);
    const t = this.turn;
    return lonLat([
      t[0] * v[0] + t[3] * v[1] + t[6] * v[2],
      t[1] * v[0] + t[4] * v[1] + t[7] * v[2],
      t[2] * v[0] + t[5] * v[1] + t[8] * v[2],
    ]);
  }
}
