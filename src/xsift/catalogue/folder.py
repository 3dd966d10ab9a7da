"""The folder of a written catalogue: what is in it, and what it was made by."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from xsift import surveys
from xsift.classes import PAPER_CLASSES, Classes
from xsift.errors import ModelError, SettingError, TableError
from xsift.model.file import load_model_tree
from xsift.model.schema import ModelTree
from xsift.read import read_table
from xsift.surveys import Survey
from xsift.write import check_of_one_run

__all__ = ["CatalogueFolder", "open_catalogue"]

_RECORD_BYTES = 10_000_000
_DEFAULT_SURVEY = "csc20"


@dataclass(frozen=True, eq=False)
class CatalogueFolder:
    """A folder that `run`, `classify`, `vote` or `demo` wrote.

    Attributes
    ----------
    path : Path
    record : dict
        What ``run.json`` holds; empty where there is none that can be read.
    tree : ModelTree or None
        The model; None where `vote` wrote the folder.
    survey : Survey
    classes : Classes
    """

    path: Path
    record: dict[str, Any]
    tree: ModelTree | None
    survey: Survey
    classes: Classes

    @property
    def sources(self) -> Path:
        """The table of sources, which every catalogue has."""
        return self.path / "sources.parquet"

    @property
    def detections(self) -> Path | None:
        """The table of detections; None where `vote` wrote the folder."""
        path = self.path / "detections.parquet"
        return path if path.exists() else None

    def need_detections(self, what: str) -> Path:
        """Return the table of detections, which `what` needs.

        Raises
        ------
        TableError
            If the folder has none.
        """
        if self.detections is None:
            raise TableError(f"{self.path}: no detections.parquet here: {what}. {self._remedy}")
        return self.detections

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


def open_catalogue(folder: str | Path) -> CatalogueFolder:
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
    if not (path / "sources.parquet").exists():
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


def _survey_of(path: Path, record: dict[str, Any]) -> Survey:
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
            said = error.errors(include_url=False)[0]
            where = ".".join(map(str, said["loc"]))
            raise TableError(
                f"{path / 'run.json'}: {where}: {said['msg']}: write the catalogue anew"
            ) from error
    there = read_table(path / "sources.parquet", [*PAPER_CLASSES.columns])[0].column_names
    known = tuple(c for c in PAPER_CLASSES.classes if c.column in there)
    if not known:
        raise TableError(
            f"{path}: no model.asdf, and no column of the paper's classes in sources.parquet: "
            "write the catalogue anew"
        )
    return Classes(classes=known)


def _record(path: Path) -> dict[str, Any]:
    """Return `run.json`, or nothing where it is not there or cannot be used: few need it."""
    try:
        if path.stat().st_size > _RECORD_BYTES:
            return {}
        found = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
