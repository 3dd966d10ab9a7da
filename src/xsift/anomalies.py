"""The most atypical detections of a catalogue, and what makes them so."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from xsift import surveys
from xsift.errors import MissingColumnsError, ModelError, SettingError, TableError
from xsift.features import derive
from xsift.model import CalibratedModel, Model, model_of
from xsift.read import read_table
from xsift.summary import Shown, Summary, SummaryTable
from xsift.write import check_of_one_run, load_model_tree

__all__ = ["Anomalies", "Anomaly", "Oddity", "anomalies", "least_typical"]

_MOST = 3
_KEYS = ("name", "obsid", "obi", "ra", "dec", "class", "p_none", "typicality", "flag")


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
    """An atypical detection.

    Attributes
    ----------
    rank : int
        1 is the most atypical.
    detection : dict
        Keys, position, class, probability of none and typicality.
    oddities : list of Oddity
        At most three, the one that matters most first: those without which the detection would be
        more typical. Empty where no single feature is odd, only their combination, and for a model
        of the paper's method.
    """

    rank: int
    detection: dict[str, Any]
    oddities: list[Oddity]

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        return asdict(self)


class Anomalies(Shown, list[Anomaly]):
    """Detections, the least typical first: a list."""

    def summary(self) -> Summary:
        """Return the detections with what makes them atypical."""
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
        title = f"{len(self)} detections, the least typical first"
        return Summary(title, lines, [table])

    def _repr_html_(self) -> str:
        found = self.summary()
        return Summary(found.title, (), found.tables).html()


def anomalies(folder: str | Path, most: int = 20) -> Anomalies:
    """Rank the detections of a catalogue, the least typical first.

    Parameters
    ----------
    folder : str or Path
        What `run` or `classify` wrote.
    most : int
        How many.

    Raises
    ------
    TableError
        If the folder holds no catalogue.
    ModelError
        If its model cannot be used.
    """
    folder = Path(folder)
    for needed in ("detections.parquet", "model.asdf"):
        if not (folder / needed).exists():
            raise TableError(
                f"{folder}: no {needed} here: give a folder that run or classify wrote"
            )
    check_of_one_run(folder)
    path = folder / "detections.parquet"
    table, _ = read_table(path)
    if "typicality" not in table.column_names:
        raise MissingColumnsError(str(path), ["typicality"], table.column_names, "Write it anew")
    try:
        return least_typical(table, model_of(load_model_tree(folder / "model.asdf")), most)
    except SettingError as error:
        raise ModelError(f"{folder / 'model.asdf'}: {error}") from error


def least_typical(table: pa.Table, model: Model, most: int) -> Anomalies:
    """Rank the rows of a table of detections, the least typical first.

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


def _oddities(rows: pa.Table, model: Model) -> list[list[Oddity]]:
    if not isinstance(model, CalibratedModel):
        return [[] for _ in range(rows.num_rows)]
    survey = surveys.load(model.survey)
    features = derive(rows, survey, survey.feature_set(model.feature_set))
    X = features.values
    now = model.typicality_of(X)
    without = np.full(X.shape, -np.inf)
    for j in range(X.shape[1]):
        hidden = X.copy()
        hidden[:, j] = np.nan
        without[:, j] = np.where(np.isnan(X[:, j]), -np.inf, model.typicality_of(hidden))
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
