"""One source of a written catalogue: every detection, every probability, and why."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from xsift import surveys
from xsift.classes import Classes
from xsift.errors import MissingColumnsError, ModelError, SettingError, TableError, nearest
from xsift.features import derive
from xsift.model import Model, PaperModel, model_of
from xsift.read import read_table
from xsift.write import load_model_tree

__all__ = ["Card", "card_of", "source_card"]

_DETECTION_COLUMNS = ("name", "role", "flag", "cluster", "class")
_SOURCE_COLUMNS = ("name", "n_detections", "class_soft", "class_hard", "status", "class")


@dataclass(frozen=True)
class Card:
    """A source and its detections, as plain data.

    Attributes
    ----------
    name : str or int
    source : dict or None
        The row of the table of sources; None where no detection of the source voted.
    detections : list of dict
        The rows of the table of detections, each with ``squared_distances``: by class code, the
        squared Mahalanobis distance to the class in the detection's own cluster, where the class
        can be scored there and the model is in the folder.
    classes : Classes
    """

    name: str | int
    source: dict[str, Any] | None
    detections: list[dict[str, Any]]
    classes: Classes

    def as_dict(self) -> dict[str, Any]:
        """Return the card for JSON."""
        return {"name": self.name, "source": self.source, "detections": self.detections}


def source_card(name: str, folder: str | Path) -> Card:
    """Look a source up in a catalogue that `run` or `classify` wrote.

    Parameters
    ----------
    name : str
        As in the catalogue, or without blanks, case or the survey's prefix (``J004231.1+411621``).
    folder : str or Path

    Raises
    ------
    TableError
        If the folder holds no catalogue, or the catalogue no such source.
    """
    folder = Path(folder)
    if not (folder / "detections.parquet").exists():
        raise TableError(
            f"{folder}: no detections.parquet here: give a folder that run or classify wrote"
        )
    detections = _table(folder / "detections.parquet", _DETECTION_COLUMNS)
    full = _look_up(name, detections["name"], folder)
    rows = detections.filter(pc.equal(detections["name"], full))
    source = None
    if (folder / "sources.parquet").exists():
        sources = _table(folder / "sources.parquet", _SOURCE_COLUMNS)
        found = sources.filter(pc.equal(sources["name"], full)).to_pylist()
        source = found[0] if found else None
    tree = load_model_tree(_model_of(folder))
    _refuse_missing(folder / "detections.parquet", tree.classes.columns, rows.column_names)
    if source is not None:
        spreads = [f"{column}_std" for column in tree.classes.columns]
        _refuse_missing(folder / "sources.parquet", [*tree.classes.columns, *spreads], source)
    try:
        return card_of(full, rows, source, model_of(tree))
    except SettingError as error:
        raise ModelError(f"{folder / 'model.asdf'}: {error}") from error


def card_of(name: str | int, rows: pa.Table, source: dict[str, Any] | None, model: Model) -> Card:
    """Make the card of a source from its rows of the two tables.

    Parameters
    ----------
    name : str or int
    rows : pyarrow.Table
        Of its detections, in any order.
    source : dict or None
    model : Model

    Raises
    ------
    SettingError
        If the model is of a survey that this xsift does not know.
    """
    keys = [k for k in ("obsid", "obi") if k in rows.column_names]
    rows = rows.sort_by([(k, "ascending") for k in keys]) if keys else rows
    cards = [
        row | {"squared_distances": d2}
        for row, d2 in zip(rows.to_pylist(), _distances(rows, model), strict=True)
    ]
    return Card(name, source, cards, model.classes)


def _table(path: Path, needed: Sequence[str]) -> pa.Table:
    table, _ = read_table(path)
    _refuse_missing(path, needed, table.column_names)
    return table


def _refuse_missing(path: Path, needed: Iterable[str], available: Iterable[str]) -> None:
    if missing := [name for name in needed if name not in available]:
        raise MissingColumnsError(str(path), missing, available, "Write the catalogue anew")


def _look_up(name: str, names: pa.ChunkedArray, folder: Path) -> Any:
    distinct = pc.unique(names.drop_null()).to_pylist()
    exact = [n for n in distinct if str(n) == name.strip()]
    alike = exact or [n for n in distinct if _plain(n) == _plain(name)]
    alike = alike or [n for n in distinct if _plain(n).removeprefix("2cxo") == _plain(name)]
    if len(alike) == 1:
        return alike[0]
    if alike:
        raise TableError(f"{folder}: {name} may be {', '.join(map(str, alike[:5]))}: name one")
    near = nearest(name, map(str, distinct))
    hint = f": did you mean {near}?" if near else ""
    raise TableError(f"{folder}: no source {name} among {len(distinct):,}{hint}")


def _plain(name: Any) -> str:
    return "".join(str(name).split()).casefold()


def _distances(rows: pa.Table, model: Model) -> list[dict[str, float]]:
    survey = surveys.load(model.survey)
    features = derive(rows, survey, survey.feature_set(model.feature_set))
    out: list[dict[str, float]] = [{} for _ in range(rows.num_rows)]
    complete = np.flatnonzero(features.complete)
    if len(complete) and isinstance(model, PaperModel):
        Z = model.scaling.transform(features.X[complete])
        d2 = model.scorer.squared_distances(Z, model.mixture.predict(Z))
        for row, line in zip(complete, d2, strict=True):
            near = zip(model.classes.codes, line, strict=True)
            out[row] = {code: float(d) for code, d in near if np.isfinite(d)}
    return out


def _model_of(folder: Path) -> Path:
    if not (folder / "model.asdf").exists():
        raise TableError(f"{folder}: the catalogue lacks its model.asdf")
    return folder / "model.asdf"
