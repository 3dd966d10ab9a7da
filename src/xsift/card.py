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
from xsift.features import FeatureTable, derive
from xsift.model import Model, PaperModel, model_of
from xsift.read import read_table
from xsift.standing import Standing, standing_of
from xsift.summary import Shown, Summary, SummaryTable
from xsift.write import ModelTree, load_model_tree

__all__ = ["Card", "source_card"]

_DETECTION_COLUMNS = ("name", "role", "flag", "cluster", "class", "group")
_SOURCE_COLUMNS = ("name", "n_detections", "class_soft", "class_hard", "status", "class")


@dataclass(frozen=True, repr=False)
class Card(Shown):
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
    standing : Standing
        Where its features stand among those of the groups.
    survey : str
    """

    name: str | int
    source: dict[str, Any] | None
    detections: list[dict[str, Any]]
    classes: Classes
    standing: Standing
    survey: str

    def summary(self) -> Summary:
        """Return the verdict, the probabilities by class, and each detection's class."""
        detections = SummaryTable(
            "Detections",
            ["obsid", "role", "class", "why"],
            [
                [str(d.get("obsid") or ""), d["role"], d["class"] or "", d["flag"] or ""]
                for d in self.detections
            ],
        )
        if self.source is None:
            return Summary(str(self.name), ["No detection of this source voted."], [detections])
        source = self.source
        n = source["n_detections"]
        said = f"{source['class']} ({self.classes.title_of(source['class'])}), {source['status']}"
        named = {c.column: c.title or c.code for c in self.classes.classes}
        named |= {"p_none": "none of these"} if source.get("p_none") is not None else {}
        ranked = sorted(named, key=lambda column: -source[column])
        p = [[named[c], source[c], source.get(f"{c}_std")] for c in ranked]
        classes = SummaryTable("Classes", ["", "p", "scatter"], p)
        likeliest = ", ".join(f"{named[c]} {source[c]:.3f}" for c in ranked[:3])
        lines = [f"{said}, from {n} detection{'s'[: n != 1]}", likeliest]
        return Summary(str(self.name), lines, [classes, detections])

    def as_dict(self) -> dict[str, Any]:
        """Return the card for JSON."""
        return {
            "name": self.name,
            "source": self.source,
            "detections": self.detections,
            "standing": self.standing.as_dict(),
        }


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
    # In key order, and so are all that follows from it.
    keys = [k for k in ("obsid", "obi") if k in detections.column_names]
    order = [(k, "ascending") for k in keys]
    detections = detections.sort_by(order) if order else detections
    mine = np.asarray(pc.fill_null(pc.equal(detections["name"], full), False))
    rows = detections.filter(pa.array(mine))
    source = None
    if (folder / "sources.parquet").exists():
        sources = _table(folder / "sources.parquet", _SOURCE_COLUMNS)
        found = sources.filter(pc.equal(sources["name"], full)).to_pylist()
        source = found[0] if found else None
    tree = load_model_tree(_model_of(folder))
    model, features = model_of(tree), _features(detections, tree, folder)
    classes, distances = model.classes, _distances(model, features.X[mine], features.complete[mine])
    _refuse_missing(folder / "detections.parquet", classes.columns, rows.column_names)
    if source is not None:
        spreads = [f"{column}_std" for column in classes.columns]
        _refuse_missing(folder / "sources.parquet", [*classes.columns, *spreads], source)
    cards = [
        row | {"squared_distances": d2} for row, d2 in zip(rows.to_pylist(), distances, strict=True)
    ]
    detections = detections.append_column(
        "label_group", pa.array(_label_groups(detections, classes))
    )
    standing = standing_of(features, detections, mine)
    return Card(full, source, cards, classes, standing, tree.survey)


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


def _features(detections: pa.Table, tree: ModelTree, folder: Path) -> FeatureTable:
    try:
        survey = surveys.load(tree.survey)
        return derive(detections, survey, survey.feature_set(tree.feature_set))
    except SettingError as error:
        raise ModelError(f"{folder / 'model.asdf'}: {error}") from error


def _distances(model: Model, X: np.ndarray, is_complete: np.ndarray) -> list[dict[str, float]]:
    out: list[dict[str, float]] = [{} for _ in range(len(X))]
    complete = np.flatnonzero(is_complete)
    if len(complete) and isinstance(model, PaperModel):
        Z = model.scaling.transform(X[complete])
        d2 = model.scorer.squared_distances(Z, model.mixture.predict(Z))
        for row, line in zip(complete, d2, strict=True):
            near = zip(model.classes.codes, line, strict=True)
            out[row] = {code: float(d) for code, d in near if np.isfinite(d)}
    return out


def _label_groups(detections: pa.Table, classes: Classes) -> list[str | None]:
    group = {c.code: c.group for c in classes.classes}
    if "label" not in detections.column_names:
        return [None] * detections.num_rows
    return [group.get(label) for label in detections["label"].to_pylist()]


def _model_of(folder: Path) -> Path:
    if not (folder / "model.asdf").exists():
        raise TableError(f"{folder}: the catalogue lacks its model.asdf")
    return folder / "model.asdf"
