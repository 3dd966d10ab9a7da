"""Fit the parameters of the simulated survey to the real tables.

    python tools/fit_populations.py

Reads ``../shared/data`` and writes ``src/xsift/simulate/populations.json``; run it from the root
of the repository. Only parameters leave this file: weights, means, covariances and rates.

What is fitted where:

* a class whose complete twelve-feature rows in ``csc20_detections.parquet`` come from at least 100
  sources is fitted there, any other in ``csc21_labelled_train.parquet``. There hard_hm and hard_ms
  belong to the source and only hard_hs to the detection: the mismatch is split evenly over both;
* the scatter between and within sources, and var_newq_b, in ``csc20_detections.parquet``;
* positions, of every labelled source there; rates of missing values, as published for the whole
  query, with the patterns of ``csc20_query.fits``;
* class shares are the mean of the shares among labelled sources and among the published classes:
  one is biased to what people pointed at, the other to what the method confuses.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow.parquet as pq
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.table import Table
from scipy.optimize import brentq
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree
from sklearn.mixture import GaussianMixture

import xsift
from xsift.classes import PAPER_CLASSES, code_of
from xsift.simulate.populations import (
    NEWQ_STRETCH,
    Component,
    Populations,
    Z,
    draw_z,
    z_from_features,
)

DATA = Path("../shared/data")
OUT = Path("src/xsift/simulate/populations.json")
FILES = (
    "csc20_detections.parquet",
    "csc21_labelled_train.parquet",
    "csc20_query.fits",
    "paper_detection_level.csv.gz",
)
SPELLINGS = (
    "QSO AGN Seyfert_1 Seyfert1 Seyfert_2 Seyfert2 HMXB HighMassXBin LMXB LowMassXBin XB XrayBin "
    "YSO TTau* TTauri* Orion_V* OrionV* CataclyV* RSCVn RSCVnV* EB* EclBin WR* WolfRayet* Pulsar"
)
OTHERS = ("CV*", "RS*", "EB*", "WR*", "Psr")
# Of the 37,878 detections of the published query (Perez-Diaz et al. 2024).
RATES = (0.014098, 0.017873, 0.020328, 0.012091, 0.109509, 0.112123)
MISSING = dict(zip(("hm", "hs", "ms", "var_b", "var_h", "var_s"), RATES, strict=True))
# Uniquely classified sources of the published catalogue, in the order of PAPER_CLASSES.
PUBLISHED = np.array([1323, 999, 848, 293, 1744, 549, 232, 1182, 377, 724])
ENOUGH_SOURCES = 100
FEWEST_ROWS = 8
PER_SOURCE = 3  # detections per source that a mixture sees: bright targets do not define a class


def main() -> None:
    """Fit, check and write the parameters."""
    rng = np.random.default_rng(20)
    csc20, csc21, positions = read_csc20(), read_csc21(), read_positions()
    fits = {code: fit_class(code, csc20, csc21, rng) for code in (*PAPER_CLASSES.codes, *OTHERS)}
    labelled = np.array([csc21["sources"][c] for c in PAPER_CLASSES.codes], dtype=float)
    shares = (labelled / labelled.sum() + PUBLISHED / PUBLISHED.sum()) / 2
    other = np.array([csc21["sources"][c] for c in OTHERS], dtype=float)
    other_places = np.vstack([positions[c] for c in OTHERS])
    intraclass, persistence = scatter_of_sources(csc20, fits)
    tree = {
        "package": f"xsift {xsift.__version__}",
        "inputs": {f: hashlib.sha256((DATA / f).read_bytes()).hexdigest() for f in FILES},
        "z": Z,
        "intraclass": intraclass,
        "persistence": persistence,
        "newq": fit_newq(csc20),
        **fit_n_detections(),
        **fit_query(),
        "closure": float(np.median(np.abs(csc20["closure"])) * 1.4826),
        "multi_obi": csc20["multi_obi"],
        "classes": [
            fits[c] | {"share": s, "sky": fit_sky(positions[c])}
            for c, s in zip(PAPER_CLASSES.codes, shares, strict=True)
        ],
        "others": [
            fits[c] | {"share": s, "sky": fit_sky(other_places, least=1)}
            for c, s in zip(OTHERS, other / other.sum(), strict=True)
        ],
    }
    text = json.dumps(rounded(tree), separators=(",", ":")).replace('{"', '\n{"')
    Populations.model_validate_json(text)
    OUT.write_text(text.lstrip() + "\n", encoding="utf-8")
    print(f"{OUT}: {len(text) / 1024:.0f} KiB, persistence {persistence:.2f}")


def columns_of(table, names) -> dict[str, np.ndarray]:
    """Return columns of an Arrow table as arrays, null as NaN or None."""
    return {n: table[n].to_numpy(zero_copy_only=False) for n in names}


def codes_of(labels) -> np.ndarray:
    """Return SIMBAD codes, '' for none."""
    return np.array([code_of(x) or "" for x in labels], dtype=object)


FEATURES = ["hard_hm", "hard_hs", "hard_ms", "powlaw_gamma", "bb_kt"] + [
    f"var_{what}_{x}" for x in "bhs" for what in ("prob", "ratio")
]


def read_csc20() -> dict:
    """Read complete detections of CSC 2.0, one row per detection group."""
    table = pq.read_table(DATA / FILES[0])
    keep = columns_of(table, ["has_12_features", "detection_group", "multi_obi"])
    _, first = np.unique(keep["detection_group"], return_index=True)
    rows = first[keep["has_12_features"][first].astype(bool)]
    c = {k: v[rows] for k, v in columns_of(table, [*FEATURES, "var_newq_b", "name"]).items()}
    x = {k: c[k].astype(float) for k in [*FEATURES, "var_newq_b"]}
    z = z_from_features(x)
    limit = z_from_features(x | {"hard_hm": x["hard_hs"]})[:, 0]
    return {
        "z": z,
        "newq": x["var_newq_b"],
        "closure": z[:, 0] + z[:, 1] - limit,
        "source": c["name"],
        "code": codes_of(table["label10_best"].to_numpy(zero_copy_only=False)[rows]),
        "multi_obi": float(keep["multi_obi"].mean()),
        "table": FILES[0],
    }


def read_csc21() -> dict:
    """Read detections of CSC 2.1 with a type, hardness taken to the detection."""
    table = pq.read_table(DATA / FILES[1])
    c = columns_of(table, [*FEATURES, "source_group", "otype", "label10"])
    x = {k: c[k].astype(float) for k in FEATURES}
    z = z_from_features(x)
    mismatch = z[:, 0] + z[:, 1] - z_from_features(x | {"hard_hm": x["hard_hs"]})[:, 0]
    z[:, :2] -= mismatch[:, None] / 2
    good = np.isfinite(z).all(axis=1) & (np.abs(mismatch) < 2)
    code = np.where([x is None for x in c["label10"]], codes_of(c["otype"]), codes_of(c["label10"]))
    source = c["source_group"]
    sources = {k: len(set(source[code == k])) for k in set(code)}
    rows = {"z": z[good], "source": source[good], "code": code[good]}
    return rows | {"sources": sources, "table": FILES[1]}


def read_positions() -> dict[str, np.ndarray]:
    """Return unit vectors (Galactic) of the labelled sources of each class, one per source."""
    table = pq.read_table(DATA / FILES[0])
    c = columns_of(table, ["name", "ra", "dec", "label10_best", "simbad_main_type"])
    ten, other = codes_of(c["label10_best"]), codes_of(c["simbad_main_type"])
    code = np.where((ten == "") & np.isin(other, OTHERS), other, ten)
    places = {}
    for k in (*PAPER_CLASSES.codes, *OTHERS):
        _, first = np.unique(np.where(code == k, c["name"], ""), return_index=True)
        rows = first[code[first] == k]
        sky = SkyCoord(c["ra"][rows].astype(float) * u.deg, c["dec"][rows].astype(float) * u.deg)
        places[k] = sky.galactic.cartesian.xyz.value.T
    return places


def fit_class(code: str, csc20: dict, csc21: dict, rng) -> dict:
    """Fit the mixture of one class in z."""
    n20 = len(set(csc20["source"][csc20["code"] == code]))
    table = csc20 if n20 >= ENOUGH_SOURCES else csc21
    rows = rng.permutation(np.flatnonzero(table["code"] == code))
    n_sources = len(set(table["source"][rows]))
    rows = at_most(rows, table["source"], PER_SOURCE)
    # One Gaussian smears the two variability states of a class; three need enough sources.
    some = [1] if n_sources < 35 else [2] if n_sources < 80 else range(3, 6)
    return {
        "code": code,
        "spellings": [s for s in SPELLINGS.split() if code_of(s) == code],
        "table": table["table"],
        "n_rows": len(rows),
        "n_sources": n_sources,
        "components": fit_mixture(table["z"][rows], some),
    }


def at_most(rows: np.ndarray, source: np.ndarray, n: int) -> np.ndarray:
    """Keep the first `n` rows of each source."""
    return np.concatenate([rows[source[rows] == s][:n] for s in dict.fromkeys(source[rows])])


def fit_mixture(z: np.ndarray, n_components) -> list[dict]:
    """Fit full-covariance mixtures on standardised columns; the lowest BIC wins."""
    centre, scale = z.mean(axis=0), z.std(axis=0)
    y = (z - centre) / scale
    fits = [
        GaussianMixture(k, reg_covar=5e-3, n_init=5, max_iter=500, random_state=0).fit(y)
        for k in n_components
    ]
    # A component on a handful of rows would nearly repeat them.
    sound = [g for g in fits if g.weights_.min() * len(y) >= FEWEST_ROWS]
    best = min(sound or fits[:1], key=lambda g: g.bic(y))
    lower = np.tril_indices(z.shape[1])
    covariances = best.covariances_ * np.outer(scale, scale)
    parts = zip(best.weights_, centre + scale * best.means_, covariances, strict=True)
    return [
        {"weight": float(w), "mean": m.tolist(), "covariance": c[lower].tolist()}
        for w, m, c in parts
    ]


def scatter_of_sources(csc20: dict, fits: dict) -> tuple[np.ndarray, float]:
    """Find the scatter between sources that gives simulated detections the archive's likeness.

    For each persistence of the component the intraclass correlations are adjusted until drawn
    detections of a source are as alike as those of the archive; the closest persistence wins.
    """
    target, counts = likeness(csc20)
    classes = [c for c in PAPER_CLASSES.codes if c in counts]
    kinds = [
        SimpleNamespace(components=[Component(**p) for p in fits[c]["components"]]) for c in classes
    ]
    share = np.array([counts[c] for c in classes]) / sum(counts.values())
    best = (np.inf, target, 0.0)
    for persistence in np.arange(0.0, 0.91, 0.1):
        r = target.copy()
        for step in range(10):
            rng = np.random.default_rng(step)
            kind = rng.choice(len(kinds), size=4000, p=share)
            source = np.repeat(np.arange(4000), 3)
            z = draw_z(kinds, kind, source, r, persistence, rng)
            code = np.array(classes, dtype=object)[kind[source]]
            found, _ = likeness({"z": z, "source": source, "code": code})
            misfit = float(((found - target) ** 2).sum())
            best = min(best, (misfit, r, persistence), key=lambda b: b[0])
            r = np.clip(r + (target - found), 0.0, 0.98)
    print(f"likeness {target}\nintraclass {best[1]} persistence {best[2]:.1f} misfit {best[0]:.4f}")
    return best[1], float(best[2])


def likeness(table: dict) -> tuple[np.ndarray, dict]:
    """Correlate z over neighbouring detections of a source, within its class.

    Returns the correlations, every source weighing the same, and the number of sources with
    several detections in each class.
    """
    products, squares, counts = [], [], {}
    for code in PAPER_CLASSES.codes:
        rows = np.flatnonzero(table["code"] == code)
        if len(rows) < 20:
            continue
        y = table["z"][rows] - np.median(table["z"][rows], axis=0)
        y = np.clip(y / (1.4826 * np.median(np.abs(y), axis=0)), -4, 4)
        y = (y - y.mean(axis=0)) / y.std(axis=0)
        order = np.argsort(table["source"][rows], kind="stable")
        y, source = y[order], table["source"][rows][order]
        same = np.flatnonzero(source[1:] == source[:-1])
        _, which, n = np.unique(source[same], return_inverse=True, return_counts=True)
        a, b, weight = y[same], y[same + 1], 1 / n[which][:, None]
        products.append((a * b * weight).sum(axis=0))
        squares.append(((a**2 + b**2) / 2 * weight).sum(axis=0))
        counts[code] = len(n)
    return np.sum(products, axis=0) / np.sum(squares, axis=0), counts


def fit_newq(csc20: dict) -> list[dict]:
    """Fit var_newq_b jointly with the variability of the broad band."""
    newq = np.arcsinh(np.log(csc20["newq"]) / NEWQ_STRETCH)
    return fit_mixture(np.column_stack([csc20["z"][:, 4], csc20["z"][:, 5], newq]), [6])


def fit_n_detections() -> dict:
    """Fit the numbers of detections per source: one, two, and a power law beyond."""
    names = np.loadtxt(DATA / FILES[3], dtype=str, delimiter=",", skiprows=1, usecols=1)
    n = np.array(list(Counter(names).values()))
    top = int(n.max())
    tail = np.arange(3, top + 1)
    mean_log = np.log(n[n >= 3]).mean()

    def excess(alpha: float) -> float:
        p = tail ** (-alpha)
        return float((p * np.log(tail)).sum() / p.sum() - mean_log)

    rates = [(n == 1).mean(), (n == 2).mean(), brentq(excess, 1.01, 10)]
    return {"n_detections": rates, "max_detections": top}


def fit_query() -> dict:
    """Fit count rates, off-axis angles and missing values to the archive's own columns."""
    q = Table.read(DATA / FILES[2])
    value = {c: np.ma.filled(np.ma.asarray(q[c]).astype(float), np.nan) for c in q.colnames[1:]}
    ln_rate = np.log(value["var_mean_b"])
    name = np.asarray(q["name"])
    again = np.flatnonzero(name[1:] == name[:-1])
    rate = ln_rate - ln_rate.mean()
    between = float((rate[again] * rate[again + 1]).mean() / (rate[again] ** 2).mean())
    root = np.sqrt(value["theta"])[:, None]
    return {
        "ln_rate": [ln_rate.mean(), ln_rate.std(), np.clip(between, 0, 0.99)],
        "sqrt_theta": fit_mixture(root, [3]),
        "missing": fit_missing(value),
    }


def fit_missing(value: dict) -> list[dict]:
    """Take the observed patterns and rake their shares to the published rates."""
    column = {g: f"hard_{g}" if len(g) == 2 else f"var_prob_{g[-1]}" for g in MISSING}
    absent = np.column_stack([np.isnan(value[c]) for c in column.values()])
    counts = Counter(map(tuple, absent.tolist()))
    # The extract has no detection without a light curve; the published query has.
    counts[(False, False, False, True, True, True)] += round(MISSING["var_b"] * len(absent))
    patterns = np.array(list(counts))
    share = np.array(list(counts.values()), dtype=float) / sum(counts.values())
    for _ in range(200):
        for i, rate in enumerate(MISSING.values()):
            has = patterns[:, i]
            share[has] *= rate / share[has].sum()
            share[~has] *= (1 - rate) / share[~has].sum()
    names = np.array(list(MISSING))
    return [
        {"missing": names[p].tolist(), "share": s} for p, s in zip(patterns, share, strict=True)
    ]


def fit_sky(xyz: np.ndarray, least: float = 0.02) -> list[dict]:
    """Split a class over fields, the plane, the bulge and the sky away from the plane.

    A crowded field counts from a share of `least` and four sources upwards.
    """
    pairs = cKDTree(xyz).sparse_distance_matrix(cKDTree(xyz), np.radians(0.5))
    _, friend = connected_components(pairs + pairs.T, directed=False)
    size = np.bincount(friend)
    fields = np.flatnonzero(size >= max(4, least * len(xyz)))
    parts = [field_of(xyz[friend == f], len(xyz)) for f in fields]
    rest = xyz[~np.isin(friend, fields)]
    if len(rest):
        parts += [p | {"weight": p["weight"] * len(rest) / len(xyz)} for p in fit_smooth(rest)]
    return [p for p in parts if p["weight"] > 1e-4]


def field_of(xyz: np.ndarray, n_all: int) -> dict:
    """Describe a crowded field: its centre and its size (deg)."""
    centre = np.median(xyz, axis=0)
    centre /= np.linalg.norm(centre)
    separation = np.degrees(np.arccos(np.clip(xyz @ centre, -1, 1)))
    size = np.median(separation) / 1.1774
    l_deg, b_deg = np.degrees([np.arctan2(centre[1], centre[0]), np.arcsin(centre[2])])
    where = {"l_deg": round(l_deg, 1), "b_deg": round(b_deg, 1), "size_deg": max(size, 0.1)}
    return {"kind": "field", "weight": len(xyz) / n_all, **where}


def fit_smooth(xyz: np.ndarray) -> list[dict]:
    """Fit the parts without fields by EM, for each width of the zone that `away` avoids."""
    l_deg = np.degrees(np.arctan2(xyz[:, 1], xyz[:, 0]))
    b_deg = np.degrees(np.arcsin(np.clip(xyz[:, 2], -1, 1)))
    fits = [smooth_em(l_deg, b_deg, edge) for edge in (0.0, 2.0, 5.0, 10.0, 15.0, 20.0)]
    return max(fits, key=lambda f: f[0])[1]


def smooth_em(l_deg: np.ndarray, b_deg: np.ndarray, edge: float) -> tuple[float, list[dict]]:
    """Return log likelihood and parts; densities are per square degree of (l, b)."""
    weight, scale, width = np.ones(3) / 3, 3.0, 5.0
    away = np.where(np.abs(b_deg) >= edge, np.cos(np.radians(b_deg)), 0)
    away = away / (360 * np.degrees(2 * (1 - np.sin(np.radians(edge)))))
    for _ in range(200):
        plane = np.exp(-np.abs(b_deg) / scale) / (2 * scale * 360)
        bulge = np.exp(-(l_deg**2 + b_deg**2) / (2 * width**2)) / (2 * np.pi * width**2)
        density = weight * np.column_stack([away, plane, bulge])
        total = density.sum(axis=1)
        share = density / total[:, None]
        weight = share.mean(axis=0)
        scale = np.clip((share[:, 1] @ np.abs(b_deg)) / (share[:, 1].sum() + 1e-9), 0.3, 10)
        r2 = (share[:, 2] @ (l_deg**2 + b_deg**2)) / (2 * share[:, 2].sum() + 1e-9)
        width = np.clip(np.sqrt(r2), 1.0, 10)
    kinds = zip(("away", "plane", "bulge"), weight, (edge, scale, width), strict=True)
    parts = [{"kind": k, "weight": w, "size_deg": s} for k, w, s in kinds]
    return float(np.log(total).sum()), parts


def rounded(tree):
    """Round every number to five significant digits, through the whole tree."""
    if isinstance(tree, dict):
        return {k: rounded(v) for k, v in tree.items()}
    if isinstance(tree, (list, tuple, np.ndarray)):
        return [rounded(v) for v in tree]
    if isinstance(tree, (float, np.floating)):
        return float(f"{tree:.5g}")
    return tree


if __name__ == "__main__":
    main()
