"""`xsift.classify` of a catalogue of LSDB: a catalogue of its detections, which computes nothing.

A partition is classified where and when LSDB computes it, and knows nothing of the others. What the
whole table decides elsewhere, the names of its columns decide here.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Lock
from typing import Any

import pyarrow as pa

from xsift import __version__
from xsift.catalogue.warnings import warn_of_classes, warn_of_unused
from xsift.errors import ModelError, SettingError, TableError
from xsift.features import may_tell_counts
from xsift.model import Model, model_of
from xsift.model.file import load_model_tree
from xsift.model.packaged import (
    chandra,
    model_by_names,
    named_model,
    packaged_models,
    refuse_other_model,
)
from xsift.model.sample import CARRIED, Sample, read_sample
from xsift.model.schema import ModelTree
from xsift.pipeline.first_look import quiet
from xsift.pipeline.part import classify_part
from xsift.read import InMemory, Look, Source
from xsift.read.look import ColumnLook
from xsift.read.lsdb_catalogue import empty_table, patient_with_pandas, said_of, table_of_frame
from xsift.read.naming import naming
from xsift.read.parquet import wanted_fields
from xsift.read.table import columns_to_read
from xsift.read.units import declared_unit, plain_name, unit_factor
from xsift.settings import Settings
from xsift.surveys import Survey

__all__ = ["classify_lazily"]

# The threads of Dask take turns: a partition takes the memory of a whole table's part.
_TURN = Lock()
_HELD: dict[str, tuple[ModelTree, Model]] = {}
_MOST_HELD = 4


def classify_lazily(
    catalogue: Any, asked: ModelTree | str | Path | None, settings: Settings
) -> Any:
    """Return the classified detections of an LSDB catalogue as another one, computing nothing.

    Parameters
    ----------
    catalogue : lsdb.Catalog
    asked : ModelTree, str or Path, optional
        The model, as for `classify`.
    settings : Settings

    Raises
    ------
    XsiftError
        Where its columns or the model cannot serve.
    """
    where = said_of(catalogue)
    table, renamed = _with_position(empty_table(catalogue), catalogue)
    settings = _without_position(settings, catalogue, where)
    source, tree = _chosen(table.column_names, asked, settings, where)
    refuse_other_model(tree, settings, str(asked) if isinstance(asked, str | Path) else where)
    survey = tree.survey_profile
    if not {"ra", "dec"} <= {column.name for column in survey.columns}:
        raise ModelError(
            f"{where}: the model's survey, {survey.name}, has no columns ra and dec, by which LSDB "
            "finds the rows: add them to its profile, and train again"
        )
    table = _needed(table, survey, settings, where)
    _refuse_other_units(table, survey, settings, where)
    # What was held against the model here need not travel; other processes stand in other folders.
    settings = replace(settings, survey=None, features=None)
    if settings.prior not in ("train", "uniform"):
        settings = replace(settings, prior=str(Path(settings.prior).absolute()))
    partition = _Partition(where, source, tree.model_id, settings, table.schema).looked_at()
    warn_of_unused(partition.look.given, tree.features, survey.feature_set(tree.feature_set))
    warn_of_classes(model_of(tree))
    was = {name: old for old, name in renamed.items()}
    with patient_with_pandas():
        chosen = catalogue[[was.get(name, name) for name in table.column_names]]
        if renamed:
            chosen = chosen.rename(renamed)
        return chosen.map_partitions(partition, meta=partition(chosen.meta))


@dataclass(frozen=True)
class _Partition:
    """What classifies a partition, in whatever process.

    Attributes
    ----------
    where : str
        The catalogue, for messages.
    source : str or ModelTree
        The name of a packaged model, the file of one, or the model.
    model_id : str
    settings : Settings
    schema : pyarrow.Schema
        The columns that are used.
    look : Look
        Taken of the names of the columns.
    absent : tuple of str
        Features that none of them gives.
    """

    where: str
    source: str | ModelTree
    model_id: str
    settings: Settings
    schema: pa.Schema
    look: Look = field(default_factory=Look)
    absent: tuple[str, ...] = ()

    def __dask_tokenize__(self) -> tuple[str, ...]:
        said = json.dumps([self.settings.as_dict(), self.look.model_dump()], sort_keys=True)
        schema = hashlib.sha256(self.schema.serialize()).hexdigest()
        prior = Path(self.settings.prior)
        shares = hashlib.sha256(prior.read_bytes()).hexdigest() if prior.is_file() else ""
        return "xsift.classify", __version__, self.model_id, said, schema, shares

    def __call__(self, frame: Any) -> Any:
        """Classify a partition: as many rows, in their order and under their index."""
        import pandas as pd

        with _TURN:
            n_rows = len(frame)
            table = table_of_frame(frame, self.schema) if n_rows else self._one_empty_row
            found = self._detections(table).replace_schema_metadata(None)
            new = found.slice(0, n_rows).to_pandas(types_mapper=pd.ArrowDtype)
        new.index = frame.index
        return new

    def looked_at(self) -> _Partition:
        """Return it with a look that takes each column for one that holds values.

        What is to be warned of the columns is said here, and of no partition: the filters of
        warnings are the process's, and a thread that set them would disturb the others.
        """
        sample, survey = self._sample(self._one_empty_row, Look()), self._model[0].survey_profile
        assert sample.look is not None
        names = list(sample.look.columns)
        numbers = pa.table({name: pa.nulls(1, pa.float64()) for name in names})
        there = {name: ColumnLook(n_rows=1, n_values=1) for name in names}
        n_told = int(may_tell_counts(numbers, survey))
        look = Look(n_rows=1, columns=there, n_told=n_told)
        columns = {**self.settings.columns, **sample.called}
        absent = [
            f.name
            for f in survey.feature_set(self._model[0].feature_set, self._model[0].features)
            if not survey.gives(f.name, there.__contains__)
        ]
        settings = replace(self.settings, columns=columns)
        return replace(self, look=look, settings=settings, absent=tuple(absent))

    @property
    def _model(self) -> tuple[ModelTree, Model]:
        if self.model_id not in _HELD:
            tree = self.source
            if not isinstance(tree, ModelTree):
                tree = load_model_tree(named_model(tree))
                if tree.model_id != self.model_id:
                    raise ModelError(
                        f"{self.source}: the model is {tree.model_id}, and was {self.model_id} "
                        "when the catalogue was to be classified with it"
                    )
            if len(_HELD) >= _MOST_HELD:
                _HELD.clear()
            _HELD[self.model_id] = tree, model_of(tree)
        return _HELD[self.model_id]

    @property
    def _one_empty_row(self) -> pa.Table:
        return pa.table([pa.nulls(1, one.type) for one in self.schema], schema=self.schema)

    def _sample(self, table: pa.Table, look: Look) -> Sample:
        tree, _ = self._model
        survey = tree.survey_profile
        features = survey.feature_set(tree.feature_set, tree.features)
        for name in self.absent:  # a column that is not there would be warned of
            table = table.append_column(name, pa.nulls(table.num_rows, pa.float64()))
        given = InMemory(table, Source(self.where, "memory", b"", ""))
        need_all = tree.method == "paper"
        sample = read_sample(given, survey, features, self.settings, need_all=need_all, look=look)
        assert sample.look is not None
        used = survey.columns_of(features) | set(CARRIED)
        for name, column in sample.look.columns.items():
            if column.why is not None and name in used:
                raise TableError(column.why[1])
        return sample.held_to(tree.features, survey)

    def _detections(self, table: pa.Table) -> pa.Table:
        tree, model = self._model
        sample = self._sample(table, self.look)
        return classify_part(sample, model, tree, self.settings, self.look).detections


def _with_position(table: pa.Table, catalogue: Any) -> tuple[pa.Table, dict[str, str]]:
    """Call the columns that HATS sorts by ra and dec; what else is called so goes."""
    info = catalogue.hc_structure.catalog_info
    place = {info.ra_column: "ra", info.dec_column: "dec"}
    kept = [
        name
        for name in table.column_names
        if name in place or plain_name(name).casefold() not in ("ra", "dec")
    ]
    table = table.select(kept).rename_columns([place.get(name, name) for name in kept])
    return table, {old: name for old, name in place.items() if old != name}


def _without_position(settings: Settings, catalogue: Any, where: str) -> Settings:
    info = catalogue.hc_structure.catalog_info
    columns = dict(settings.columns)
    for axis, name in (("ra", info.ra_column), ("dec", info.dec_column)):
        if (given := columns.pop(axis, name)) != name:
            raise SettingError(
                f"--column {axis}={given}: {where} is sorted by {name}, which stays its {axis}: "
                "leave it out"
            )
    return replace(settings, columns=columns)


def _chosen(
    names: Sequence[str], asked: ModelTree | str | Path | None, settings: Settings, where: str
) -> tuple[str | ModelTree, ModelTree]:
    """Return the model as it travels, and as it is."""
    if isinstance(asked, ModelTree):
        for name, path in packaged_models().items():
            if name.startswith(asked.survey) and load_model_tree(path).model_id == asked.model_id:
                return name, asked
        return asked, asked
    found = model_by_names(names, asked, settings, where)
    if found is None:
        survey, twelve = chandra()
        called = naming(names, survey, where, settings.columns).called
        there = {plain_name(name).casefold() for name in names} | set(called)
        if survey.gives(twelve[-1].name, there.__contains__):
            raise SettingError(
                f"{where}: csc20 and csc21 both fit its columns, and which of them fits more rows "
                "only its values tell: name one with --model csc20 or --model csc21"
            )
        found = packaged_models()["csc21"], ""
    path = found[0]
    packaged = {file: name for name, file in packaged_models().items()}
    return packaged.get(path, str(path.absolute())), load_model_tree(path)


def _needed(table: pa.Table, survey: Survey, settings: Settings, where: str) -> pa.Table:
    more = ["ra", "dec", settings.source_column, *settings.keep]
    with quiet():
        wanted, _ = columns_to_read(table.column_names, survey, where, settings.columns, more)
    return table.select(wanted_fields(table.column_names, wanted))


def _refuse_other_units(table: pa.Table, survey: Survey, settings: Settings, where: str) -> None:
    """Refuse columns whose files declare another unit than the survey's.

    LSDB does not tell whether a column is still as it was read.
    """
    with quiet():
        named = naming(table.column_names, survey, where, settings.columns).apply(table)
    for one in named.schema:
        name = plain_name(one.name).casefold()
        want = next((c for c in survey.columns if c.name == name), None)
        unit = declared_unit(one)
        if want is None or want.kind == "integer" or unit_factor(unit, want, where) == 1:
            continue
        raise TableError(
            f"{where}: column {one.name} is in {unit} in its files, and LSDB carries no units: "
            f"put it in {want.unit or 'no unit'} under another name, and name that with "
            f"--column {want.name}=NAME"
        )
