"""A classified catalogue: its two tables, detections and sources, and its files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from xsift.catalogue.columns import output_columns
from xsift.catalogue.hats import with_hats
from xsift.catalogue.kept import with_kept
from xsift.catalogue.record import faintness_said, on_device
from xsift.catalogue.rules import NONE, Rules
from xsift.catalogue.summary import Shown, Summary, SummaryTable
from xsift.catalogue.tabular import Tabular
from xsift.classes import Classes
from xsift.errors import OutputError, SettingError
from xsift.model import Classification
from xsift.model.file import save_model_tree
from xsift.model.recognise import Recognised
from xsift.model.sample import CARRIED, Sample
from xsift.model.schema import ModelTree
from xsift.surveys import Survey
from xsift.surveys.columns import Column, with_metadata
from xsift.vote import Votes
from xsift.write import (
    Staging,
    environment,
    is_part,
    read_list,
    write_json,
    write_table,
)
from xsift.write.hats import hats_names, in_one
from xsift.write.libraries import astropy_table, pandas_frame
from xsift.write.tables import SUFFIXES

__all__ = [
    "NONE",
    "Catalogue",
    "catalogue_summary",
    "described",
    "detection_table",
    "place",
    "roles",
    "source_table",
    "stamped",
]


@dataclass(frozen=True, eq=False, repr=False)
class Catalogue(Shown, Tabular):
    """A classified catalogue. As one table it is that of its sources.

    Attributes
    ----------
    detections : pyarrow.Table or None
        The rows of the input, all of them, in its order.
    sources : pyarrow.Table
    model : ModelTree or None
    record : dict
        Provenance and counts: the content of `run.json`.
    inputs : tuple of Path
        The files that were read: none of them is ever replaced by a result.
    """

    detections: pa.Table | None
    sources: pa.Table
    model: ModelTree | None
    record: dict[str, Any]
    inputs: tuple[Path, ...] = ()

    @property
    def folder(self) -> Path | None:
        """The folder that it was opened from, if any."""
        return None

    def to_arrow(self, which: str = "sources") -> pa.Table:
        """Return one of the tables as it is.

        Parameters
        ----------
        which : {"sources", "detections"}

        Raises
        ------
        SettingError
            If the catalogue has no such table.
        """
        if which not in ("sources", "detections"):
            raise SettingError(f"which {which!r}: allowed are sources, detections")
        table = self.sources if which == "sources" else self.detections
        if table is None:
            raise SettingError("which 'detections': a catalogue of votes has sources alone")
        return table

    def to_astropy(self, which: str = "sources") -> Any:
        """Return one of the tables as an astropy Table.

        It keeps units, descriptions and masks. UCDs are in each column's ``meta``.

        Parameters
        ----------
        which : {"sources", "detections"}

        Raises
        ------
        SettingError
            If the catalogue has no such table.
        """
        return astropy_table(self.to_arrow(which))

    def to_pandas(self, which: str = "sources") -> Any:
        """Return one of the tables as a pandas DataFrame.

        Parameters
        ----------
        which : {"sources", "detections"}

        Raises
        ------
        SettingError
            If the catalogue has no such table.
        MissingPackageError
            If pandas is not installed.
        """
        return pandas_frame(self.to_arrow(which))

    def summary(self) -> Summary:
        """Return the catalogue in brief: counts, sources by class, warnings."""
        return catalogue_summary(self.sources, self.record)

    def write(self, folder: str | Path, formats: tuple[str, ...] = ("parquet", "votable")) -> None:
        """Write the tables, the model and `run.json` into a folder, all or none.

        It always writes Parquet, which the other commands read. Other formats are votable, fits,
        csv and hats: the folders ``hats/sources`` and ``hats/detections``, which LSDB opens.

        Raises
        ------
        OutputError
            If the folder cannot be written; its files are then unchanged.
        """
        with place(folder, self.inputs, self.detections is not None) as staging:
            self.stage(staging, formats)

    def stage(
        self, staging: Staging, formats: tuple[str, ...] = ("parquet", "votable")
    ) -> dict[str, Any]:
        """Write the files to where `place` lets them appear together; return what is in run.json.

        HATS leaves out the rows that have no position, with a warning.
        """
        about = {
            "creator": f"xsift {environment()['xsift']}",
            **self.record["about"],
            "run_id": self.record["run_id"],
        }
        tables = {"sources": self.sources}
        if self.detections is not None:
            tables["detections"] = self.detections
        for stem, table in tables.items():
            for form in dict.fromkeys(("parquet", *(f for f in formats if f != "hats"))):
                write_table(table, staging.path(stem + SUFFIXES[form]), form, about)
        if self.model is not None:
            save_model_tree(self.model, staging.path("model.asdf"))
        record = self.record
        if "hats" in formats:
            record = with_hats(
                {stem: in_one(table) for stem, table in tables.items()}, record, staging
            )
        write_json(record, staging.path("run.json"))
        return record


def place(
    folder: str | Path,
    inputs: Iterable[str | Path] = (),
    has_detections: bool = True,
    more: Iterable[str] = (),
) -> Staging:
    """Return where a catalogue, and `more` files, are written: for the whole time of the work.

    Raises
    ------
    OutputError
        If `vote` would replace the sources of a catalogue.
    """
    stems = ("sources", "detections") if has_detections else ("sources",)
    held = (Path(folder) / name for name in ("detections.parquet", "detections"))
    if not has_detections and any(path.exists() for path in held):
        raise OutputError(
            f"{folder} holds a catalogue, whose sources this would replace: give another folder"
        )
    # Results of an earlier run in another format would contradict the new ones.
    names = [stem + suffix for stem in stems for suffix in SUFFIXES.values()]
    names += ["run.json", *(["model.asdf"] if has_detections else [])]
    staging = Staging(folder, [*names, *more], "catalogue", inputs)
    staging.may_have(name for name in read_list(staging.folder) if is_part(name))
    staging.may_have(hats_names(staging.folder))
    return staging


def roles(
    sample: Sample,
    can_score: np.ndarray,
    is_scored: np.ndarray,
    cluster: np.ndarray,
    seen: Recognised | None = None,
) -> tuple[np.ndarray, list[str | None]]:
    """Say what each detection did, and why.

    Parameters
    ----------
    can_score, is_scored : ndarray of bool, shape (n,)
        Whether a detection has the features that the method needs; whether it has probabilities.
    cluster : ndarray of int, shape (n,)
    seen : Recognised, optional
        Which detections trained a model that is trained already.

    Returns
    -------
    role : ndarray of str, shape (n,)
        ``trained``: it trained, and its probabilities are in-sample; ``scored``: the model said
        what it is; ``set_aside``: of a known type that the model does not know; ``unscored``: it
        cannot be scored.
    flag : list of (str or None)
        The reason, where there is something to say.
    """
    features, labels = sample.features, sample.labels
    role = np.empty(len(can_score), dtype=object)  # a reference to one of four words in each row
    role[:] = "scored"
    role[can_score & ~is_scored] = "unscored"
    role[labels.y >= 0] = "trained"
    if seen is not None:
        role[seen.rows] = "trained"
    role[labels.is_other] = "set_aside"
    role[~can_score] = "unscored"
    flag: list[str | None] = [None] * len(role)
    for row in np.flatnonzero(labels.is_ambiguous & is_scored).tolist():
        flag[row] = f"type {labels.label[row]} is ambiguous: counts as unlabelled"
    for row in np.flatnonzero(role == "trained").tolist():
        flag[row] = "in-sample"
        if seen is not None:
            flag[row] = f"in-sample (by {'name' if seen.by_name[row] else 'values'})"
    for row in np.flatnonzero(can_score & ~is_scored).tolist():
        flag[row] = f"no class can be scored in cluster {cluster[row]}"
    for row in np.flatnonzero(role == "set_aside").tolist():
        flag[row] = f"type {labels.label[row]} is none of the model's classes"
    for row, reason in features.reasons().items():
        flag[row] = reason if flag[row] is None or not can_score[row] else f"{flag[row]}; {reason}"
    return role, flag


def detection_table(
    sample: Sample,
    said: Classification,
    classes: Classes,
    verdict: dict[str, pa.Array],
    role: np.ndarray,
    flag: list[str | None],
    counts: np.ndarray | None,
    model_id: str | None = None,
) -> pa.Table:
    """Build the table of detections: the input's rows, all of them, in its order.

    NaN in `said` becomes null: a detection without a verdict has no probabilities. `verdict` are
    the columns of the verdict, `counts` the effective counts, where there is a column of them.
    """
    keys, features, separation = sample.keys, sample.features, sample.separation_arcsec
    columns: dict[str, pa.Array] = {k: keys[k] for k in CARRIED if k in keys.column_names}
    columns["cluster"] = pa.array(said.cluster, mask=said.cluster < 0)
    for j, name in enumerate(classes.columns):
        columns[name] = _floats(said.p[:, j])
    columns["p_none"] = _floats(said.p_none)
    columns |= verdict
    columns["typicality"] = _floats(said.typicality)
    columns["label"] = pa.array(sample.labels.label, type=pa.string())
    if separation is not None:
        columns["label_separation"] = _floats(separation)
    columns["role"] = pa.array(role, type=pa.string())
    columns["flag"] = pa.array(flag, type=pa.string())
    columns["n_missing"] = pa.array(features.n_missing)
    if counts is not None:
        columns["effective_counts"] = _floats(np.where(np.isfinite(counts), counts, np.nan))
    for j, name in enumerate(features.names):
        columns[name] = _floats(features.X[:, j])
    columns["model_id"] = _repeated(model_id, len(sample))
    return with_kept(pa.table(columns), sample.kept)


def source_table(
    table: pa.Table,
    features: Sequence[str],
    votes: Votes,
    classes: Classes,
    verdict: dict[str, pa.Array],
    kept: pa.Table | None = None,
    model_id: str | None = None,
) -> pa.Table:
    """Build the table of sources, sorted by name.

    Parameters
    ----------
    table : pyarrow.Table
        Detections: position and features are those of the source's first detection.
    features : sequence of str
    votes : Votes
        Of the class probabilities and, where there are more columns, `p_none` and typicality.
    classes : Classes
    verdict : dict of str to pyarrow.Array
        The columns of the verdict.
    kept : pyarrow.Table, optional
        Columns of the user's own, of the detections: those of the first detection are the source's.
    model_id : str, optional
        Fingerprint of the model; where it is not known yet, `stamped` puts it there.
    """
    first = pa.array(votes.first)
    columns: dict[str, pa.Array] = {
        k: table[k].take(first) for k in ("name", "ra", "dec") if k in table.column_names
    }
    columns["n_detections"] = pa.array(votes.n_detections)
    names = [*classes.columns, "p_none"][: votes.mean.shape[1]]
    for j, name in enumerate(names):
        columns[name] = _floats(votes.mean[:, j])
    for j, name in enumerate(names):
        columns[f"{name}_std"] = _floats(votes.std[:, j])
    codes = pa.array([*classes.codes, NONE])
    columns["class_soft"] = codes.take(pa.array(votes.soft))
    columns["class_hard"] = codes.take(pa.array(votes.hard))
    columns["status"] = pa.array(["ambiguous", "unique"]).take(pa.array(votes.unique.view(np.int8)))
    columns |= verdict
    if votes.mean.shape[1] > len(names):
        columns["typicality"] = _floats(votes.mean[:, -1])
    for name in features:
        columns[name] = table[name].take(first)
    columns["model_id"] = _repeated(model_id, len(first))
    return with_kept(pa.table(columns), None if kept is None else kept.take(first))


def described(table: pa.Table, classes: Classes, survey: Survey, rules: Rules) -> pa.Table:
    """Attach unit, UCD and description to the columns of a table."""
    archive = Column("archive_name", "", "meta.id", "Source name in the archive")
    columns = {**survey.described(), **output_columns(classes, rules), "archive_name": archive}
    return with_metadata(table, columns)


def stamped(catalogue: Catalogue, model_id: str) -> Catalogue:
    """Write the fingerprint of the model into every row."""
    detections, sources = (
        None if table is None else _stamped(table, model_id)
        for table in (catalogue.detections, catalogue.sources)
    )
    return replace(catalogue, detections=detections, sources=sources)


def catalogue_summary(sources: pa.Table, record: dict[str, Any]) -> Summary:
    """Say in brief what a catalogue holds: counts, sources by class, what to be wary of."""
    counts, model = record.get("counts"), record.get("model")
    title = f"{sources.num_rows:,} sources"
    if isinstance(counts, dict) and "voting" in counts:
        title += f" of {counts['voting']:,} detections of {record.get('input')}"
    n_unique = sources["status"].to_pylist().count("unique")
    n_other = sources.num_rows - n_unique
    lines = [f"{n_unique:,} unique: both votes agree; {n_other:,} ambiguous"]
    if isinstance(model, dict):
        lines.append(f"{model.get('method')} method; model {model.get('model_id')}")
    lines += [f"mixtures fitted {said}"] if (said := on_device(record.get("device"))) else []
    lines += [said] if (said := faintness_said(record)) else []
    if record.get("verdict"):
        lines.append(f"class: {record['verdict']}")
    if record.get("none"):
        lines.append(record["none"])
    lines += [f"Warning: {note}" for note in record.get("warnings") or ()]
    found: dict[tuple[str, str], list[int]] = {}
    columns = (sources[c].to_pylist() for c in ("group", "class", "status"))
    for group, code, status in zip(*columns, strict=True):
        found.setdefault((group, code), [0, 0])[status != "unique"] += 1
    rows = [[g if g == c else f"{g} {c}", *many] for (g, c), many in sorted(found.items())]
    return Summary(
        title, lines, [SummaryTable("Sources by class", ["", "unique", "ambiguous"], rows)]
    )


def _stamped(table: pa.Table, model_id: str) -> pa.Table:
    at = table.schema.get_field_index("model_id")
    return table.set_column(at, table.schema.field(at), _repeated(model_id, table.num_rows))


def _repeated(text: str | None, n: int) -> pa.Array:
    return pa.repeat(pa.scalar(text, pa.string()), n)


def _floats(values: np.ndarray) -> pa.Array:
    return pa.array(np.ascontiguousarray(values), mask=np.isnan(values))
