"""One source of a written catalogue: every detection, every probability, and why."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
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
from xsift.write import ModelTree, check_of_one_run, load_model_tree

__all__ = ["Card", "SourceCard", "card_of", "source_card"]

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
    """

    name: str | int
    source: dict[str, Any] | None
    detections: list[dict[str, Any]]
    classes: Classes

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
        return {"name": self.name, "source": self.source, "detections": self.detections}


@dataclass(frozen=True, repr=False)
class SourceCard(Card):
    """A card with the place of the source's features in the whole catalogue.

    Attributes
    ----------
    standing : Standing
        Where its features stand among those of the groups.
    survey : str
    """

    standing: Standing
    survey: str

    def as_dict(self) -> dict[str, Any]:
        """Return the card for JSON."""
        return super().as_dict() | {"standing": self.standing.as_dict()}


def source_card(name: str, folder: str | Path) -> SourceCard:
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
    check_of_one_run(folder)
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
    _refuse_missing(folder / "detections.parquet", tree.classes.columns, rows.column_names)
    if source is not None:
        spreads = [f"{column}_std" for column in tree.classes.columns]
        _refuse_missing(folder / "sources.parquet", [*tree.classes.columns, *spreads], source)
    card = card_of(full, rows, source, model)
    groups = pa.array(_label_groups(detections, tree.classes))
    standing = standing_of(features, detections.append_column("label_group", groups), mine)
    return SourceCard(
        **{f.name: getattr(card, f.name) for f in fields(card)},
        standing=standing,
        survey=tree.survey,
    )


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


def _features(detections: pa.Table, tree: ModelTree, folder: Path) -> FeatureTable:
    try:
        survey = surveys.load(tree.survey)
        return derive(detections, survey, survey.feature_set(tree.feature_set))
    except SettingError as error:
        raise ModelError(f"{folder / 'model.asdf'}: {error}") from error


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


def _label_groups(detections: pa.Table, classes: Classes) -> list[str | None]:
    group = {c.code: c.group for c in classes.classes}
    if "label" not in detections.column_names:
        return [None] * detections.num_rows
    return [group.get(label) for label in detections["label"].to_pylist()]


def _model_of(folder: Path) -> Path:
    if not (folder / "model.asdf").exists():
        raise TableError(f"{folder}: the catalogue lacks its model.asdf")
    return folder / "model.asdf"
