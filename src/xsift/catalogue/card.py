"""One source of a written catalogue: every detection, every probability, and why."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from xsift.catalogue.folder import CatalogueFolder, opened
from xsift.catalogue.standing import Standing, standing_of
from xsift.catalogue.summary import Shown, Summary, SummaryTable
from xsift.catalogue.tables import Catalogue
from xsift.classes import Classes
from xsift.errors import MissingColumnsError, TableError, nearest
from xsift.features import derive
from xsift.model import Model, PaperModel, model_of
from xsift.surveys import Survey

__all__ = ["Card", "SourceCard", "card_of", "find_name", "source_card"]

_DESIGNATION = re.compile(r"[jb]\d{4}")
_SEXAGESIMAL = re.compile(
    r"J(\d\d)(\d\d)(\d\d(?:\.\d*)?)([+-])(\d\d)(\d\d)(\d\d(?:\.\d*)?)", re.ASCII | re.IGNORECASE
)
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
    detections : list of dict or None
        The rows of the table of detections, each with ``squared_distances``: by class code, the
        squared Mahalanobis distance to the class in the detection's own cluster, where the class
        can be scored there. None where the catalogue has no detections.
    classes : Classes
    """

    name: str | int
    source: dict[str, Any] | None
    detections: list[dict[str, Any]] | None
    classes: Classes

    @property
    def in_sample(self) -> str:
        """Number of its detections that trained the model, as a sentence; empty if none did."""
        roles = [d["role"] for d in self.detections or ()]
        if not (n := roles.count("trained")):
            return ""
        return f"In-sample: {n} of {len(roles)} detection{'s'[: len(roles) != 1]} trained the model"

    def summary(self) -> Summary:
        """Return the verdict, the probabilities by class, and each detection's class."""
        detections = [] if self.detections is None else [_detection_summary(self.detections)]
        first = [self.in_sample] if self.in_sample else []
        if self.source is None:
            lines = [*first, "No detection of this source voted."]
            return Summary(str(self.name), lines, detections)
        source = self.source
        n = source["n_detections"]
        said = f"{source['class']} ({self.classes.title_of(source['class'])}), {source['status']}"
        named = {c.column: c.title or c.code for c in self.classes.classes}
        named |= {"p_none": "none of these"} if source.get("p_none") is not None else {}
        ranked = sorted(named, key=lambda column: -source[column])
        p = [[named[c], source[c], source.get(f"{c}_std")] for c in ranked]
        classes = SummaryTable("Classes", ["", "p", "scatter"], p)
        likeliest = ", ".join(f"{named[c]} {source[c]:.3f}" for c in ranked[:3])
        lines = [*first, f"{said}, from {n} detection{'s'[: n != 1]}", likeliest]
        return Summary(str(self.name), lines, [classes, *detections])

    def as_dict(self) -> dict[str, Any]:
        """Return the card for JSON."""
        return {"name": self.name, "source": self.source, "detections": self.detections}


@dataclass(frozen=True, repr=False)
class SourceCard(Card):
    """A card with the place of the source's features in the whole catalogue.

    Attributes
    ----------
    standing : Standing or None
        Where its features stand among those of the groups; None where there are no detections.
    survey : Survey
    """

    standing: Standing | None
    survey: Survey

    def as_dict(self) -> dict[str, Any]:
        """Return the card for JSON."""
        standing = self.standing.as_dict() if self.standing is not None else None
        return super().as_dict() | {"standing": standing}


def source_card(name: str, catalogue: Catalogue | str | Path) -> SourceCard:
    """Read one source from the folder of a catalogue.

    Parameters
    ----------
    name : str
        As in the catalogue, or without blanks, case or the survey's prefix (``J004231.1+411621``).
    catalogue : Catalogue, str or Path
        In memory, or its folder.

    Raises
    ------
    TableError
        If the folder holds no catalogue, or the catalogue no such source.
    """
    found = opened(catalogue)
    sources = _table(found, "sources", (*_SOURCE_COLUMNS, *_spread(found.classes)), [])
    if found.is_voted:
        full = find_name(name, sources["name"], found.path)
        (source,) = found.rows_of("sources", full).to_pylist()
        return SourceCard(full, source, None, found.classes, None, found.survey)
    found.need_detections("a source is shown with them")
    tree = found.need_tree("it says what the features are")
    needed = (*_DETECTION_COLUMNS, *found.classes.columns)
    columns = [c.name for c in found.survey.columns]
    detections = _table(found, "detections", needed, [*columns, "label"])
    full = find_name(name, detections["name"], found.path)
    # In key order, and so are all that follows from it.
    keys = [k for k in ("obsid", "obi") if k in detections.column_names]
    order = [(k, "ascending") for k in keys]
    detections = detections.sort_by(order) if order else detections
    mine = np.asarray(pc.fill_null(pc.equal(detections["name"], full), False))
    rows = found.rows_of("detections", full)
    voted = found.rows_of("sources", full).to_pylist()
    card = card_of(full, rows, voted[0] if voted else None, model_of(tree))
    features = derive(
        detections, found.survey, found.survey.feature_set(tree.feature_set, tree.features)
    )
    groups = pa.array(_label_groups(detections, tree.classes))
    standing = standing_of(features, detections.append_column("label_group", groups), mine)
    return SourceCard(
        **{f.name: getattr(card, f.name) for f in fields(card)},
        standing=standing,
        survey=found.survey,
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


def _detection_summary(detections: list[dict[str, Any]]) -> SummaryTable:
    rows = [
        [str(d.get("obsid") or ""), d["role"], d["class"] or "", d["flag"] or ""]
        for d in detections
    ]
    return SummaryTable("Detections", ["obsid", "role", "class", "why"], rows)


def _spread(classes: Classes) -> list[str]:
    return [*classes.columns, *(f"{column}_std" for column in classes.columns)]


def _table(
    found: CatalogueFolder, stem: str, needed: Sequence[str], more: Sequence[str]
) -> pa.Table:
    table = found.read(stem, [*needed, *more])
    if missing := [name for name in needed if name not in table.column_names]:
        raise MissingColumnsError(
            found.where(stem), missing, table.column_names, "Write the catalogue anew"
        )
    return table


def find_name(name: str, names: pa.ChunkedArray, folder: Path) -> Any:
    """Return the name of a source as the catalogue spells it.

    Parameters
    ----------
    name : str
        As in `source_card`.
    names : pyarrow.ChunkedArray
    folder : Path
        For messages.

    Raises
    ------
    TableError
        If no source, or several, may be meant.
    """
    distinct = pc.unique(names.drop_null()).to_pylist()
    exact = [n for n in distinct if str(n) == name.strip()]
    alike = exact or [n for n in distinct if _plain(n) == _plain(name)]
    if not alike and _DESIGNATION.match(_plain(name)):
        alike = [n for n in distinct if _plain(n).endswith(_plain(name))]
    if len(alike) == 1:
        return alike[0]
    if alike:
        raise TableError(f"{folder}: {name} may be {', '.join(map(str, alike[:5]))}: name one")
    near = _nearest(name, [str(n) for n in distinct])
    hint = f": did you mean {near}?" if near else ""
    raise TableError(f"{folder}: no source {name} among {len(distinct):,}{hint}")


def _nearest(name: str, names: list[str]) -> str | None:
    """Return the name meant: the only one that contains what was given, or the nearest.

    Of a name that holds a position that is the next on the sky, within 1 arcmin: names with
    positions are spelled alike wherever they lie.
    """
    containing = [n for n in names if _plain(name) in _plain(n)]
    if len(containing) == 1:
        return containing[0]
    own = _position(name)
    if own is None:
        return nearest(name, names)
    held = [(position, n) for n in names if (position := _position(n))]
    if not held:
        return None
    far, near = min((math.dist(own, position), n) for position, n in held)
    return near if far < math.radians(1 / 60) else None


def _position(name: str) -> tuple[float, float, float] | None:
    """Return the unit vector of the position that a name holds: ``J004231.1+411621``."""
    found = _SEXAGESIMAL.search(name)
    if found is None:
        return None
    h, m, s, sign, d, arcmin, arcsec = found.groups()
    ra = math.radians(15 * (int(h) + int(m) / 60 + float(s) / 3600))
    dec = math.radians(int(d) + int(arcmin) / 60 + float(arcsec) / 3600)
    dec = -dec if sign == "-" else dec
    return math.cos(dec) * math.cos(ra), math.cos(dec) * math.sin(ra), math.sin(dec)


def _plain(name: Any) -> str:
    return "".join(str(name).split()).casefold()


def _distances(rows: pa.Table, model: Model) -> list[dict[str, float]]:
    survey = model.survey
    features = derive(rows, survey, survey.feature_set(model.feature_set, model.features))
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
    group = {t: classes.classes[k].group for t, k in classes.index_of_type.items()}
    if "label" not in detections.column_names:
        return [None] * detections.num_rows
    return [group.get(label) for label in detections["label"].to_pylist()]
