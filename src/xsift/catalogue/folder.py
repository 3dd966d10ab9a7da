"""A catalogue to be read, in its folder or in memory: what is in it, and what it was made by."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import ValidationError

from xsift import surveys
from xsift.catalogue.rules import NONE
from xsift.catalogue.tables import Catalogue
from xsift.classes import PAPER_CLASSES, Classes
from xsift.errors import ModelError, SettingError, TableError
from xsift.model.file import load_model_tree
from xsift.model.schema import ModelTree
from xsift.read import parts_of, read_table
from xsift.surveys import Survey
from xsift.write import check_of_one_run, part_name

__all__ = ["CatalogueFolder", "open_folder", "opened", "recorded_prior"]

_RECORD_BYTES = 10_000_000
_DEFAULT_SURVEY = "csc20"


@dataclass(frozen=True, eq=False)
class CatalogueFolder:
    """A folder that `run`, `classify`, `vote` or `demo` wrote; or the same in memory.

    Attributes
    ----------
    path : Path
        In memory a name for messages.
    record : dict
        What ``run.json`` holds; empty where there is none that can be read.
    tree : ModelTree or None
        The model; None where `vote` wrote the folder.
    survey : Survey
    classes : Classes
    tables : mapping of str to pyarrow.Table, optional
        ``sources`` and ``detections`` of a catalogue in memory.
    """

    path: Path
    record: dict[str, Any]
    tree: ModelTree | None
    survey: Survey
    classes: Classes
    tables: Mapping[str, pa.Table] | None = None

    def where(self, stem: str) -> str:
        """Return what messages call a table: ``sources`` or ``detections``."""
        if self.tables is not None:
            return f"the {stem} of {self.path}"
        return str(_place(self.path, stem))

    def read(self, stem: str, columns: list[str] | None = None) -> pa.Table:
        """Return a table, ``sources`` or ``detections``; from files only `columns` of it."""
        if self.tables is not None:
            return self.tables[stem]
        place = _place(self.path, stem)
        if not place.is_dir():
            return read_table(place, columns)[0]
        return pa.concat_tables(list(_parts(place, columns)))

    def rows_of(self, stem: str, *names: Any) -> pa.Table:
        """Return the rows of a table that bear the names of sources, part after part."""
        place = _place(self.path, stem)
        if self.tables is not None or not place.is_dir():
            return _named(self.read(stem), names)
        return pa.concat_tables([_named(part, names) for part in _parts(place, None)])

    def rows_in_parts(self, stem: str) -> int | None:
        """Return how many rows a table has that lies in a folder of several files; else None."""
        place = _place(self.path, stem)
        return parts_of(place).n_rows if self.tables is None and place.is_dir() else None

    def refuse_parts(self, what: str) -> None:
        """Refuse a catalogue whose tables lie in folders of several files.

        Raises
        ------
        TableError
        """
        for stem in ("sources", "detections"):
            if self.tables is None and (place := _place(self.path, stem)).is_dir():
                raise TableError(
                    f"{place}: a table of several files, of which xsift cannot {what} yet: open, "
                    "show, report and serve read it"
                )

    @property
    def has_detections(self) -> bool:
        """Whether there is a table of detections."""
        if self.tables is not None:
            return "detections" in self.tables
        return self.detections is not None

    @property
    def sources(self) -> Path:
        """The table of sources, which every catalogue has."""
        return _place(self.path, "sources")

    @property
    def detections(self) -> Path | None:
        """The table of detections; None where `vote` wrote the folder."""
        path = _place(self.path, "detections")
        return path if path.exists() else None

    def need_detections(self, what: str) -> Path:
        """Return the table of detections, which `what` needs.

        Raises
        ------
        TableError
            If the folder has none.
        """
        if not self.has_detections:
            raise TableError(f"{self.path}: no detections.parquet here: {what}. {self._remedy}")
        return _place(self.path, "detections")

    def need_tree(self, what: str) -> ModelTree:
        """Return the model, which `what` needs.

        Raises
        ------
        TableError
            If the folder has none.
        """
        if self.tree is None:
            raise TableError(f"{self.path}: no model.asdf here: {what}. {self._remedy}")
        return self.tree

    @property
    def is_voted(self) -> bool:
        """Whether `vote` wrote the folder: sources alone, no detections and no model."""
        return self.record.get("command") == "vote"

    @property
    def _remedy(self) -> str:
        if self.is_voted:
            return "xsift vote writes sources alone: give a folder that run or classify wrote"
        return "The folder is not whole: write the catalogue anew"


def open_folder(folder: str | Path) -> CatalogueFolder:
    """Open the folder of a catalogue: its record, its model where there is one, its classes.

    Raises
    ------
    TableError
        If the folder holds no catalogue, files of two runs, or nothing that says which classes its
        columns are of.
    ModelError
        If its model cannot be used.
    """
    path = Path(folder)
    if not _place(path, "sources").exists():
        raise TableError(
            f"{path}: no sources.parquet here: give a folder that run, classify, vote or demo wrote"
        )
    check_of_one_run(path)
    record = _record(path / "run.json")
    if (path / "model.asdf").exists():
        tree = load_model_tree(path / "model.asdf")
        try:
            survey = tree.survey_profile
            survey.feature_set(tree.feature_set, tree.features)
        except (ModelError, SettingError) as error:
            raise ModelError(f"{path / 'model.asdf'}: {error}") from error
        return CatalogueFolder(path, record, tree, survey, tree.classes)
    return CatalogueFolder(path, record, None, _survey_of(path, record), _classes_of(path, record))


def opened(catalogue: Catalogue | str | Path) -> CatalogueFolder:
    """Open a catalogue in memory, or a folder as `open_folder` does.

    Raises
    ------
    TableError, ModelError
        As `open_folder` does.
    """
    if not isinstance(catalogue, Catalogue):
        return open_folder(catalogue)
    path = catalogue.folder or Path("the catalogue")
    record, tree = catalogue.record, catalogue.model
    tables = {"sources": catalogue.sources, "detections": catalogue.detections}
    held = {stem: table for stem, table in tables.items() if table is not None}
    survey = tree.survey_profile if tree is not None else _survey_of(path, record)
    classes = tree.classes if tree is not None else _classes_of(path, record)
    return CatalogueFolder(path, record, tree, survey, classes, held)


def recorded_prior(detections: Path, classes: Classes) -> np.ndarray | None:
    """Return the class shares, of none last, under which a written table of detections holds.

    Parameters
    ----------
    detections : Path
        A table of detections in the folder of a catalogue; of any other file None is known.
    classes : Classes

    Raises
    ------
    TableError
        If the folder holds files of two runs.
    """
    said = _record(detections.parent / "run.json").get("prior")
    codes = [*classes.codes, NONE]
    if detections.name.split(".")[0] != "detections" or not isinstance(said, dict):
        return None
    check_of_one_run(detections.parent)
    shares: list[Any] = [said.get(code) for code in codes]
    are_shares = all(type(s) in (int, float) and 0 <= s <= 1 for s in shares)
    if set(said) != set(codes) or not are_shares:
        return None
    prior = np.array(shares, dtype=np.float64)
    return prior if prior.sum() > 0 else None


def _place(folder: Path, stem: str) -> Path:
    """Return where a table lies: a file, or a folder of the files of its parts."""
    if not (folder / f"{stem}.parquet").exists() and (folder / part_name(stem, 0)).exists():
        return folder / stem
    return folder / f"{stem}.parquet"


def _parts(place: Path, columns: list[str] | None) -> Iterator[pa.Table]:
    for _, table in parts_of(place).read(columns):
        if isinstance(table, TableError):
            raise table
        yield table.table


def _named(table: pa.Table, names: Sequence[Any]) -> pa.Table:
    column = table["name"]
    return table.filter(pc.is_in(column, value_set=pa.array(names, column.type)))


def _survey_of(path: Path, record: dict[str, Any]) -> Survey:
    if "profile" in record:
        try:
            return Survey.model_validate(record["profile"])
        except ValidationError as error:
            raise _unusable(path, error) from error
    # Before `vote` recorded the survey, it knew this one alone.
    name = record.get("survey", _DEFAULT_SURVEY)
    if name not in surveys.names():
        allowed = ", ".join(surveys.names())
        raise TableError(f"{path / 'run.json'}: survey {name!r}: known surveys are {allowed}")
    return surveys.load(str(name))


def _classes_of(path: Path, record: dict[str, Any]) -> Classes:
    """Return the classes that the record names, or those of the paper's that have a column."""
    if "classes" in record:
        try:
            return Classes.model_validate({"classes": record["classes"]})
        except ValidationError as error:
            raise _unusable(path, error) from error
    there = read_table(path / "sources.parquet", [*PAPER_CLASSES.columns])[0].column_names
    known = tuple(c for c in PAPER_CLASSES.classes if c.column in there)
    if not known:
        raise TableError(
            f"{path}: no model.asdf, and no column of the paper's classes in sources.parquet: "
            "write the catalogue anew"
        )
    return Classes(classes=known)


def _unusable(path: Path, error: ValidationError) -> TableError:
    said = error.errors(include_url=False)[0]
    where = ".".join(map(str, said["loc"])) or "profile"
    return TableError(f"{path / 'run.json'}: {where}: {said['msg']}: write the catalogue anew")


def _record(path: Path) -> dict[str, Any]:
    """Return `run.json`, or nothing where it is not there or cannot be used: few need it."""
    try:
        if path.stat().st_size > _RECORD_BYTES:
            return {}
        found = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
