"""The sources of a catalogue of ours, as `compare` takes them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from xsift import read, surveys
from xsift.catalogue.folder import opened
from xsift.catalogue.tables import Catalogue
from xsift.classes import PAPER_CLASSES, Classes
from xsift.errors import MissingColumnsError
from xsift.read import InMemory
from xsift.surveys import Survey

__all__ = ["OurSources", "read_ours"]


@dataclass(frozen=True, eq=False)
class OurSources:
    """The sources of a catalogue, each with its verdict.

    Attributes
    ----------
    path, sha256 : str
    table : pyarrow.Table
        name, ra and dec where known, n_detections, status and class.
    survey : Survey
    classes : Classes
    group : list of str
        Of each source: a group, or ``none``.
    p : ndarray of shape (n, C)
        Probabilities of the classes.
    p_none : ndarray of shape (n,)
    verdict : str
        The rule that chose class and group, in words; empty where that is not known.
    """

    path: str
    sha256: str
    table: pa.Table
    survey: Survey
    classes: Classes
    group: list[str]
    p: np.ndarray
    p_none: np.ndarray
    verdict: str = ""

    def keep(self, rows: np.ndarray) -> OurSources:
        """Return some of the sources."""
        chosen = np.arange(len(self.group))[rows]
        return replace(
            self,
            table=self.table.take(pa.array(chosen)),
            group=[self.group[i] for i in chosen],
            p=self.p[rows],
            p_none=self.p_none[rows],
        )


def read_ours(path: Catalogue | str | Path | InMemory) -> OurSources:
    """Read the sources of a catalogue of xsift, or of a published table.

    Raises
    ------
    TableError
        If it is neither.
    """
    if isinstance(path, InMemory) or not (isinstance(path, Catalogue) or Path(path).is_dir()):
        # The published tables of sources are the paper's.
        survey = surveys.load("csc20")
        given = read.read_published(path, survey, PAPER_CLASSES)
        kept = [k for k in ("name", "ra", "dec") if k in given.table.column_names]
        is_unique = "soft_master_class" not in read.read_table(path)[0].column_names
        table = given.table.select(kept).append_column("class", pa.array(given.code))
        table = table.append_column("n_detections", pa.array(given.n_detections))
        status = ["unique" if is_unique else "ambiguous"] * len(given.code)
        table = table.append_column("status", pa.array(status))
        groups = [PAPER_CLASSES.group_of(c) for c in given.code]
        nothing = np.zeros(len(groups))
        return OurSources(
            str(path), given.sha256, table, survey, PAPER_CLASSES, groups, given.p, nothing
        )
    found = opened(path)
    where, classes = found.where("sources"), found.classes
    # A file's digest is that of its bytes.
    table, source = read.read_table(
        found.sources if found.tables is None else found.read("sources")
    )
    needed = ["name", "class", "group", "status", "n_detections", *classes.columns]
    if missing := [name for name in needed if name not in table.column_names]:
        raise MissingColumnsError(where, missing, table.column_names, "Write it anew")
    p = np.column_stack([_column(table, name) for name in classes.columns])
    p_none = _column(table, "p_none") if "p_none" in table.column_names else np.zeros(len(p))
    wanted = ("name", "ra", "dec", "class", "n_detections", "status")
    kept = [k for k in wanted if k in table.column_names]
    groups = table["group"].to_pylist()
    ours = OurSources(
        str(found.path), source.sha256, table.select(kept), found.survey, classes, groups, p, p_none
    )
    return replace(ours, verdict=str(found.record.get("verdict", "")))


def _column(table: pa.Table, name: str) -> np.ndarray:
    return np.asarray(np.nan_to_num(table[name].to_numpy().astype(np.float64)))
