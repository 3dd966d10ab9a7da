"""Find the known object of each detection: on the sky or by source name."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.spatial import KDTree

from xsift.classes import AMBIGUOUS, BANDS, UNKNOWN
from xsift.errors import LabelError, XsiftWarning
from xsift.label.names import namesakes

__all__ = ["Match", "match_known", "nearest_on_sky", "separations"]

_SAYS_LITTLE = AMBIGUOUS | BANDS | {UNKNOWN}
_ARCSEC = np.pi / 180 / 3600


@dataclass(frozen=True)
class Match:
    """The known object of each detection.

    Attributes
    ----------
    label : list of (str or None)
        Its type; None where there is no match, or the object has no type.
    separation_arcsec : ndarray of shape (n,)
        NaN where there is no match, or it was by name.
    how : str
        ``"sky"``, ``"name"`` or ``"sky, else name"``.
    is_matched : ndarray of bool, shape (n,)
        Which detections have a known object.
    n_used : int
        Known objects that have a detection.
    """

    label: list[str | None]
    separation_arcsec: np.ndarray
    how: str
    is_matched: np.ndarray
    n_used: int

    @property
    def n_matched(self) -> int:
        """Detections that have a known object."""
        return int(self.is_matched.sum())


def match_known(
    detections: pa.Table,
    known: pa.Table,
    how: str = "auto",
    radius_arcsec: float = 1.0,
    codes: Sequence[str] = (),
) -> Match:
    """Match known objects to detections: each detection gets the nearest, or its namesake.

    A known object may serve several detections (those of one source lie at one position). Of
    several known objects at one position, or of one name, the first counts whose type is in
    `codes`, else the first whose type is more than ambiguous, else the first; a warning counts
    those that contradict each other.

    Parameters
    ----------
    detections : pyarrow.Table
        With ``name`` or with ``ra`` and ``dec`` (deg).
    known : pyarrow.Table
        With ``label``, and ``name`` or ``ra`` and ``dec`` (deg).
    how : {"auto", "sky", "name"}
        auto: on the sky where both have positions, by name for detections without one.
    radius_arcsec : float
        Largest separation on the sky (paper: 1 arcsec).
    codes : sequence of str
        Types that are classes.

    Raises
    ------
    LabelError
        If the tables do not have what `how` needs.
    """
    on_sky = all({"ra", "dec"} <= set(t.column_names) for t in (detections, known))
    by_name = "name" in known.column_names
    if (how == "sky" and not on_sky) or (how == "name" and not by_name) or not (on_sky or by_name):
        wanted = {"sky": "positions (ra, dec)", "name": "source names"}.get(how, "positions")
        raise LabelError(f"labels cannot be matched: both tables need {wanted} in common")
    labels = known["label"].to_pylist()
    # Stable: of one rank the order of the file stays.
    order = np.argsort([_rank(label, codes) for label in labels], kind="stable")
    index = np.full(detections.num_rows, -1)
    separation = np.full(detections.num_rows, np.nan)
    used = []
    if how in ("auto", "sky") and on_sky:
        ra, dec = _positions(known)
        _warn_of_impossible(known, ra)
        rows = _one_each(_places(ra, dec), order, labels, "position")
        found, separation = nearest_on_sky(
            *_positions(detections), ra[rows], dec[rows], radius_arcsec
        )
        index = np.append(rows, -1)[found]
        used.append("sky")
    if by_name and (how == "name" or (how == "auto" and not _all_placed(detections, on_sky))):
        alone = index < 0 if not on_sky or how == "name" else np.isnan(_positions(detections)[0])
        names = known["name"].combine_chunks().dictionary_encode().indices.fill_null(-1)
        rows = _one_each(np.asarray(names), order, labels, "name")
        index = np.where(alone, namesakes(detections["name"], known["name"], rows), index)
        used.append("name")
    return Match(
        [labels[i] if i >= 0 else None for i in index.tolist()],
        separation,
        ", else ".join(used),
        index >= 0,
        len(np.unique(index[index >= 0])),
    )


def _rank(label: str | None, codes: Sequence[str]) -> int:
    """Rank what a type says: a class, another type, something on how it was seen, nothing."""
    if label is None:
        return 3
    if label in codes:
        return 0
    return 2 if label in _SAYS_LITTLE else 1


def _places(ra: np.ndarray, dec: np.ndarray) -> np.ndarray:
    """Give each position its place along the sky: the order of the file is forgotten."""
    there = np.isfinite(ra) & np.isfinite(dec)
    place = np.full(len(ra), -1)
    # A tenth of a milliarcsecond: the last digits of one position differ between catalogues.
    rounded = ra[there].round(8) % 360 + 1j * dec[there].round(8)
    place[there] = np.unique(rounded, return_inverse=True)[1]
    return place


def _one_each(
    group: np.ndarray, order: np.ndarray, labels: list[str | None], what: str
) -> np.ndarray:
    """Return the row that counts of each group, by `order`; warn of types that contradict it."""
    order = order[group[order] >= 0]
    _, first, of = np.unique(group[order], return_index=True, return_inverse=True)
    rows = order[first]
    code = np.asarray(pa.array(labels, pa.string()).dictionary_encode().indices.fill_null(-1))
    differs = (code[order] >= 0) & (code[rows][of] >= 0) & (code[order] != code[rows][of])
    if differs.any():
        at = int(np.flatnonzero(differs)[0])
        one, other = int(rows[of[at]]), int(order[at])
        warnings.warn(
            f"{len(np.unique(of[differs])):,} known objects have another of the same {what} with "
            f"another type, such as those in rows {one + 1} and {other + 1} ({labels[one]} and "
            f"{labels[other]}): a type that is a class counts first, then one that says more than "
            "Star or X, then the order of the file",
            XsiftWarning,
            stacklevel=3,
        )
    return np.asarray(rows)


def nearest_on_sky(
    ra: np.ndarray,
    dec: np.ndarray,
    known_ra: np.ndarray,
    known_dec: np.ndarray,
    radius_arcsec: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Find the nearest known position within a radius, with a k-d tree on unit vectors.

    Right at the poles and across right ascension 0; of several at the same distance any one.

    Parameters
    ----------
    ra, dec, known_ra, known_dec : ndarray
        deg; NaN positions match nothing.
    radius_arcsec : float

    Returns
    -------
    index : ndarray of int, shape (n,)
        Into the known positions; -1 where none is near enough.
    separation_arcsec : ndarray of shape (n,)
        NaN where there is no match.
    """
    index = np.full(len(ra), -1)
    separation = np.full(len(ra), np.nan)
    here = np.flatnonzero(np.isfinite(ra) & np.isfinite(dec) & (np.abs(dec) <= 90))
    there = np.flatnonzero(
        np.isfinite(known_ra) & np.isfinite(known_dec) & (np.abs(known_dec) <= 90)
    )
    if not len(here) or not len(there):
        return index, separation
    tree = KDTree(_unit_vectors(known_ra[there], known_dec[there]))
    chord = 2 * np.sin(radius_arcsec * _ARCSEC / 2)
    # The slack lets a known object at exactly the radius in; the chord rounds.
    # Neighbours in turn find the same part of the tree in the cache: twice as fast.
    here = here[np.argsort(_cells(ra[here], dec[here]), kind="stable")]
    distance, found = tree.query(
        _unit_vectors(ra[here], dec[here]), distance_upper_bound=chord * (1 + 1e-9)
    )
    hit = np.isfinite(distance)
    index[here[hit]] = there[found[hit]]
    separation[here[hit]] = 2 * np.arcsin(distance[hit] / 2) / _ARCSEC
    return index, separation


def separations(detections: pa.Table, known: pa.Table) -> np.ndarray:
    """Return the distance of each detection to the nearest known object, arcsec; NaN without one.

    Parameters
    ----------
    detections, known : pyarrow.Table
        With ``ra`` and ``dec`` (deg).
    """
    half_turn = 180 * 3600.0
    return nearest_on_sky(*_positions(detections), *_positions(known), half_turn)[1]


def _unit_vectors(ra: np.ndarray, dec: np.ndarray) -> np.ndarray:
    ra, dec = np.deg2rad(ra), np.deg2rad(dec)
    return np.column_stack([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)])


def _cells(ra: np.ndarray, dec: np.ndarray) -> np.ndarray:
    """Return the cell of each position on a coarse grid; 16 bits are sorted in one pass."""
    band = np.floor((dec + 90) / 180 * 127.999).astype(np.uint16)
    return band * np.uint16(512) + np.floor(ra % 360 / 360 * 511.999).astype(np.uint16)


def _positions(table: pa.Table) -> tuple[np.ndarray, np.ndarray]:
    """Return ra and dec, both NaN where one of them is missing or impossible."""
    ra, dec = (np.array(table[c].to_numpy(), dtype=np.float64) for c in ("ra", "dec"))
    # A sine takes any angle: without this a right ascension of 1000 is one of 280.
    is_place = (ra >= 0) & (ra <= 360) & (np.abs(dec) <= 90)
    return np.where(is_place, ra, np.nan), np.where(is_place, dec, np.nan)


def _warn_of_impossible(known: pa.Table, ra: np.ndarray) -> None:
    given = np.asarray(pc.and_(pc.is_valid(known["ra"]), pc.is_valid(known["dec"])))
    if len(rows := np.flatnonzero(given & np.isnan(ra))):
        at = int(rows[0])
        warnings.warn(
            f"known objects with an impossible position: {len(rows):,}, such as that in row "
            f"{at + 1} (ra {known['ra'][at].as_py():g}, dec {known['dec'][at].as_py():g}): not "
            "matched on the sky",
            XsiftWarning,
            stacklevel=3,
        )


def _all_placed(table: pa.Table, on_sky: bool) -> bool:
    return on_sky and not np.isnan(_positions(table)[0]).any()
