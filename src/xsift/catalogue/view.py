"""A written catalogue as arrays: what its figures, tables and hypotheses are made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from xsift.catalogue.folder import CatalogueFolder, opened
from xsift.catalogue.in_sample import InSample, in_sample_of
from xsift.catalogue.tables import NONE, Catalogue
from xsift.classes import Classes, code_of
from xsift.errors import MissingColumnsError, TableError
from xsift.surveys import Survey

__all__ = ["CatalogueView", "DetectionsView", "view_catalogue"]


@dataclass(frozen=True, eq=False)
class DetectionsView:
    """The detections of a catalogue.

    Attributes
    ----------
    features : dict of str to ndarray of shape (n,)
        NaN where missing or impossible.
    abs_b_deg : ndarray of shape (n,) or None
        Absolute Galactic latitude; None where no detection has a position.
    cluster : ndarray of int, shape (n,)
        -1: none.
    source : ndarray of int, shape (n,)
        Number of the source; -1: a detection without a name.
    code : ndarray of int, shape (n,)
        Class given to the detection, an index into `CatalogueView.names`; -1: none is given.
    label : ndarray of int, shape (n,)
        Class of the known object, an index into the classes; -1: none of them.
    role_counts : dict of str to int
    """

    features: dict[str, np.ndarray]
    abs_b_deg: np.ndarray | None
    cluster: np.ndarray
    source: np.ndarray
    code: np.ndarray
    label: np.ndarray
    role_counts: dict[str, int]

    @property
    def n_clusters(self) -> int:
        """Clusters, counted to the highest number met."""
        return int(self.cluster.max(initial=-1)) + 1


@dataclass(frozen=True, eq=False)
class CatalogueView:
    """A classified catalogue.

    Attributes
    ----------
    found : CatalogueFolder
        What was opened: for tables and the model.
    folder : Path
        A mere name for a catalogue in memory.
    record : dict
        `run.json`; empty where there is none.
    classes : Classes
    method : str
        ``paper``, ``calibrated``, or empty where the folder has no model.
    survey : Survey
    names, groups : tuple of str
        Codes of the classes, and their groups, with ``none`` at the end where a source is of none.
    code, group : ndarray of int, shape (n,)
        Class and group of each source, as indices into `names` and `groups`; -1: no class.
    is_unique : ndarray of bool, shape (n,)
        Both votes agree.
    p : ndarray of shape (n,)
        Probability of the source's own class.
    p_group : ndarray of shape (n, G)
        Probability of each of `all_groups`.
    all_groups : tuple of str
        The groups of the classes, and ``none`` where the catalogue has `p_none`.
    n_detections : ndarray of int, shape (n,)
    features : dict of str to ndarray of shape (n,)
        Of the source's first detection that voted; NaN where missing or impossible.
    l_deg, b_deg : ndarray of shape (n,) or None
        Galactic coordinates; None where no source has a position.
    p_none, typicality : ndarray of shape (n,) or None
    detections : DetectionsView or None
        None where `xsift vote` wrote the catalogue.
    in_sample : InSample
    """

    found: CatalogueFolder
    folder: Path
    record: dict[str, Any]
    classes: Classes
    method: str
    survey: Survey
    names: tuple[str, ...]
    groups: tuple[str, ...]
    code: np.ndarray
    group: np.ndarray
    is_unique: np.ndarray
    p: np.ndarray
    p_group: np.ndarray
    all_groups: tuple[str, ...]
    n_detections: np.ndarray
    features: dict[str, np.ndarray]
    l_deg: np.ndarray | None
    b_deg: np.ndarray | None
    p_none: np.ndarray | None
    typicality: np.ndarray | None
    detections: DetectionsView | None
    in_sample: InSample

    @property
    def group_of_name(self) -> list[str]:
        """Group of each of `names`."""
        known = {c.code: c.group for c in self.classes.classes}
        return [known.get(name, NONE) for name in self.names]

    def of_unique(self, code: np.ndarray) -> np.ndarray:
        """Return the populations of the uniquely classified sources alone: -1 elsewhere."""
        return np.where(self.is_unique, code, -1)


def view_catalogue(catalogue: Catalogue | str | Path) -> CatalogueView:
    """View a catalogue in memory, or read one that `run`, `classify`, `vote` or `demo` wrote.

    Raises
    ------
    TableError
        If the folder holds no catalogue, or one that lacks what every catalogue has.
    """
    found = opened(catalogue)
    path, survey, classes = found.where("sources"), found.survey, found.classes
    table = _read(found, "sources", ("n_detections", "status", "class", "typicality"))
    needed = ["class", "status", "n_detections", *classes.columns]
    if missing := [c for c in needed if c not in table.column_names]:
        raise MissingColumnsError(path, missing, table.column_names, "Write the catalogue anew")
    place = {name: i for i, name in enumerate((*classes.codes, NONE))}
    code = _codes(table["class"], place)
    has_none = bool((code == len(classes)).any())
    names = (*classes.codes, *((NONE,) if has_none else ()))
    groups = (*classes.groups, *((NONE,) if has_none else ()))
    of = np.array([*(groups.index(c.group) for c in classes.classes), len(classes.groups), -1])
    l_deg, b_deg = _galactic(table, survey, path)
    chances = [
        _numbers(table, c, path) for c in (*classes.columns, "p_none") if c in table.column_names
    ]
    own = np.full(table.num_rows, np.nan)
    all_groups = (*classes.groups, NONE)[: len(classes.groups) + (len(chances) > len(classes))]
    p_group = np.zeros((table.num_rows, len(all_groups)))
    for k, chance in enumerate(chances):
        own[code == k] = chance[code == k]
        p_group[:, of[k]] += chance
    return CatalogueView(
        found=found,
        folder=found.path,
        record=found.record,
        classes=classes,
        method=found.tree.method if found.tree else "",
        survey=survey,
        names=names,
        groups=groups,
        code=code,
        group=of[code],
        is_unique=np.asarray(pc.equal(table["status"], "unique").fill_null(False)),
        p=own,
        p_group=p_group,
        all_groups=all_groups,
        n_detections=np.nan_to_num(_numbers(table, "n_detections", path), nan=1).astype(np.int64),
        features=_features(table, survey, path),
        l_deg=l_deg,
        b_deg=b_deg,
        p_none=_optional(table, "p_none", path),
        typicality=_optional(table, "typicality", path),
        detections=_detections(found) if found.has_detections else None,
        in_sample=in_sample_of(found),
    )


def _detections(found: CatalogueFolder) -> DetectionsView:
    path, survey, classes = found.where("detections"), found.survey, found.classes
    table = _read(found, "detections", ("cluster", "class", "label", "role"))
    needed = ("name", "cluster", "class", "label", "role")
    if missing := [c for c in needed if c not in table.column_names]:
        raise MissingColumnsError(path, missing, table.column_names, "Write the catalogue anew")
    _, b_deg = _galactic(table, survey, path)
    roles = pc.value_counts(pc.drop_null(table["role"].combine_chunks())).to_pylist()
    encoded = pc.dictionary_encode(table["name"]).combine_chunks()
    return DetectionsView(
        features=_features(table, survey, path),
        abs_b_deg=None if b_deg is None else np.abs(b_deg),
        cluster=np.nan_to_num(_numbers(table, "cluster", path), nan=-1).astype(np.int64),
        source=np.asarray(encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False)),
        code=_codes(table["class"], {name: i for i, name in enumerate((*classes.codes, NONE))}),
        label=_codes(table["label"], classes.index_of_type),
        role_counts={r["values"]: r["counts"] for r in roles},
    )


def _read(found: CatalogueFolder, stem: str, more: Sequence[str]) -> pa.Table:
    wanted = ["name", "ra", "dec", "p_none", *more, *found.classes.columns]
    return found.read(stem, [*wanted, *(f.name for f in found.survey.features)])


def _codes(column: pa.ChunkedArray, place: Mapping[str, int]) -> np.ndarray:
    """Return each value's place, -1 for null and for others."""
    encoded = pc.dictionary_encode(column.cast(pa.string())).combine_chunks()
    if isinstance(encoded, pa.ChunkedArray):  # no rows
        return np.zeros(0, dtype=np.int64)
    # A label that a user's list of classes spells in SIMBAD's older way is met, too.
    of = [place.get(v, place.get(code_of(v) or "", -1)) for v in encoded.dictionary.to_pylist()]
    indices = encoded.indices.fill_null(len(of)).to_numpy(zero_copy_only=False)
    return np.asarray(np.array([*of, -1], dtype=np.int64)[indices])


def _features(table: pa.Table, survey: Survey, path: str) -> dict[str, np.ndarray]:
    """Return the features of which at least one row has a usable value."""
    found = {}
    for feature in survey.features:
        if feature.name in table.column_names:
            values = _numbers(table, feature.name, path)
            values = np.where(survey.column(feature.name).accepts(values), values, np.nan)
            if np.isfinite(values).any():
                found[feature.name] = values
    return found


def _galactic(
    table: pa.Table, survey: Survey, path: str
) -> tuple[np.ndarray | None, np.ndarray | None]:
    if not {"ra", "dec"} <= set(table.column_names):
        return None, None
    from astropy.coordinates import SkyCoord

    ra, dec = (_numbers(table, c, path) for c in ("ra", "dec"))
    known = survey.column("ra").accepts(ra) & survey.column("dec").accepts(dec)
    if not known.any():
        return None, None
    place = SkyCoord(ra[known], dec[known], unit="deg").galactic
    l_deg, b_deg = np.full(len(ra), np.nan), np.full(len(ra), np.nan)
    l_deg[known], b_deg[known] = place.l.deg, place.b.deg
    return l_deg, b_deg


def _optional(table: pa.Table, name: str, path: str) -> np.ndarray | None:
    return _numbers(table, name, path) if name in table.column_names else None


def _numbers(table: pa.Table, name: str, path: str) -> np.ndarray:
    try:
        return np.asarray(table[name].cast(pa.float64()).to_numpy(), dtype=np.float64)
    except pa.ArrowException as error:
        raise TableError(
            f"{path}: column {name} holds {table[name].type}, not numbers: write the catalogue anew"
        ) from error
