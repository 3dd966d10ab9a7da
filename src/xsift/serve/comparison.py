"""A source among the others: the features of the groups, and the nearest known objects."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from xsift.catalogue.card import Card
from xsift.features import close_hardness, derive
from xsift.model import CalibratedModel, Model
from xsift.serve.catalogue import Served
from xsift.surveys import Survey

__all__ = ["Comparison"]

_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
_BINS = 40
_NEAREST = 8


class Comparison:
    """The data with which the sources of a catalogue are compared, computed once."""

    def __init__(self, served: Served) -> None:
        self._served = served
        self._among = _distributions(served)
        self._known = _known(served)

    def among(self, source: dict[str, Any] | None) -> dict[str, Any]:
        """Return the source's value of each feature, and the distribution in each group."""
        value = source or {}
        return {name: {"value": value.get(name), **said} for name, said in self._among.items()}

    def neighbours(self, card: Card, rows: pa.Table | None) -> list[dict[str, Any]]:
        """Return the labelled training detections nearest to the detections of a source.

        The distance is measured in the model's feature space. It uses the features that both
        detections have, and is scaled up to all features. A catalogue without detections has no
        neighbours.
        """
        model = self._served.model
        if rows is None or model is None or self._known is None:
            return []
        known, Z = self._known
        seen = _seen(rows, self._served.survey, model)
        others = np.asarray(pc.not_equal(known["name"], pa.scalar(card.name, known["name"].type)))
        found: dict[int, tuple[float, Any]] = {}
        for row, z in zip(rows.to_pylist(), seen, strict=True):
            distance = np.where(others, _distances(Z, z), np.inf)
            for i in np.argsort(distance, kind="stable")[:_NEAREST]:
                if np.isfinite(distance[i]) and distance[i] < found.get(int(i), (np.inf,))[0]:
                    found[int(i)] = (float(distance[i]), row.get("obsid"))
        nearest = sorted(found.items(), key=lambda item: item[1][0])[:_NEAREST]
        return [self._neighbour(known.slice(i, 1), *said) for i, said in nearest]

    def _neighbour(self, row: pa.Table, distance: float, of: Any) -> dict[str, Any]:
        keep = [k for k in ("name", "obsid", "label", "ra", "dec") if k in row.column_names]
        said: dict[str, Any] = row.select(keep).to_pylist()[0]
        classes = self._served.classes
        at = classes.index_of_type.get(said["label"])
        group = None if at is None else classes.classes[at].group
        return said | {"group": group, "distance": distance, "of": of}


def _distributions(served: Served) -> dict[str, Any]:
    scaling = {f.name: f.scaling for f in served.survey.features}
    return {
        name: _distribution(served, served.numbers[name], scaling.get(name) == "log-range")
        for name in served.features
        if name in served.numbers
    }


def _distribution(served: Served, values: np.ndarray, wants_log: bool) -> dict[str, Any]:
    finite = np.isfinite(values)
    in_log = wants_log and bool(finite.any()) and float(values[finite].min()) > 0
    x = np.log10(np.where(finite, values, 1.0)) if in_log else values
    there = x[finite]
    # Not the extremes: one odd value would leave all others in one bin.
    low, high = np.quantile(there, [0.002, 0.998]) if len(there) else (0.0, 1.0)
    high = high if high > low else low + 1.0
    edges = np.linspace(low, high, _BINS + 1)
    quantiles, counts = {}, {}
    for code, group in enumerate(served.groups):
        members = finite & (served.codes["group"] == code)
        mine = x[members]
        counts[group] = np.histogram(mine.clip(low, high), edges)[0].tolist()
        if len(mine):
            quantiles[group] = np.quantile(values[members], _QUANTILES).tolist()
    shown = 10**edges if in_log else edges
    return {
        "log": in_log,
        "quantiles": quantiles,
        "histogram": {"edges": shown.tolist(), "counts": counts},
    }


def _known(served: Served) -> tuple[pa.Table, np.ndarray] | None:
    table = served.detections
    if table is None or served.model is None:
        return None
    if "label" not in table.column_names:
        empty = table.slice(0, 0)
        return empty.append_column("label", pa.array([], pa.string())), np.empty((0, 0))
    known = table.filter(pc.and_(pc.equal(table["role"], "trained"), pc.is_valid(table["label"])))
    return known, _seen(known, served.survey, served.model)


def _seen(rows: pa.Table, survey: Survey, model: Model) -> np.ndarray:
    """Return detections as the model sees them, shape (n, d): NaN where a feature is missing."""
    features = derive(rows, survey, survey.feature_set(model.feature_set, model.features))
    X = features.values
    if isinstance(model, CalibratedModel):
        return model.scores.transform(close_hardness(X, model.closure, model.closing))
    return model.scaling.transform(X)


def _distances(Z: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Return the distances of rows to one, over what both have; infinite where that is nothing."""
    if not len(Z):
        return np.empty(0)
    difference = Z - z
    n = (~np.isnan(difference)).sum(axis=1)
    total = np.nansum(difference**2, axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(n > 0, np.sqrt(total * (Z.shape[1] / n)), np.inf)
