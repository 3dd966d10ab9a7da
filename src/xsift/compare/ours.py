"""The sources of a catalogue of ours, as `compare` takes them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from xsift import read, surveys
from xsift.catalogue.folder import CatalogueFolder, opened
from xsift.catalogue.in_sample import names_that_trained
from xsift.catalogue.rules import rules_of, verdict_columns
from xsift.catalogue.tables import Catalogue, source_table
from xsift.classes import PAPER_CLASSES, Classes
from xsift.errors import MissingColumnsError
from xsift.read import InMemory
from xsift.surveys import Survey
from xsift.vote import tally

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
    in_sample : ndarray of bool, shape (n,)
        Of which a detection trained the model.
    n_voted : int
        The first of them have a vote and a row in the catalogue; of the others all detections
        trained, and only here they vote.
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
    in_sample: np.ndarray
    n_voted: int
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
            in_sample=self.in_sample[rows],
            n_voted=int((chosen < self.n_voted).sum()),
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
            str(path),
            given.sha256,
            table,
            survey,
            PAPER_CLASSES,
            groups,
            given.p,
            nothing,
            np.zeros(len(groups), dtype=bool),
            len(groups),
        )
    found = opened(path)
    where, classes = found.where("sources"), found.classes
    # A file's digest is that of its bytes.
    table, source = read.read_table(
        found.sources if found.sources.is_file() else found.read("sources")
    )
    needed = ["name", "class", "group", "status", "n_detections", *classes.columns]
    if missing := [name for name in needed if name not in table.column_names]:
        raise MissingColumnsError(where, missing, table.column_names, "Write it anew")
    n_voted, in_sample = table.num_rows, np.zeros(table.num_rows, dtype=bool)
    detections = _detections(found)
    if detections is not None:
        trained = names_that_trained(detections)
        in_sample = np.asarray(pc.is_in(table["name"], value_set=trained))
        more = _without_a_vote(detections, trained, table, classes)
        table = pa.concat_tables([table, more], promote_options="default")
        in_sample = np.append(in_sample, np.ones(more.num_rows, dtype=bool))
    p = np.column_stack([_column(table, name) for name in classes.columns])
    p_none = _column(table, "p_none") if "p_none" in table.column_names else np.zeros(len(p))
    wanted = ("name", "ra", "dec", "class", "n_detections", "status")
    kept = [k for k in wanted if k in table.column_names]
    groups = table["group"].to_pylist()
    return OurSources(
        str(found.path),
        source.sha256,
        table.select(kept),
        found.survey,
        classes,
        groups,
        p,
        p_none,
        in_sample,
        n_voted,
        str(found.record.get("verdict", "")),
    )


def _detections(found: CatalogueFolder) -> pa.Table | None:
    """Return the detections, where the catalogue has them and says what each did."""
    if not found.has_detections:
        return None
    wanted = ["name", "obsid", "obi", "ra", "dec", "role", "p_none", *found.classes.columns]
    table = found.read("detections", wanted)
    needed = {"name", "role", *found.classes.columns}
    return table if needed <= set(table.column_names) else None


def _without_a_vote(
    detections: pa.Table, trained: pa.Array, sources: pa.Table, classes: Classes
) -> pa.Table:
    """Let those sources vote of which all detections trained: they have no row.

    Returns
    -------
    pyarrow.Table
        With the columns that both tables have.
    """
    here = sources["name"].combine_chunks()
    lacking = trained.filter(pc.invert(pc.is_in(trained, value_set=here)))
    names = [*classes.columns, *(["p_none"] if "p_none" in detections.column_names else [])]
    p = np.column_stack([detections[name].to_numpy() for name in names]).astype(np.float64)
    mine = pc.and_(
        pc.is_in(detections["name"], value_set=lacking), pc.equal(detections["role"], "trained")
    )
    rows = np.flatnonzero(np.asarray(mine) & ~np.isnan(p).any(axis=1))
    # As the catalogue pooled: only the calibrated method gives "none of these" a share.
    has_none = len(names) > len(classes) and bool((p[rows, -1] > 0).any())
    votes = tally(detections, p, rows, len(names), "geometric" if has_none else "mean")
    rules = rules_of(classes, "probable", not has_none, None, "")
    verdict = verdict_columns(votes.mean[:, : len(names)], classes, rules)
    table = source_table(detections, (), votes, classes, verdict)
    table = table.select([c for c in sources.column_names if c in table.column_names])
    return table.cast(pa.schema([sources.schema.field(c) for c in table.column_names]))


def _column(table: pa.Table, name: str) -> np.ndarray:
    return np.asarray(np.nan_to_num(table[name].to_numpy().astype(np.float64)))
