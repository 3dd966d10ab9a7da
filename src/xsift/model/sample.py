"""One reading: a table of detections, and what is known of them, as one object.

Training, validation and classification all take this object; nobody opens the file again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from xsift import read
from xsift.classes import PAPER_CLASSES, Classes, is_certain_other
from xsift.errors import SettingError
from xsift.features import FeatureTable, derive, warn_of_limits
from xsift.label import (
    Labels,
    heed_matches,
    match_known,
    refuse_no_class,
    sort_labels,
    with_types,
)
from xsift.model.folds import fields_on_sky, identical_detections, join
from xsift.model.progress import Progress, silent
from xsift.settings import Settings
from xsift.surveys import Feature, Survey
from xsift.vote import in_order, key_order

__all__ = [
    "CARRIED",
    "Sample",
    "Training",
    "read_sample",
    "refuse_unlabelled",
    "source_codes",
]

CARRIED = ("name", "archive_name", "obsid", "obi", "region_id", "ra", "dec")
"""Columns of the input that the table of detections carries over."""

# What the parts of a validation are told apart by, besides.
_ASIDE = ("significance",)


@dataclass(frozen=True, eq=False)
class Training:
    """The training rows as a method sees them: without names, order and positions.

    Attributes
    ----------
    X : ndarray of shape (n, d)
        Raw features in the survey's units; NaN where missing.
    y : ndarray of int, shape (n,)
        Class index; -1 where there is no label.
    other : ndarray of object, shape (n,)
        Type, where it is known to be none of the classes; else None.
    source : ndarray of int, shape (n,)
        Code of the source: says which rows belong together, and nothing else.
    field : ndarray of int, shape (n,), optional
        Code of the field, or any other group whose sources are alike; -1 says nothing. Where it is
        given, the calibrated method calibrates on fields that were not trained on.
    counts : ndarray of shape (n,), optional
        Effective counts; infinite where a row is exact, as all are where None.
    """

    X: np.ndarray
    y: np.ndarray
    other: np.ndarray
    source: np.ndarray
    field: np.ndarray | None = None
    counts: np.ndarray | None = None

    def take(self, rows: np.ndarray) -> Training:
        """Return some of the rows."""
        field = None if self.field is None else self.field[rows]
        counts = None if self.counts is None else self.counts[rows]
        return Training(
            self.X[rows], self.y[rows], self.other[rows], self.source[rows], field, counts
        )

    @property
    def unit(self) -> np.ndarray:
        """Code of the unit that stays on one side of a split: the source, or its field if given."""
        return self.source if self.field is None else join(self.source, self.field)

    @property
    def is_other(self) -> np.ndarray:
        """Which rows are known to be of another type, bool of shape (n,)."""
        return np.array([t is not None for t in self.other], dtype=bool)


@dataclass(frozen=True, eq=False)
class Sample:
    """Detections and what is known of them, rows as in the file.

    Attributes
    ----------
    path, sha256 : str
        Of the table.
    keys : pyarrow.Table
        ``name`` (the source; null where there is none), the other keys and the position, where the
        table has them.
    features : FeatureTable
    given : frozenset of str
        Columns of the survey that hold a value.
    labels : Labels
    other : ndarray of object, shape (n,)
        Code of the type, where it is certainly none of the classes; else None.
    type_column : str or None
    shared : ndarray of int, shape (n,), or None
        Numbers of detections that several sources share; -1 where there is none.
    separation_arcsec : ndarray of shape (n,), or None
        To the known object; None where the labels stand in the table itself.
    labels_sha256 : str or None
        Of the file of known objects.
    counts : dict of str to int
        Known objects, and those of them that have a detection.
    kept : pyarrow.Table, optional
        Columns of the user's own, for the results.
    called : mapping of str to str
        What the file calls columns of the survey that go by another name in it.
    look : Look, optional
        At these rows, where they are a part of a table.
    """

    path: str
    sha256: str
    keys: pa.Table
    features: FeatureTable
    given: frozenset[str]
    labels: Labels
    other: np.ndarray
    type_column: str | None
    shared: np.ndarray | None
    separation_arcsec: np.ndarray | None
    labels_sha256: str | None
    counts: dict[str, int]
    kept: pa.Table | None = None
    called: Mapping[str, str] = field(default_factory=dict)
    look: read.Look | None = None

    def __len__(self) -> int:
        return len(self.features.X)

    @property
    def named(self) -> np.ndarray:
        """Which detections have a source, bool of shape (n,)."""
        return np.asarray(pc.is_valid(self.keys["name"]))

    def held_to(self, names: Sequence[str], survey: Survey | None = None) -> Sample:
        """Return the sample with some of its features, under another release's profile."""
        features = self.features.select(names)
        return replace(self, features=replace(features, survey=survey or features.survey))

    def in_order(self, chosen: np.ndarray) -> np.ndarray:
        """Return `chosen` rows (bool, shape (n,)) in an order that the file's does not change."""
        return key_order(self.keys, np.flatnonzero(chosen))

    @cached_property
    def _named_codes(self) -> np.ndarray:
        return _codes(self.keys["name"])

    def source(self, rows: np.ndarray) -> np.ndarray:
        """Return the code of the source of each row; a row without a name is its own source."""
        return _of_their_own(self._named_codes[rows])

    def kept_codes(self, name: str) -> np.ndarray:
        """Give each value of a column that is kept a number, by its text; -1 where missing.

        Returns
        -------
        ndarray of int, shape (n,)
        """
        assert self.kept is not None
        (at,) = (i for i, n in enumerate(self.kept.column_names) if n.casefold() == name.casefold())
        column = self.kept.column(at)
        if pa.types.is_dictionary(column.type):
            column = column.cast(column.type.value_type)
        return _codes(column.cast(pa.string()))

    def training(self, rows: np.ndarray) -> Training:
        """Return what a method may see of `rows`, as `in_order` gives them.

        Sources that share a detection are one: numbers say so, or rows that agree in all features.
        """
        X = self.features.values[rows]
        numbers = [] if self.shared is None else [self.shared[rows]]
        # A detection may have limits in one of its rows alone: what the table says is the same.
        unit = join(self.source(rows), identical_detections(self.features.plain[rows]), *numbers)
        field = fields_on_sky(self.keys, self.features.survey.field)
        field = None if field is None else field[rows]
        counts = self.features.counts[rows]
        return Training(X, self.labels.y[rows], self.other[rows], unit, field, counts)


def read_sample(
    table: str | Path | read.Source | read.InMemory,
    survey: Survey,
    features: tuple[Feature, ...],
    settings: Settings,
    classes: Classes | None = None,
    labels: str | Path | read.InMemory | read.Known | None = None,
    need_all: bool = False,
    progress: Progress = silent,
    look: read.Look | None = None,
    heed: bool = True,
) -> Sample:
    """Read a table of detections, and what is known of them.

    Parameters
    ----------
    table : str, Path, Source or InMemory
    survey, features
        What the table is held to, and which features are derived.
    settings : Settings
        Of these, the columns and how known objects are matched.
    classes : Classes, optional
        What the labels are sorted into; where None, nothing is labelled.
    labels : str, Path, InMemory or Known, optional
        Known objects; without it, `settings.label_column` is a column of `table`.
    need_all : bool
        Whether the table must have every feature; types are then not asked for.
    progress : callable
        Called with a description of each step as it begins.
    look : Look, optional
        At the whole table, where `table` is a part of it (`read.read_detections`).
    heed : bool
        Whether labels are refused of which none serves, and warned of: those of a part need not.

    Raises
    ------
    SettingError
        If there are classes and nothing that labels.
    TableError
        As `read.read_detections` does.
    LabelError
        If no known object matches, or no type is a class.
    """
    if classes is not None:
        refuse_unlabelled(labels, settings)
    known: read.Known | None = None
    if isinstance(labels, read.Known):
        known = labels
    elif labels:
        known = read.read_known(labels, survey, settings.label_column)
    progress(f"reading {table}")
    held = read.read_detections(
        table,
        survey,
        features,
        settings.source_column,
        None if known or classes is None else settings.label_column,
        need_all,
        classes is not None and not need_all,
        settings.type_column,
        settings.columns,
        settings.keep,
        look,
    )
    derived = derive(held.table, survey, features)
    if derived.faintness is not None and look is None:
        warn_of_limits(derived.faintness, held.path)
    given = {n for n in held.table.column_names if held.table[n].null_count < held.table.num_rows}
    # The raw columns go once the features are derived: most of a large table's memory.
    kept = [k for k in (*CARRIED, *_ASIDE) if k in held.table.column_names]
    held = replace(held, table=held.table.select(kept))
    pa.default_memory_pool().release_unused()
    if classes is not None:
        progress("matching known objects")
    sorted_labels, separation, counts = _labelled(held, known, settings, classes, heed)
    if classes is not None and held.types is not None:
        n_labelled = sum(label is not None for label in sorted_labels.label)
        sorted_labels = with_types(sorted_labels, held.types, classes)
        by_type = sum(label is not None for label in sorted_labels.label) - n_labelled
        counts["labelled_by_type"] = by_type
    return Sample(
        held.path,
        held.sha256,
        held.table,
        derived,
        frozenset(given),
        sorted_labels,
        _other(sorted_labels, classes),
        held.type_column,
        None if held.shared is None else _codes(held.shared),
        separation,
        known.sha256 if known else None,
        counts,
        held.kept,
        held.called,
        held.look,
    )


def refuse_unlabelled(labels: object, settings: Settings) -> None:
    """Refuse to train without known objects.

    Raises
    ------
    SettingError
    """
    if labels is None and settings.label_column is None:
        raise SettingError("no known objects: give --labels FILE or --label-column COL")


def _labelled(
    held: read.Detections,
    known: read.Known | None,
    settings: Settings,
    classes: Classes | None,
    heed: bool,
) -> tuple[Labels, np.ndarray | None, dict[str, int]]:
    """Label detections by known objects, or by their own column where `known` is None."""
    if classes is None:
        return sort_labels([None] * held.table.num_rows, PAPER_CLASSES), None, {}
    if known is None:
        labels = sort_labels(held.label or [], classes)
        if heed:
            refuse_no_class(labels, classes, held.path, str(settings.label_column))
        return labels, None, {}
    table = held.table
    typed = known.table.filter(pc.is_valid(known.table["label"]))
    codes = tuple(classes.index_of_type)
    match = match_known(table, typed, settings.match, settings.radius, codes)
    labels = sort_labels(match.label, classes)
    if heed:
        heed_matches(table, typed, match, known.path, settings.radius)
        refuse_no_class(labels, classes, known.path, known.label_column)
    counts = {
        "known_objects": known.table.num_rows,
        "known_objects_without_a_type": known.table.num_rows - typed.num_rows,
        "known_objects_matched": match.n_used,
    }
    return labels, match.separation_arcsec, counts


def _other(labels: Labels, classes: Classes | None) -> np.ndarray:
    out = np.full(len(labels.y), None, dtype=object)
    if classes is not None:
        certain = {code for code in set(labels.label) if is_certain_other(code, classes)}
        for row in np.flatnonzero(labels.is_other).tolist():
            if labels.label[row] in certain:
                out[row] = labels.label[row]
    return out


def source_codes(names: pa.ChunkedArray | pa.Array) -> np.ndarray:
    """Return the code of the source of each name, in their order; null is its own source."""
    return _of_their_own(_codes(names))


def _of_their_own(code: np.ndarray) -> np.ndarray:
    return np.asarray(np.where(code < 0, code.max(initial=0) + 1 + np.arange(len(code)), code))


def _codes(column: pa.ChunkedArray | pa.Array) -> np.ndarray:
    """Give each value of a column its place among the sorted ones; null is -1."""
    values = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    distinct = pc.unique(values.drop_null())
    distinct = distinct.take(pc.sort_indices(in_order(distinct)))
    codes = pc.fill_null(pc.index_in(values, value_set=distinct), -1)
    return np.asarray(codes.to_numpy(zero_copy_only=False), dtype=np.int64)
