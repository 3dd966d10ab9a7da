"""Draw a survey of known truth from the populations."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from xsift.classes import PAPER_CLASSES
from xsift.errors import SettingError
from xsift.simulate.populations import (
    CONSTANT_RATIO,
    NEWQ_STRETCH,
    Component,
    Population,
    Populations,
    SkyPart,
    draw_z,
    features_from_z,
    load_populations,
)
from xsift.surveys.columns import Column, with_metadata

__all__ = ["Simulation", "simulate"]

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
Columns = dict[str, NDArray[np.generic]]

_APART_ARCSEC = 3.0  # nearer sources would be one source to Chandra, and ambiguous to match
_SAME_GROUP = 0.8  # share of the wrong labels that stay in the group of the right one
_JITTER_ARCSEC = 0.3 / np.sqrt(2)  # along each axis
_NEWQ_IS_ONE = 0.1
_OBSIDS = (1, 20_000)
_COLUMNS_OF = {
    "hm": ("hard_hm",),
    "hs": ("hard_hs",),
    "ms": ("hard_ms",),
    "var_b": ("var_prob_b", "var_mean_b", "var_sigma_b", "var_min_b", "var_max_b"),
    "var_h": ("var_prob_h", "var_mean_h", "var_sigma_h"),
    "var_s": ("var_prob_s", "var_mean_s", "var_sigma_s"),
}
_UNITS = {
    "theta": "arcmin",
    "ra": "deg",
    "dec": "deg",
    "bb_kt": "keV",
    **{
        c: "ct/s"
        for columns in _COLUMNS_OF.values()
        for c in columns
        if c.startswith("var_") and "prob" not in c
    },
}


@dataclass(frozen=True)
class Simulation:
    """A simulated survey.

    Attributes
    ----------
    detections : pyarrow.Table, n rows
        The archive's raw columns, one row per detection, ordered by name, obsid and obi. Missing
        values are null. ra and dec (deg, ICRS) are the source's, the same for its detections.
    known : pyarrow.Table
        Known sources: name, ra, dec (deg, ICRS; 0.3 arcsec off), otype in old and new SIMBAD
        spellings, a few of them wrong.
    truth : array of str (object), (n,)
        SIMBAD code of each detection, in the order of `detections`: one of the ten classes, or
        another type (``CV*``, ``Psr``, ...).
    """

    detections: pa.Table
    known: pa.Table
    truth: NDArray[np.object_]


def simulate(
    n_sources: int = 6000,
    seed: int = 42,
    label_fraction: float = 0.45,
    label_noise: float = 0.03,
    other_fraction: float = 0.05,
    populations: Populations | None = None,
) -> Simulation:
    """Simulate a Chandra-like survey with known types.

    Parameters
    ----------
    n_sources : int
    seed : int
        The same seed gives the same survey.
    label_fraction : float
        Share of the sources with a known type.
    label_noise : float
        Share of the known types of the ten classes that are wrong, mostly inside their group.
    other_fraction : float
        Share of the sources that are none of the ten classes.
    populations : Populations, optional
        What to draw from; the packaged parameters by default.

    Returns
    -------
    Simulation

    Raises
    ------
    SettingError
        If a number of sources or a share is out of range.

    Notes
    -----
    Values are missing at random: which ones does not depend on the class or on the value.
    """
    if n_sources < 1:
        raise SettingError(f"n_sources = {n_sources}: allowed is 1 and more")
    for what, share in (
        ("label_fraction", label_fraction),
        ("label_noise", label_noise),
        ("other_fraction", other_fraction),
    ):
        if not 0 <= share <= 1:
            raise SettingError(f"{what} = {share}: allowed is 0 to 1")
    populations = populations or load_populations()
    rng = np.random.default_rng(seed)
    kinds = populations.classes + populations.others
    kind = _draw_kinds(populations, n_sources, other_fraction, rng)
    ra, dec = _draw_positions(kinds, kind, rng)
    names = _names(ra, dec)
    order = np.argsort(names)  # the archive answers in the order of the names
    kind, ra, dec, names = kind[order], ra[order], dec[order], [names[i] for i in order]
    source = np.repeat(np.arange(n_sources), _draw_counts(populations, n_sources, rng))
    columns = _keys(names, source, populations, rng)
    columns["theta"] = _draw_theta(populations, len(source), rng)
    columns["ra"], columns["dec"] = ra[source], dec[source]
    columns |= _draw_features(populations, kinds, kind, source, rng)
    is_missing = _draw_missing(populations, len(source), rng)
    codes = np.array([k.code for k in kinds], dtype=object)
    known = _known(names, ra, dec, kind, kinds, label_fraction, label_noise, rng)
    return Simulation(_as_table(columns, is_missing), known, codes[kind[source]])


def _draw_kinds(p: Populations, n: int, other_fraction: float, rng: np.random.Generator) -> Ints:
    """Draw the population of each source, as an index into classes + others."""
    share = np.array(
        [c.share * (1 - other_fraction) for c in p.classes]
        + [c.share * other_fraction for c in p.others]
    )
    return rng.choice(len(share), size=n, p=share / share.sum()).astype(np.int64)


def _draw_counts(p: Populations, n: int, rng: np.random.Generator) -> Ints:
    """Draw the number of detections of each source."""
    one, two, exponent = p.n_detections
    many = np.arange(3, p.max_detections + 1) ** -exponent
    share = np.concatenate([[one, two], max(0.0, 1 - one - two) * many / many.sum()])
    return 1 + rng.choice(len(share), size=n, p=share / share.sum()).astype(np.int64)


def _draw_positions(
    kinds: tuple[Population, ...], kind: Ints, rng: np.random.Generator
) -> tuple[Array, Array]:
    """Draw ICRS positions (deg), no two sources nearer than 3 arcsec."""
    from astropy import units as u
    from astropy.coordinates import SkyCoord
    from scipy.spatial import cKDTree

    l_deg, b_deg = np.empty(len(kind)), np.empty(len(kind))
    again = np.arange(len(kind))
    for _ in range(100):
        for k in np.unique(kind[again]):
            rows = again[kind[again] == k]
            l_deg[rows], b_deg[rows] = _draw_sky(kinds[k].sky, len(rows), rng)
        sky = SkyCoord(l_deg * u.deg, b_deg * u.deg, frame="galactic").icrs
        # To the hundredth of an arcsecond: the position is then what the name can say of it.
        ra, dec = np.round(sky.ra.deg, 6) % 360, np.round(sky.dec.deg, 6)
        xyz = sky.cartesian.xyz.value.T
        pairs = cKDTree(xyz).query_pairs(np.radians(_APART_ARCSEC / 3600), output_type="ndarray")
        if not len(pairs):
            break
        again = np.unique(pairs[:, 1])
    else:
        raise SettingError(
            f"n_sources = {len(kind)}: the sky of the populations is too crowded for it"
        )
    return ra, dec


def _draw_sky(parts: tuple[SkyPart, ...], n: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """Draw Galactic longitudes and latitudes (deg) of one class."""
    weight = np.array([part.weight for part in parts])
    which = rng.choice(len(parts), size=n, p=weight / weight.sum())
    l_deg, b_deg = np.empty(n), np.empty(n)
    for i, part in enumerate(parts):
        rows = np.flatnonzero(which == i)
        l_deg[rows], b_deg[rows] = _draw_part(part, len(rows), rng)
    return l_deg, b_deg


def _draw_part(part: SkyPart, n: int, rng: np.random.Generator) -> tuple[Array, Array]:
    l_deg = rng.uniform(0, 360, n)
    if part.kind == "away":
        edge = np.sin(np.radians(part.size_deg))
        b_deg = np.degrees(np.arcsin(rng.uniform(edge, 1, n))) * rng.choice([-1, 1], n)
    elif part.kind == "plane":
        b_deg = rng.laplace(0, part.size_deg, n)
    else:
        b_deg = np.clip(part.b_deg + part.size_deg * rng.standard_normal(n), -89.9, 89.9)
        squeeze = np.cos(np.radians(b_deg))
        l_deg = part.l_deg + part.size_deg * rng.standard_normal(n) / squeeze
    return l_deg % 360, np.clip(b_deg, -90, 90)


def _names(ra: Array, dec: Array) -> list[str]:
    """Name sources by position as the CSC does: truncated, not rounded."""
    centiseconds = np.floor(ra / 15 * 360_000 + 1e-6).astype(int)
    tenths = np.floor(np.abs(dec) * 36_000 + 1e-6).astype(int)
    names = []
    for c, t, south in zip(centiseconds.tolist(), tenths.tolist(), dec < 0, strict=True):
        hms = f"{c // 360_000:02d}{c // 6000 % 60:02d}{c // 100 % 60:02d}.{c % 100:02d}"
        dms = f"{t // 36_000:02d}{t // 600 % 60:02d}{t // 10 % 60:02d}.{t % 10}"
        names.append(f"SIM J{hms}{'-' if south else '+'}{dms}")
    return names


def _keys(names: list[str], source: Ints, p: Populations, rng: np.random.Generator) -> Columns:
    """Draw name, obsid, obi and region_id; (name, obsid, obi) is unique and in order."""
    n = len(source)
    nth = np.arange(n) - np.searchsorted(source, source)
    low, high = _OBSIDS
    start = rng.integers(low, high, source.max() + 1)[source]
    # A constant stride inside a source cannot return to an obsid before it has gone round.
    stride = rng.integers(1, (high - low) // p.max_detections, source.max() + 1)[source]
    obsid = low + (start - low + nth * stride) % (high - low)
    second = (nth % 2 == 1) & (rng.uniform(size=n) < p.multi_obi)
    obsid[second] = obsid[np.flatnonzero(second) - 1]
    obi = second.astype(np.int64)
    order = np.lexsort((obi, obsid, source))
    obsid, obi = obsid[order], obi[order]
    field = np.lexsort((obi, obsid))
    new = np.r_[True, (np.diff(obsid[field]) != 0) | (np.diff(obi[field]) != 0)]
    region_id = np.empty(n, dtype=np.int64)
    region_id[field] = np.arange(n) - np.flatnonzero(new)[np.cumsum(new) - 1] + 1
    name = np.array(names, dtype=object)[source]
    return {"name": name, "obsid": obsid, "obi": obi, "region_id": region_id}


def _draw_theta(p: Populations, n: int, rng: np.random.Generator) -> Array:
    """Draw off-axis angles (arcmin)."""
    weight = np.array([c.weight for c in p.sqrt_theta])
    which = rng.choice(len(weight), size=n, p=weight / weight.sum())
    mean = np.array([c.mean[0] for c in p.sqrt_theta])[which]
    sigma = np.sqrt([c.covariance[0] for c in p.sqrt_theta])[which]
    return (mean + sigma * rng.standard_normal(n)) ** 2


def _draw_features(
    p: Populations,
    kinds: tuple[Population, ...],
    kind: Ints,
    source: Ints,
    rng: np.random.Generator,
) -> Columns:
    """Draw what the archive measures: hardness, spectra and light-curve statistics."""
    z = draw_z(kinds, kind, source, p.intraclass, p.persistence, rng)
    features = features_from_z(z)
    newq = _draw_newq(p.newq, z[:, [4, 5]], rng)
    ratio = {band: features.pop(f"var_ratio_{band}") for band in "bhs"}
    mean = _draw_rates(p, features, source, rng)
    columns: Columns = dict(features)
    for band in "bhs":
        columns[f"var_mean_{band}"] = mean[band]
        columns[f"var_sigma_{band}"] = ratio[band] * mean[band]
    # min <= mean <= max and min >= 0 leave this range for half the distance from min to max.
    half = np.clip(1.5 * ratio["b"], np.abs(newq - 1), np.minimum(newq, 1e3))
    half[ratio["b"] <= CONSTANT_RATIO] = 0
    newq[ratio["b"] <= CONSTANT_RATIO] = 1
    columns["var_min_b"] = (newq - half) * mean["b"]
    columns["var_max_b"] = (newq + half) * mean["b"]
    return columns


def _draw_newq(parts: tuple[Component, ...], given: Array, rng: np.random.Generator) -> Array:
    """Draw var_newq_b given (logit_prob_b, ln_ratio_b), (n, 2)."""
    n = len(given)
    log_weight, mean, sigma = (np.empty((n, len(parts))) for _ in range(3))
    for i, part in enumerate(parts):
        s, mu = part.matrix(), np.array(part.mean)
        slope = np.linalg.solve(s[:2, :2], s[:2, 2])
        delta = given - mu[:2]
        d2 = np.einsum("ni,ni->n", delta, np.linalg.solve(s[:2, :2], delta.T).T)
        log_weight[:, i] = np.log(part.weight) - (d2 + np.linalg.slogdet(s[:2, :2])[1]) / 2
        mean[:, i] = mu[2] + delta @ slope
        sigma[:, i] = np.sqrt(s[2, 2] - slope @ s[:2, 2])
    weight = np.exp(log_weight - log_weight.max(axis=1, keepdims=True))
    edges = np.cumsum(weight, axis=1) / weight.sum(axis=1, keepdims=True)
    which = (rng.uniform(size=n)[:, None] > edges[:, :-1]).sum(axis=1)
    rows = np.arange(n)
    stretched = mean[rows, which] + sigma[rows, which] * rng.standard_normal(n)
    # Rounding in the archive makes a quarter of them exactly 1.
    stretched[np.abs(stretched) < _NEWQ_IS_ONE] = 0
    ln_newq = NEWQ_STRETCH * np.sinh(np.clip(stretched, -8, 10))
    # min >= 0 and min <= mean: no light curve gets below one half.
    newq: Array = np.exp(np.clip(ln_newq, np.log(0.5), np.log(1e3)))
    return newq


def _draw_rates(
    p: Populations, features: dict[str, Array], source: Ints, rng: np.random.Generator
) -> dict[str, Array]:
    """Draw mean count rates (count/s); the hardness ratios share the broad band out."""
    centre, sigma, between = p.ln_rate
    of_source = rng.standard_normal(source.max() + 1)[source]
    offset = np.sqrt(between) * of_source + np.sqrt(1 - between) * rng.standard_normal(len(source))
    broad = np.exp(centre + sigma * offset)
    medium = (1 - features["hard_hm"]) / (1 + features["hard_hm"])
    soft = (1 - features["hard_hs"]) / (1 + features["hard_hs"])
    total = 1 + medium + soft
    return {"b": broad, "h": broad / total, "s": broad * soft / total}


def _draw_missing(p: Populations, n: int, rng: np.random.Generator) -> dict[str, NDArray[np.bool_]]:
    """Draw what is missing: a mask per column that can be."""
    share = np.array([m.share for m in p.missing])
    which = rng.choice(len(share), size=n, p=share / share.sum())
    return {
        column: np.array([group in m.missing for m in p.missing])[which]
        for group, columns in _COLUMNS_OF.items()
        for column in columns
    }


def _known(
    names: list[str],
    ra: Array,
    dec: Array,
    kind: Ints,
    kinds: tuple[Population, ...],
    label_fraction: float,
    label_noise: float,
    rng: np.random.Generator,
) -> pa.Table:
    """Draw the table of known sources."""
    n = len(names)
    rows = np.sort(rng.permutation(n)[: round(label_fraction * n)])
    said = _with_noise(kind[rows], label_noise, rng)
    pick = rng.uniform(size=len(rows))
    otype = []
    for k, r in zip(said.tolist(), pick.tolist(), strict=True):
        spellings = kinds[k].spellings
        otype.append(spellings[int(r * len(spellings))])
    offset = rng.standard_normal((2, len(rows))) * _JITTER_ARCSEC / 3600
    moved = np.clip(dec[rows] + offset[1], -90, 90)
    east = offset[0] / np.maximum(np.cos(np.radians(dec[rows])), 1e-6)
    columns = {
        "name": pa.array([names[i] for i in rows], pa.string()),
        "ra": pa.array((ra[rows] + east) % 360),
        "dec": pa.array(moved),
        "otype": pa.array(otype, pa.string()),
    }
    return with_metadata(pa.table(columns), {c: Column(c, _UNITS.get(c, "")) for c in columns})


def _with_noise(kind: Ints, label_noise: float, rng: np.random.Generator) -> Ints:
    """Replace a share of the ten classes by a wrong one, mostly of the same group."""
    group = [c.group for c in PAPER_CLASSES.classes]
    said = kind.copy()
    wrong = (kind < len(group)) & (rng.uniform(size=len(kind)) < label_noise)
    for i in np.flatnonzero(wrong):
        others = [k for k in range(len(group)) if k != kind[i]]
        near = [k for k in others if group[k] == group[kind[i]]]
        said[i] = rng.choice(near if near and rng.uniform() < _SAME_GROUP else others)
    return said


def _as_table(columns: Columns, is_missing: dict[str, NDArray[np.bool_]]) -> pa.Table:
    arrays = {
        name: pa.array(values, pa.string() if name == "name" else None, mask=is_missing.get(name))
        for name, values in columns.items()
    }
    return with_metadata(pa.table(arrays), {c: Column(c, _UNITS.get(c, "")) for c in arrays})
