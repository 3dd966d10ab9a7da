"""The detections that a validation works on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from xsift.classes import Classes
from xsift.errors import LabelError
from xsift.evaluate.strata import Stratum, strata_of
from xsift.features import columns_that_close, mismatch
from xsift.model.faint import Dimming, dimming_of
from xsift.model.folds import identical_detections, join
from xsift.model.sample import Sample, Training

__all__ = ["Cohort", "cohort_of", "types_to_hold_out"]


@dataclass(frozen=True, eq=False)
class Cohort:
    """Detections of named sources with what is known of them, in key order.

    Attributes
    ----------
    X : ndarray of shape (n, d)
        Raw features; NaN where missing or impossible.
    y : ndarray of int, shape (n,)
        Class index, of a plain class or one apart; -1 for none.
    other : ndarray of object, shape (n,)
        Code of the type, where it is certainly none of the classes; else None.
    source : ndarray of int, shape (n,)
    unit : ndarray of int, shape (n,)
        Sources that share a detection are one unit; so are those of one group that is folded by.
    detection : ndarray of int, shape (n,)
        Rows of one number are one detection.
    along : ndarray of shape (n,)
        What runs along the sky; `along_what` says what it is.
    strata : tuple of Stratum
    field : ndarray of int, shape (n,), optional
        As in `Training`.
    classes : Classes
    plain : ndarray of shape (n, d), optional
        As `X`, but hardness ratios with limits as the table has them: the published method takes
        no middles of limits. None where they are the same.
    counts : ndarray of shape (n,), optional
        Effective counts, as in `Training`.
    types : ndarray of object, shape (n,), optional
        Code of the label or type of each row, as the table has it; where None, a class stands for
        all its types.
    dimming : Dimming, optional
        What fewer counts do to the features; None where the survey does not say.
    """

    X: np.ndarray
    y: np.ndarray
    other: np.ndarray
    source: np.ndarray
    unit: np.ndarray
    detection: np.ndarray
    along: np.ndarray
    along_what: str
    strata: tuple[Stratum, ...]
    classes: Classes
    field: np.ndarray | None = None
    plain: np.ndarray | None = None
    counts: np.ndarray | None = None
    types: np.ndarray | None = None
    dimming: Dimming | None = None

    @property
    def is_other(self) -> np.ndarray:
        """Which rows are known to be of none of the classes, bool of shape (n,)."""
        return np.array([t is not None for t in self.other], dtype=bool)

    @property
    def y_plain(self) -> np.ndarray:
        """Index of the plain class of each row; -1 for none of them."""
        return np.where(self.y < self.classes.n_plain, self.y, -1)

    @property
    def y_open(self) -> np.ndarray:
        """Class of each row, one more for none of the classes; -1 where the type is not known."""
        return np.where(self.is_other, len(self.classes), self.y)

    @property
    def beside(self) -> np.ndarray:
        """Code of the type of each row that is known to be of no plain class; else None."""
        codes = np.array([*self.classes.codes, None], dtype=object)
        types = codes[self.y] if self.types is None else self.types
        return np.where(self.y >= self.classes.n_plain, types, self.other)

    @property
    def is_beside(self) -> np.ndarray:
        """Which rows are known to be of no plain class, bool of shape (n,)."""
        return self.is_other | (self.y >= self.classes.n_plain)

    def numbers(self) -> dict[str, int]:
        """Count the detections and sources, and those with labels and of other types."""
        source, y, is_apart = self.source, self.y_plain, self.y >= self.classes.n_plain
        pairs = np.unique(np.column_stack([source[y >= 0], y[y >= 0]]), axis=0)
        _, n_labels = np.unique(pairs[:, 0], return_counts=True)
        return {
            "detections": len(y),
            "sources": len(np.unique(source)),
            "units": len(np.unique(self.unit)),
            "incomplete_detections": int(np.isnan(self.X).any(axis=1).sum()),
            "labelled_detections": int((y >= 0).sum()),
            "labelled_sources": len(n_labels),
            "sources_with_two_labels": int((n_labels > 1).sum()),
            "detections_of_classes_apart": int(is_apart.sum()),
            "sources_of_classes_apart": len(np.unique(source[is_apart])),
            "detections_of_other_types": int(self.is_other.sum()),
            "sources_of_other_types": len(np.unique(source[self.is_other])),
        }

    def source_labels(self, y: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Return the sources and the class of each: -1 where no detection has a label.

        A source with two labels has that of most of its detections; of equally frequent ones the
        first in the order of the classes.

        Parameters
        ----------
        y : ndarray of int, shape (n,), optional
            Class of each row; where None, its plain class.
        """
        y = self.y_plain if y is None else y
        sources, of = np.unique(self.source, return_inverse=True)
        known = y >= 0
        votes = np.zeros((len(sources), len(self.classes) + 1), dtype=np.int64)
        np.add.at(votes, (of[known], y[known]), 1)
        return sources, np.asarray(np.where(votes.any(axis=1), votes.argmax(axis=1), -1))


def cohort_of(
    sample: Sample, classes: Classes, folds: int, where: str, fold_by: str | None = None
) -> Cohort:
    """Return what a validation in so many folds works on: the detections that have a source.

    Parameters
    ----------
    sample : Sample
    classes : Classes
    folds : int
    where : str
        The file of the labels, for messages.
    fold_by : str, optional
        A column that the sample keeps: sources with the same value are one unit, too. A detection
        without a value is not joined.

    Raises
    ------
    LabelError
        If too few sources have a label.
    """
    rows = sample.in_order(sample.named)
    known, source = sample.training(rows), sample.source(rows)
    unit = known.source
    if fold_by is not None:
        unit = join(unit, sample.kept_codes(fold_by)[rows])
    labelled = (known.y >= 0) & (known.y < classes.n_plain)
    units = [len(np.unique(unit[known.y == k])) for k in np.unique(known.y[labelled])]
    if sum(n >= folds for n in units) < 2:
        raise LabelError(
            f"{where}: {sum(units)} independent {fold_by or 'sources'} of {len(units)} classes "
            f"have a label: two classes with at least {folds} {fold_by or 'sources'} each are "
            f"needed for {folds} folds"
        )
    along, along_what = _along(sample, rows, source)
    return Cohort(
        known.X,
        known.y,
        known.other,
        source,
        unit,
        identical_detections(sample.features.plain[rows]),
        along,
        along_what,
        tuple(_strata(sample, rows, known, source)),
        classes,
        known.field,
        sample.features.plain[rows] if sample.features.middles else None,
        known.counts,
        np.array([*sample.labels.label, None], dtype=object)[rows],
        dimming_of(sample.features.survey, sample.features.names),
    )


def types_to_hold_out(cohort: Cohort, at_least: int) -> tuple[str, ...]:
    """List the types of no plain class with at least so many sources, most sources first."""
    beside = cohort.beside
    sources = {
        t: len(np.unique(cohort.source[beside == t])) for t in {t for t in beside if t is not None}
    }
    chosen = [t for t, n in sources.items() if n >= at_least]
    return tuple(sorted(chosen, key=lambda t: (-sources[t], t)))


def _along(sample: Sample, rows: np.ndarray, source: np.ndarray) -> tuple[np.ndarray, str]:
    """Return what orders the sources along the sky, and say what it is."""
    ra = _column(sample, rows, "ra")
    if ra is not None and np.isfinite(ra).all():
        return ra, "right ascension"
    # Names of the archive hold the right ascension; numbers are taken to run along it.
    return source.astype(np.float64), "the order of the source names, as positions are missing"


def _strata(sample: Sample, rows: np.ndarray, known: Training, source: np.ndarray) -> list[Stratum]:
    latitude = None
    ra, dec = (_column(sample, rows, axis) for axis in ("ra", "dec"))
    if ra is not None and dec is not None:
        from astropy.coordinates import SkyCoord

        latitude = np.full(len(rows), np.nan)
        there = np.isfinite(ra) & np.isfinite(dec)
        galactic = SkyCoord(ra[there], dec[there], unit="deg").galactic
        latitude[there] = np.asarray(galactic.b.deg)
    at = columns_that_close(sample.features.survey.closure, sample.features.names)
    closure = None if at is None else mismatch(known.X, at)
    significance = _column(sample, rows, "significance")
    n_missing = np.isnan(known.X).sum(axis=1)
    return strata_of(source, n_missing, significance, latitude, closure, known.counts)


def _column(sample: Sample, rows: np.ndarray, name: str) -> np.ndarray | None:
    if name not in sample.keys.column_names:
        return None
    values = np.asarray(sample.keys[name].to_numpy(), dtype=np.float64)
    return np.asarray(values[rows])
