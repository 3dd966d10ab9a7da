"""A written catalogue in memory, in the shape in which it is asked about."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from xsift import __version__
from xsift.catalogue.folder import CatalogueFolder, open_folder
from xsift.catalogue.in_sample import in_sample_of
from xsift.catalogue.tables import NONE
from xsift.classes import Classes
from xsift.errors import MissingColumnsError, TableError
from xsift.model import Model, model_of
from xsift.model.schema import ModelTree
from xsift.plots.style import look_of
from xsift.serve.sky import galactic, unit_vectors
from xsift.surveys import Survey
from xsift.surveys.columns import Column, describe
from xsift.write import part_name

__all__ = ["MOST_ROWS", "NO_CODE", "STATUSES", "Served", "plain", "read_served"]

MOST_ROWS = 2_000_000
"""Most sources that are served of a catalogue in parts, and most of its detections beside them."""

STATUSES = ("ambiguous", "unique")
NO_CODE = 255
_NEEDED = ("name", "n_detections", "class_soft", "class_hard", "status", "class", "group")
_DERIVED = {
    "glon": Column("glon", "deg", "pos.galactic.lon", "Galactic longitude"),
    "glat": Column("glat", "deg", "pos.galactic.lat", "Galactic latitude"),
    "p_class": Column("p_class", "", "stat.probability", "Probability of its class"),
    "p_group": Column("p_group", "", "stat.probability", "Probability of its group"),
}


@dataclass(frozen=True, eq=False)
class Served:
    """A catalogue in memory.

    The *index* of a source is its row number in the table. The arrays below use this order.

    Attributes
    ----------
    folder : Path
    is_demo : bool
    record : dict
        Content of `run.json`.
    classes : Classes
    tree : ModelTree or None
    model : Model or None
        None if `vote` wrote the catalogue.
    survey : Survey
    sources : pyarrow.Table
        The table as written, with each column in one chunk. The same holds for `detections`.
    detections : pyarrow.Table or None
        None if `vote` wrote the catalogue, or if there are more than `MOST_ROWS`.
    numbers : dict of ndarray
        Numeric columns of the sources, and the derived columns. Missing values are NaN.
    codes : dict of ndarray of uint8
        Columns with few different words, as positions in `words`. Missing values are `NO_CODE`.
    words : dict of tuple of str
    plain_names : pyarrow.Array
        Names in one case, without blanks.
    owner : ndarray of int32
        Index of the source of each detection. -1 if it has none.
    in_sample : str
        How many detections trained the model, as text. Empty if none did.
    against : dict, optional
        Description of another catalogue whose classes are shown, too (`xsift.serve.against`).
    """

    folder: Path
    is_demo: bool
    record: dict[str, Any] = field(repr=False)
    classes: Classes = field(repr=False)
    tree: ModelTree | None = field(repr=False)
    model: Model | None = field(repr=False)
    survey: Survey = field(repr=False)
    sources: pa.Table = field(repr=False)
    detections: pa.Table | None = field(repr=False)
    numbers: dict[str, np.ndarray] = field(repr=False)
    codes: dict[str, np.ndarray] = field(repr=False)
    words: dict[str, tuple[str, ...]] = field(repr=False)
    plain_names: pa.Array = field(repr=False)
    owner: np.ndarray = field(repr=False)
    in_sample: str = field(repr=False)
    against: dict[str, Any] | None = field(default=None, repr=False)

    @property
    def n(self) -> int:
        """Number of sources."""
        return int(self.sources.num_rows)

    @property
    def features(self) -> tuple[str, ...]:
        """Features of the model. Without a model: the survey's features that the sources have."""
        if self.tree is not None:
            return tuple(self.tree.features)
        return tuple(f.name for f in self.survey.features if f.name in self.numbers)

    def need_detections(self) -> pa.Table:
        """Return the detections.

        Raises
        ------
        TableError
            If the catalogue has none.
        """
        if self.detections is None:
            why = "xsift vote wrote its sources alone"
            if self.tree is not None:
                why = f"more than {MOST_ROWS:,} are not served: take them from {self.folder}"
            raise TableError(f"the catalogue has no detections: {why}")
        return self.detections

    @property
    def has_none(self) -> bool:
        """Whether a source can belong to none of the classes."""
        p_none = self.numbers.get("p_none")
        return p_none is not None and bool((p_none > 0).any())

    @cached_property
    def groups(self) -> tuple[str, ...]:
        """Groups to which a source can belong."""
        return self.words["group"] if self.has_none else self.words["group"][:-1]

    @cached_property
    def columns(self) -> dict[str, Column]:
        """Descriptions of the columns of the sources and of the derived columns."""
        written = {f.name: describe(f) for f in self.sources.schema}
        return written | {k: v for k, v in _DERIVED.items() if k in self.numbers}

    @cached_property
    def xyz(self) -> np.ndarray | None:
        """Directions as unit vectors, shape (3, n). None for a catalogue without positions."""
        if not {"ra", "dec"} <= set(self.numbers):
            return None
        return unit_vectors(self.numbers["ra"], self.numbers["dec"])

    @cached_property
    def detections_of(self) -> tuple[np.ndarray, np.ndarray]:
        """Rows of the detections sorted by source, and the start of each source: (rows, starts)."""
        rows = np.argsort(self.owner, kind="stable").astype(np.int32)
        rows = rows[np.count_nonzero(self.owner < 0) :]
        counts = np.bincount(self.owner[self.owner >= 0], minlength=self.n)
        return rows, np.concatenate([[0], np.cumsum(counts)])

    @cached_property
    def unvoted(self) -> tuple[pa.Array, pa.Array]:
        """Names of the sources without a voting detection: as written, and without blanks."""
        if self.detections is None:
            return pa.array([], pa.string()), pa.array([], pa.string())
        names = self.detections["name"].filter(pa.array(self.owner < 0)).drop_null().unique()
        names = names.cast(pa.string())
        return names, plain(names)

    @cached_property
    def fingerprint(self) -> str:
        """Fingerprint of the catalogue, for the browser's cache."""
        one = self.folder / "sources.parquet"
        stat = (one if one.exists() else self.folder / part_name("sources", 0)).stat()
        made = self.tree.model_id if self.tree else self.record.get("created")
        text = f"{made} {self.n} {stat.st_size} {stat.st_mtime_ns} {__version__}"
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @cached_property
    def names_id(self) -> str:
        """Fingerprint of the ordered names. It ties what a reader keeps to these sources."""
        digest = hashlib.sha256()
        for name in self.sources["name"].to_pylist():
            digest.update(str(name).encode("utf-8", "surrogatepass") + b"\0")
        return digest.hexdigest()[:16]

    def colours(self) -> dict[str, str]:
        """Return the colour of each group."""
        return {name: colour for name, (colour, _) in look_of(self.words["group"]).items()}

    def markers(self) -> dict[str, str]:
        """Return the Matplotlib marker of each group."""
        return {name: marker for name, (_, marker) in look_of(self.words["group"]).items()}


def read_served(folder: str | Path, is_demo: bool = False) -> Served:
    """Read a catalogue that `run`, `classify` or `vote` wrote.

    Raises
    ------
    TableError
        If the folder holds no catalogue, or its tables lack a needed column.
    ModelError
        If its model cannot be used.
    """
    found = open_folder(folder)
    n_sources, n_detections = map(found.rows_in_parts, ("sources", "detections"))
    if n_sources is not None and n_sources > MOST_ROWS:
        raise TableError(
            f"{found.sources}: {n_sources:,} sources, and {MOST_ROWS:,} at most are held in memory "
            "to be served: serve a part of the sky, or look at it with LSDB (--format hats)"
        )
    tree, model, detections = None, None, None
    is_held = n_detections is None or n_detections <= MOST_ROWS
    if not found.is_voted:
        tree = found.need_tree("detections are classified with it")
        model = model_of(tree)
        found.need_detections("a source is shown with them")
        detections = _table(found, "detections", ("name", "role")) if is_held else None
    classes = found.classes
    sources = _table(found, "sources", (*_NEEDED, *classes.columns))
    words = {k: v for k, v in _words(classes).items() if k in sources.column_names}
    codes = {
        name: _coded(sources[name], words[name], f"{found.sources}: column {name}")
        for name in words
    }
    numbers = _numbers(sources)
    numbers |= _derived(numbers, codes, classes)
    owner = _owner(sources, detections)
    pa.default_memory_pool().release_unused()
    return Served(
        found.path,
        is_demo,
        found.record,
        classes,
        tree,
        model,
        found.survey,
        sources,
        detections,
        numbers,
        codes,
        words,
        plain(_array(sources, "name").cast(pa.string())),
        owner,
        str(in_sample_of(found, of_record=not is_held)),
    )


def _owner(sources: pa.Table, detections: pa.Table | None) -> np.ndarray:
    if detections is None:
        return np.empty(0, dtype=np.int32)
    found = pc.index_in(detections["name"], value_set=_array(sources, "name"))
    return np.asarray(found.combine_chunks().fill_null(-1).to_numpy())


def plain(names: Any) -> Any:
    """Remove blanks and case from names. They may be an Arrow array or scalar."""
    return pc.utf8_lower(pc.replace_substring_regex(names, r"\s+", ""))


def _table(found: CatalogueFolder, stem: str, needed: tuple[str, ...]) -> pa.Table:
    table, path = found.read(stem), found.where(stem)
    if missing := [name for name in needed if name not in table.column_names]:
        raise MissingColumnsError(path, missing, table.column_names, "Write the catalogue anew")
    if table.num_rows == 0:
        raise TableError(
            f"{path}: the table has no rows: nothing to serve (no detection voted: run.json counts "
            "what each did; --vote-trained lets those vote that trained the model)"
        )
    kinds = {name: _kind(table.schema.field(name).type) for name in table.column_names}
    fields = [f.with_type(kinds[f.name]) for f in table.schema if kinds[f.name] is not None]
    return table.select([f.name for f in fields]).cast(pa.schema(fields)).combine_chunks()


def _kind(given: pa.DataType) -> pa.DataType | None:
    """Return the kind in which a column is served; None for what is not (lists, times, ...)."""
    if pa.types.is_dictionary(given):
        return _kind(given.value_type)
    if pa.types.is_integer(given) and given != pa.uint64():
        return pa.int64()
    if pa.types.is_floating(given):
        return pa.float64()
    return pa.string() if pa.types.is_string(given) or pa.types.is_large_string(given) else None


def _words(classes: Classes) -> dict[str, tuple[str, ...]]:
    codes = (*classes.codes, NONE)
    groups = (*classes.groups, NONE)
    of_class = ("class", "class_soft", "class_hard", "class_probable", "class_balanced")
    of_group = ("group", "group_probable", "group_balanced")
    return {**dict.fromkeys(of_class, codes), **dict.fromkeys(of_group, groups), "status": STATUSES}


def _coded(column: pa.ChunkedArray, words: tuple[str, ...], where: str) -> np.ndarray:
    found = pc.index_in(column, value_set=pa.array(words)).combine_chunks()
    strange = pc.and_(pc.is_null(found), pc.is_valid(column.combine_chunks()))
    if pc.any(strange).as_py():
        first = column.filter(strange)[0].as_py()
        raise TableError(f"{where}: {first!r} is none of the classes {', '.join(words)}")
    return np.asarray(found.fill_null(NO_CODE).to_numpy(), dtype=np.uint8)


def _array(table: pa.Table, name: str) -> pa.Array:
    """Return a column in one piece; where it is, without the copy that combine_chunks makes."""
    column = table[name]
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def _numbers(table: pa.Table) -> dict[str, np.ndarray]:
    out = {}
    for field_ in table.schema:
        if field_.name != "name" and (
            pa.types.is_integer(field_.type) or pa.types.is_floating(field_.type)
        ):
            out[field_.name] = _array(table, field_.name).to_numpy(zero_copy_only=False)
    return out


def _derived(
    numbers: dict[str, np.ndarray], codes: dict[str, np.ndarray], classes: Classes
) -> dict[str, np.ndarray]:
    out = {}
    if {"ra", "dec"} <= set(numbers):
        out["glon"], out["glat"] = galactic(numbers["ra"], numbers["dec"])
    n = len(codes["class"])
    p_class, p_group = np.full(n, np.nan), np.full(n, np.nan)
    columns = [*classes.columns, "p_none"]
    groups = [*(c.group for c in classes.classes), NONE]
    for j, name in enumerate(columns):
        if name in numbers:
            of_class = codes["class"] == j
            p_class[of_class] = numbers[name][of_class]
    for g, group in enumerate((*classes.groups, NONE)):
        members = [c for c, of in zip(columns, groups, strict=True) if of == group and c in numbers]
        of_group = codes["group"] == g
        p_group[of_group] = sum(numbers[c][of_group] for c in members)
    return {**out, "p_class": p_class, "p_group": p_group}
