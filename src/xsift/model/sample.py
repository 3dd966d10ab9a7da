"""From a table of detections to the sample that a validation works on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from xsift import read, surveys
from xsift.classes import Classes, code_of
from xsift.errors import LabelError, MissingColumnsError, SettingError
from xsift.evaluate.sample import Sample, is_certain_other
from xsift.evaluate.splits import identical_detections, join
from xsift.evaluate.strata import Stratum, strata_of
from xsift.features import derive, mismatch
from xsift.label import Labels, heed_matches, match_known, refuse_no_class, sort_labels
from xsift.read import cells, schema
from xsift.settings import Settings
from xsift.surveys import Survey
from xsift.surveys.columns import in_order
from xsift.vote import key_order

__all__ = [
    "Labelled",
    "Sampled",
    "codes_of",
    "known_types",
    "label_detections",
    "other_types",
    "read_sample",
    "units_of",
]

TYPE_COLUMN = "otype"
SHARED_COLUMN = "detection_group"


@dataclass(frozen=True, eq=False)
class Sampled:
    """A table, held to its survey, as a sample.

    Attributes
    ----------
    sample : Sample
    strata : list of Stratum
    survey, feature_set
        What the features are.
    sha256, labels_sha256 : str
        Of the file, and of that of known objects.
    type_column : str
        What told which detections are of other types.
    along : str
        What orders the sources along the sky, in words.
    counts : dict of str to int
    """

    sample: Sample
    strata: list[Stratum]
    survey: Survey
    feature_set: str
    sha256: str
    labels_sha256: str | None
    type_column: str
    along: str
    counts: dict[str, int]


def read_sample(
    table: str | Path,
    labels: str | Path | None,
    settings: Settings,
    folds: int,
    classes: Classes,
) -> Sampled:
    """Read a table of detections, and what is known of them, for a validation.

    Parameters
    ----------
    labels : str or Path, optional
        Known objects; without it, `settings.label_column` is a column of `table`.

    Raises
    ------
    SettingError
        If no label column is named.
    TableError
        As `read_detections` does.
    LabelError
        If too few sources have a label.
    """
    if labels is None and settings.label_column is None:
        raise SettingError("no known objects: give --labels FILE or --label-column COL")
    survey, feature_set = surveys.survey_of(settings.survey, settings.features)
    chosen = survey.feature_set(feature_set)
    known = read.read_known(labels, survey, settings.label_column) if labels else None
    column = None if known else settings.label_column
    # The methods under comparison take incomplete detections, or leave them out by themselves.
    held = read.read_detections(
        table, survey, chosen, settings.source_column, column, need_all=False
    )
    labelled = label_detections(held, known, settings, classes)
    features = derive(held.table, survey, chosen)
    # In key order, so that the order of the file cannot change a fit.
    rows = key_order(held.table, np.flatnonzero(pc.is_valid(held.table["name"])))
    sorted_labels = labelled.labels
    types, type_column, groups = known_types(table, settings.type_column)
    other = other_types(sorted_labels, types, classes)
    X = features.values[rows]
    source = codes_of(held.table["name"])[rows]
    along, how = _along(held.table, rows, source)
    sample = Sample(
        X,
        sorted_labels.y[rows],
        other[rows],
        source,
        units_of(source, X, None if groups is None else groups[rows]),
        identical_detections(X),
        along,
        classes,
    )
    _refuse_few(sample, str(labels or table), folds)
    strata = _strata(held.table, rows, sample, features.names, survey)
    return Sampled(
        sample,
        strata,
        survey,
        feature_set,
        held.sha256,
        known.sha256 if known else None,
        type_column or "the labels",
        how,
        {
            "detections_in_the_table": held.table.num_rows,
            "detections_without_a_source": held.table.num_rows - len(rows),
            **labelled.counts,
            **_counts(sample),
        },
    )


@dataclass(frozen=True, eq=False)
class Labelled:
    """Detections and what is known of them.

    Attributes
    ----------
    labels : Labels
    separation_arcsec : ndarray of shape (n,) or None
        None where the labels stand in the table itself.
    counts : dict of str to int
        Known objects, and those of them that have a detection.
    """

    labels: Labels
    separation_arcsec: np.ndarray | None
    counts: dict[str, int]


def label_detections(
    detections: read.Detections, known: read.Known | None, settings: Settings, classes: Classes
) -> Labelled:
    """Label detections by known objects, or by their own column where `known` is None.

    Raises
    ------
    LabelError
        If no known object matches, or no type is a class.
    """
    if known is None:
        labels = sort_labels(detections.label or [], classes)
        refuse_no_class(labels, classes, detections.path, str(settings.label_column))
        return Labelled(labels, None, {})
    table, typed = detections.table, known.table.filter(pc.is_valid(known.table["label"]))
    match = match_known(table, typed, settings.match, settings.radius, classes.codes)
    heed_matches(table, typed, match, known.path, settings.radius)
    labels = sort_labels(match.label, classes)
    refuse_no_class(labels, classes, known.path, known.label_column)
    counts = {
        "known_objects": known.table.num_rows,
        "known_objects_without_a_type": known.table.num_rows - typed.num_rows,
        "known_objects_matched": match.n_used,
    }
    return Labelled(labels, match.separation_arcsec, counts)


def other_types(labels: Labels, types: Sequence[str | None] | None, classes: Classes) -> np.ndarray:
    """Return the type of each detection that is certainly of none of the classes, else None.

    Parameters
    ----------
    labels : Labels
    types : sequence of (str or None), optional
        Codes, from `known_types`; where None, the labels tell.
    classes : Classes

    Returns
    -------
    ndarray of object, shape (n,)
    """
    free = (labels.y < 0) & ~labels.is_ambiguous
    out = np.full(len(free), None, dtype=object)
    for row, code in enumerate(labels.label if types is None else types):
        if free[row] and is_certain_other(code, classes):
            out[row] = code
    return out


def units_of(source: np.ndarray, X: np.ndarray, shared: np.ndarray | None) -> np.ndarray:
    """Join the sources that share a detection: what must stand on one side of a split.

    Parameters
    ----------
    source : ndarray of int, shape (n,)
    X : ndarray of shape (n, d)
        Raw features: rows that agree in all of them are one detection.
    shared : ndarray of int, shape (n,), optional
        Numbers of detections, from `known_types`.
    """
    same = identical_detections(X)
    return join(source, *([same] if shared is None else [same, shared]))


def known_types(
    table: str | Path, type_column: str | None
) -> tuple[list[str | None] | None, str | None, np.ndarray | None]:
    """Read the types of all detections and the numbers of shared ones, where the table has them.

    Parameters
    ----------
    table : str or Path
    type_column : str, optional
        Where None, otype, if there is such a column.

    Returns
    -------
    types : list of (str or None), or None
        Codes.
    column : str or None
        Where they stand.
    shared : ndarray of int, shape (n,), or None
        Number of the detection, -1 where there is none.
    """
    wanted = type_column or TYPE_COLUMN
    found, _ = read.read_table(table, [wanted, SHARED_COLUMN])
    where = str(table)
    types = groups = None
    column = schema.find_column(found, where, wanted)
    if column is not None:
        spellings = cells.text(found.column(column), where, column).to_pylist()
        codes = {s: code_of(s) for s in set(spellings)}
        types = [codes[s] for s in spellings]
    elif type_column is not None:
        raise MissingColumnsError(where, [type_column], found.column_names)
    shared = schema.find_column(found, where, SHARED_COLUMN)
    if shared is not None:
        groups = codes_of(cells.text(found.column(shared), where, shared))
    return types, column, groups


def codes_of(column: pa.ChunkedArray | pa.Array) -> np.ndarray:
    """Give each value of a column its place among the sorted ones; null is -1."""
    values = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    distinct = pc.unique(values.drop_null())
    distinct = distinct.take(pc.sort_indices(in_order(distinct)))
    codes = pc.fill_null(pc.index_in(values, value_set=distinct), -1)
    return np.asarray(codes.to_numpy(zero_copy_only=False), dtype=np.int64)


def _along(table: pa.Table, rows: np.ndarray, source: np.ndarray) -> tuple[np.ndarray, str]:
    """Return what orders the sources along the sky, and say what it is."""
    if "ra" in table.column_names:
        ra = np.asarray(table["ra"].to_numpy(), dtype=np.float64)[rows]
        if np.isfinite(ra).all():
            return ra, "right ascension"
    # Names of the archive hold the right ascension; numbers are taken to run along it.
    return source.astype(np.float64), "the order of the source names, as positions are missing"


def _refuse_few(sample: Sample, where: str, folds: int) -> None:
    labelled = sample.y >= 0
    units = [len(np.unique(sample.unit[sample.y == k])) for k in np.unique(sample.y[labelled])]
    if sum(n >= folds for n in units) < 2:
        raise LabelError(
            f"{where}: {sum(units)} independent sources of {len(units)} classes have a label: two "
            f"classes with at least {folds} sources each are needed for "
            f"{folds} folds"
        )


def _counts(sample: Sample) -> dict[str, int]:
    source, y = sample.source, sample.y
    pairs = np.unique(np.column_stack([source[y >= 0], y[y >= 0]]), axis=0)
    _, n_labels = np.unique(pairs[:, 0], return_counts=True)
    return {
        "detections": len(y),
        "sources": len(np.unique(source)),
        "units": len(np.unique(sample.unit)),
        "incomplete_detections": int(np.isnan(sample.X).any(axis=1).sum()),
        "labelled_detections": int((y >= 0).sum()),
        "labelled_sources": len(n_labels),
        "sources_with_two_labels": int((n_labels > 1).sum()),
        "detections_of_other_types": int(sample.is_other.sum()),
        "sources_of_other_types": len(np.unique(source[sample.is_other])),
    }


def _strata(
    table: pa.Table, rows: np.ndarray, sample: Sample, names: Sequence[str], survey: Survey
) -> list[Stratum]:
    def column(name: str) -> np.ndarray | None:
        if name not in table.column_names:
            return None
        values = np.asarray(table[name].to_numpy(), dtype=np.float64)
        return np.asarray(values[rows])

    latitude, ra, dec = None, column("ra"), column("dec")
    if ra is not None and dec is not None:
        from astropy.coordinates import SkyCoord

        latitude = np.full(len(rows), np.nan)
        there = np.isfinite(ra) & np.isfinite(dec)
        galactic = SkyCoord(ra[there], dec[there], unit="deg").galactic
        latitude[there] = np.asarray(galactic.b.deg)
    at = survey.closure
    closure = None
    if at is not None and set(at) <= set(names):
        hm, ms, hs = (names.index(n) for n in at)
        closure = mismatch(sample.X, (hm, ms, hs))
    n_missing = np.isnan(sample.X).sum(axis=1)
    return strata_of(sample.source, n_missing, column("significance"), latitude, closure)
