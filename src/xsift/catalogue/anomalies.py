"""The least typical detections (or sources) of a catalogue, with the features that make them so."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from xsift.catalogue.folder import opened
from xsift.catalogue.summary import Shown, Summary, SummaryTable
from xsift.catalogue.tables import Catalogue
from xsift.catalogue.tabular import Tabular
from xsift.errors import MissingColumnsError, SettingError
from xsift.features import derive
from xsift.model import CalibratedModel, Model, model_of

__all__ = ["Anomalies", "Anomaly", "Oddity", "anomalies", "least_typical"]

_MOST = 3
_ODD = {
    "feature": pa.string(),
    **dict.fromkeys(("value", "quantile", "typicality_without"), pa.float64()),
}
_KEYS = "name obsid obi n_detections ra dec class p_none typicality flag".split()


@dataclass(frozen=True)
class Oddity:
    """A feature that makes a detection atypical.

    Attributes
    ----------
    feature : str
    value : float
    quantile : float
        Of the value among the detections of the training table.
    typicality_without : float
        What the typicality of the detection would be if it lacked the feature.
    """

    feature: str
    value: float
    quantile: float
    typicality_without: float


@dataclass(frozen=True)
class Anomaly:
    """An atypical detection; a source if the catalogue has no detections.

    Attributes
    ----------
    rank : int
        1 is the most atypical.
    detection : dict
        Keys, position, class, probability of none and typicality; of a source ``n_detections``,
        too.
    oddities : list of Oddity
        At most three, the one that matters most first: those without which the detection would be
        more typical. Empty where no single feature is odd, only their combination, for a model of
        the paper's method, and where there is no model.
    """

    rank: int
    detection: dict[str, Any]
    oddities: list[Oddity]

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        return asdict(self)


class Anomalies(Shown, Tabular, Sequence[Anomaly]):
    """A sequence of detections, the least typical first; of sources if there are no detections.

    As a table each is a row: ``rank``, the detection, and ``feature_1``, ``value_1``,
    ``quantile_1``, ``typicality_without_1`` to ``_3`` of what makes it atypical.
    """

    def __init__(self, found: Iterable[Anomaly] = ()) -> None:
        self._found = tuple(found)

    def __len__(self) -> int:
        return len(self._found)

    def __getitem__(self, at: Any) -> Any:
        return Anomalies(self._found[at]) if isinstance(at, slice) else self._found[at]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Anomalies) and self._found == other._found

    __hash__ = None  # type: ignore[assignment]

    def to_arrow(self) -> pa.Table:
        """Return a pyarrow Table, a row for each."""
        columns: dict[str, pa.Array] = {"rank": pa.array([a.rank for a in self], pa.int64())}
        for key in _KEYS:
            if not self or any(key in a.detection for a in self):
                columns[key] = pa.array([a.detection.get(key) for a in self])
        for at in range(_MOST):
            odd = [a.oddities[at] if len(a.oddities) > at else None for a in self]
            for field, kind in _ODD.items():
                values = [None if o is None else getattr(o, field) for o in odd]
                columns[f"{field}_{at + 1}"] = pa.array(values, kind)
        return pa.table(columns)

    @property
    def are_sources(self) -> bool:
        """Whether the rows are sources, because `vote` wrote the catalogue."""
        return any("n_detections" in a.detection for a in self)

    def summary(self) -> Summary:
        """Return the detections with the features that make them atypical."""
        rows = [
            [
                a.rank,
                str(a.detection["name"]),
                f"{a.detection['typicality']:.2g}",
                a.detection.get("class") or "",
                ", ".join(f"{o.feature} {o.value:.4g}" for o in a.oddities) or "no single feature",
            ]
            for a in self
        ]
        lines = ["  ".join(map(str, row)) for row in rows]
        headings = ["", "name", "typicality", "class", "what makes it so"]
        table = SummaryTable("Least typical first", headings, rows)
        what = "sources" if self.are_sources else "detections"
        title = f"{len(self)} {what}, the least typical first"
        return Summary(title, lines, [table])

    def _repr_html_(self) -> str:
        found = self.summary()
        return Summary(found.title, (), found.tables).html()


def anomalies(catalogue: Catalogue | str | Path, most: int = 20) -> Anomalies:
    """Rank the detections of a catalogue, the least typical first.

    If `vote` wrote the catalogue, it ranks the sources, by the mean over their detections.

    Parameters
    ----------
    catalogue : Catalogue, str or Path
        A catalogue of `run`, `classify` or `vote_table`, or its folder.
    most : int
        How many.

    Raises
    ------
    TableError
        If there is no catalogue, or one without typicality.
    SettingError
        If `most` is not 1 and more.
    ModelError
        If its model cannot be used.
    """
    if most < 1:
        raise SettingError(f"--most {most}: allowed is 1 and more")
    found = opened(catalogue)
    if found.is_voted:
        stem, model = "sources", None
        remedy = (
            "xsift vote takes it from a table of detections that has p_none and typicality, such "
            "as one that run or classify wrote"
        )
    else:
        found.need_detections("they are ranked")
        stem = "detections"
        model = model_of(found.need_tree("it says what is typical"))
        remedy = "Write the catalogue anew"
    table = found.read(stem)
    if "typicality" not in table.column_names:
        raise MissingColumnsError(found.where(stem), ["typicality"], table.column_names, remedy)
    return least_typical(table, model, most)


def least_typical(table: pa.Table, model: Model | None, most: int) -> Anomalies:
    """Rank the rows of a table of detections or sources, the least typical first.

    Without a model nothing says what makes them so.

    Raises
    ------
    SettingError
        If the model is of a survey that this xsift does not know.
    """
    known = table.filter(pc.is_valid(table["typicality"]))
    order = pc.sort_indices(known, sort_keys=[("typicality", "ascending")])[:most]
    rows = known.take(order)
    keep = [k for k in _KEYS if k in rows.column_names]
    found = zip(rows.select(keep).to_pylist(), _oddities(rows, model), strict=True)
    return Anomalies(Anomaly(rank, row, odd) for rank, (row, odd) in enumerate(found, start=1))


def _oddities(rows: pa.Table, model: Model | None) -> list[list[Oddity]]:
    if not isinstance(model, CalibratedModel):
        return [[] for _ in range(rows.num_rows)]
    survey = model.survey
    features = derive(rows, survey, survey.feature_set(model.feature_set, model.features))
    X, counts = features.values, np.full(len(features.X), np.inf)
    if "effective_counts" in rows.column_names:
        told = rows["effective_counts"].to_numpy().astype(np.float64)
        counts = np.where(np.isnan(told), np.inf, told)
    now = model.typicality_of(X, counts)
    without = np.full(X.shape, -np.inf)
    for j in range(X.shape[1]):
        hidden = X.copy()
        hidden[:, j] = np.nan
        without[:, j] = np.where(np.isnan(X[:, j]), -np.inf, model.typicality_of(hidden, counts))
    quantile = np.column_stack([model.quantile(j, X[:, j]) for j in range(X.shape[1])])
    out = []
    for row in range(len(X)):
        gain = np.nan_to_num(without[row] - now[row], nan=-np.inf)
        best = [j for j in np.argsort(-gain, kind="stable")[:_MOST] if gain[j] > 0]
        out.append(
            [
                Oddity(
                    model.features[j],
                    float(X[row, j]),
                    float(quantile[row, j]),
                    float(without[row, j]),
                )
                for j in best
            ]
        )
    return out
