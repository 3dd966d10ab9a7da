"""Parts of the sample in which a method may do better or worse."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["Stratum", "strata_of"]


@dataclass(frozen=True, eq=False)
class Stratum:
    """A way to divide the cohort.

    Attributes
    ----------
    title : str
    names : tuple of str
        Of the parts.
    code : ndarray of int, shape (n,)
        Part of each row; -1 for none.
    by_source : bool
        Whether the figures are of sources, not of detections.
    """

    title: str
    names: tuple[str, ...]
    code: np.ndarray
    by_source: bool = False


def strata_of(
    source: np.ndarray,
    n_missing: np.ndarray,
    significance: np.ndarray | None,
    latitude: np.ndarray | None,
    closure: np.ndarray | None,
    counts: np.ndarray | None = None,
) -> list[Stratum]:
    """Divide the sample by what is known of it.

    Parameters
    ----------
    source : ndarray of int, shape (n,)
    n_missing : ndarray of int, shape (n,)
        Features that a row lacks.
    significance, latitude, closure : ndarray of shape (n,), optional
        Signal to noise; Galactic latitude (deg); hardness ratios' mismatch. NaN where not known.
    counts : ndarray of shape (n,), optional
        Effective counts; infinite where a row is exact.
    """
    _, of, n = np.unique(source, return_inverse=True, return_counts=True)
    of_source = np.digitize(n[of], [2, 3, 6])
    parts = ("1", "2", "3 to 5", "6 and more")
    found = [
        Stratum("detections of the source", parts, of_source),
        Stratum("detections of the source; figures by source", parts, of_source, by_source=True),
    ]
    if n_missing.any():
        code = np.digitize(n_missing, [1, 3, 6])
        found.append(Stratum("missing features", ("0", "1 or 2", "3 to 5", "6 and more"), code))
    if significance is not None and np.isfinite(significance).any():
        of_significance = _cut(significance, [5, 10, 30])
        names = ("below 5", "5 to 10", "10 to 30", "30 and more")
        found.append(Stratum("significance", names, of_significance))
    if latitude is not None and np.isfinite(latitude).any():
        names = ("below 5°", "5° to 20°", "20° to 50°", "50° and more")
        found.append(Stratum("|Galactic latitude|", names, _cut(np.abs(latitude), [5, 20, 50])))
    if closure is not None and np.isfinite(closure).any():
        of_closure = _cut(np.abs(closure), [0.01, 0.1])
        limits = ("below 0.01", "0.01 to 0.1", "0.1 and more")
        found.append(Stratum("|closure of the hardness ratios|", limits, of_closure))
    if counts is not None and np.isfinite(counts).any():
        of_counts = np.digitize(counts, [10, 30, 100, 500, np.inf])
        ranges = ("below 10", "10 to 30", "30 to 100", "100 to 500", "500 and more", "exact")
        found.append(Stratum("effective counts", ranges, of_counts))
    return found


def _cut(values: np.ndarray, edges: list[float]) -> np.ndarray:
    return np.where(np.isfinite(values), np.digitize(values, edges), -1)
