"""Class shares that a table seems to have: estimate, interval, and whether to trust them."""

from __future__ import annotations

import warnings
from typing import Annotated, Any

import numpy as np
import pyarrow as pa
from pydantic import BeforeValidator, Field, PlainSerializer, model_validator

from xsift.errors import XsiftWarning
from xsift.model import Classification
from xsift.model.by_gaps import by_group
from xsift.model.calibrated import CalibratedModel
from xsift.model.prior import estimate_shares
from xsift.model.sample import source_codes
from xsift.model.sums import Adding, Array, fixed, name_keys

__all__ = ["ShareSums", "Sources", "shares_of"]

_FEWEST = 100
_OTHER = 0.1
_TIMES = 2.0
_DRAWS = 100
_MOST = 20_000  # detections that are drawn anew: more would narrow what no chance makes
_STEPS = 200
_LEVEL = (2.5, 97.5)
_MOST_OF_ALL = 200_000  # detections that the estimate is made of
_SPARE = 1.25
_ALL = 2**64

Names = Annotated[
    Any,
    BeforeValidator(lambda given: pa.array(given, pa.string())),
    PlainSerializer(lambda given: given.to_pylist(), when_used="json"),
]


class Sources(Adding):
    """Probabilities of the detections of some sources: those with the smallest hashes of the name.

    Sources are taken as long as those before them have fewer than 200,000 detections together. Of a
    source all detections are there, or none: what is chosen of a table is chosen of its parts.

    Attributes
    ----------
    end : int
        Hashes are below: 2^64 where nothing is left out.
    name : pyarrow.Array of str
        Of each detection; a detection without one is a source of its own.
    ordinal : ndarray of int64, shape (n,)
        Place of the detection in the table, rising.
    p : ndarray of shape (n, C)
        To the sum 1.
    complete : ndarray of bool, shape (n,)
        Which detections have all features.
    """

    end: int = Field(ge=0, le=_ALL)
    name: Names
    ordinal: Array
    p: Array
    complete: Array

    @model_validator(mode="after")
    def _of_one_length(self) -> Sources:
        columns = (self.name, self.ordinal, self.p, self.complete)
        if len({len(column) for column in columns}) > 1:
            raise ValueError("the columns of the sources are not of one length")
        return self

    @classmethod
    def of(
        cls,
        name: pa.Array,
        ordinal: np.ndarray,
        p: np.ndarray,
        complete: np.ndarray,
        n_of_all: int,
    ) -> Sources:
        """Choose detections of a part of a table of `n_of_all` detections."""
        # Somewhat more than wanted of the whole: else all parts together would hold all of it.
        end = min(_ALL, int(_ALL * _SPARE * _MOST_OF_ALL / max(n_of_all, 1)))
        found = cls.model_construct(
            end=_ALL, name=name, ordinal=ordinal, p=np.asarray(p), complete=complete
        )
        return found._below(end)._held()

    def __add__(self, other: Sources) -> Sources:
        end = min(self.end, other.end)
        one, two = self._below(end), other._below(end)
        name = pa.concat_arrays([one.name, two.name])
        both = [
            np.concatenate(pair)
            for pair in ((one.ordinal, two.ordinal), (one.p, two.p), (one.complete, two.complete))
        ]
        order = np.argsort(both[0], kind="stable")
        ordinal, p, complete = (column[order] for column in both)
        found = Sources.model_construct(
            end=end, name=name.take(pa.array(order)), ordinal=ordinal, p=p, complete=complete
        )
        return found._held()

    def _held(self) -> Sources:
        """Leave out the sources before which there are detections enough."""
        if len(self.p) <= _MOST_OF_ALL:
            return self
        key, n = np.unique(self._keys, return_counts=True)
        last = int(np.searchsorted(np.cumsum(n), _MOST_OF_ALL, side="left"))
        return self._below(int(key[last + 1])) if last + 1 < len(key) else self

    def _below(self, end: int) -> Sources:
        if end >= self.end:
            return self
        some = np.flatnonzero(self._keys < np.uint64(end))
        return Sources.model_construct(
            end=end,
            name=self.name.take(pa.array(some)),
            ordinal=self.ordinal[some],
            p=self.p[some],
            complete=self.complete[some],
        )

    @property
    def _keys(self) -> np.ndarray:
        """Hashes of the names; of the place, where there is none."""
        return name_keys(self.name, self.ordinal.astype(np.uint64) + np.uint64(1))


class ShareSums(Adding):
    """What the class shares of a table are estimated from, of some of its rows.

    Attributes
    ----------
    scored : int
        Detections with a probability of some class.
    p : ndarray of int, shape (C,)
        Sums of their probabilities (`fixed`), if they are of one of the classes.
    sources : Sources
        Those of which the shares are estimated.
    """

    scored: int
    p: Array
    sources: Sources

    @classmethod
    def of(
        cls,
        said: Classification,
        names: pa.Array,
        complete: np.ndarray,
        first: int = 0,
        n_of_all: int | None = None,
    ) -> ShareSums:
        """Add up what a model says of rows.

        Parameters
        ----------
        said : Classification
            Under the shares of the training set.
        names : pyarrow.Array of str
            Of the sources.
        complete : ndarray of bool, shape (n,)
            Which detections have all features.
        first : int
            Place of the first of these rows in the table.
        n_of_all : int, optional
            Detections of the table; where None, these are all.
        """
        total = said.p.sum(axis=1)
        # What is surely of none of the classes says nothing of their shares.
        rows = np.flatnonzero(total > 0)
        p = said.p[rows]
        p /= total[rows, None]
        n = len(total) if n_of_all is None else n_of_all
        name = names.take(pa.array(rows))
        sources = Sources.of(name, rows + first, p, complete[rows], n)
        return cls.model_construct(scored=len(rows), p=fixed(p), sources=sources)


def shares_of(sums: ShareSums, model: CalibratedModel, is_unlike: bool) -> dict[str, Any]:
    """Estimate the class shares of a table, with intervals, and say whether they can be trusted.

    Under label shift (`estimate_shares`). Sources are drawn anew 100 times, with all of their
    detections, so the interval is that of another draw of sources; it knows nothing of a table
    whose detections look different. An estimate is not trusted where the table is unlike the
    training table, where complete and incomplete detections give a group shares that differ by
    0.1, or where a group's estimate is 0.1 and twice apart from its mean probability.

    Parameters
    ----------
    sums : ShareSums
    model : CalibratedModel
    is_unlike : bool
        Whether the table is unlike the training table.

    Returns
    -------
    dict
        By class: ``training``, ``estimated``, ``low``, ``high`` and ``mean_p``; ``doubts``: why
        the estimate cannot be trusted, in words; of a large table ``sample``: of how many
        ``detections`` of those that are ``scored`` it is. Empty where fewer than 100 are scored.

    Warns
    -----
    XsiftWarning
        If there are doubts.
    """
    of = sums.sources
    if len(of.p) < _FEWEST:
        return {}
    p, trained = of.p, model.prior.shares
    estimated, mean = estimate_shares(p, trained), sums.p / max(int(sums.p.sum()), 1)
    low, high = _interval(p, trained, estimated, source_codes(of.name))
    doubts = ["the table is unlike the training table"] if is_unlike else []
    doubts += _doubt_of_gaps(p, of.complete, model)
    doubts += _doubt_of_mean(by_group(estimated, model), by_group(mean, model))
    if doubts:
        warnings.warn(
            "classes and probabilities do not use the class shares estimated for this table "
            f"(shares in run.json), which cannot be trusted: {'; '.join(doubts)}",
            XsiftWarning,
            stacklevel=2,
        )
    codes = model.classes.codes
    of_class = {
        "training": trained,
        "estimated": estimated,
        "low": low,
        "high": high,
        "mean_p": mean,
    }
    found: dict[str, Any] = {
        name: dict(zip(codes, shares.round(4).tolist(), strict=True))
        for name, shares in of_class.items()
    }
    if len(p) < sums.scored:
        found["sample"] = {"detections": len(p), "scored": sums.scored}
    return found | {"doubts": doubts}


def _doubt_of_gaps(p: np.ndarray, complete: np.ndarray, model: CalibratedModel) -> list[str]:
    if min(complete.sum(), (~complete).sum()) < _FEWEST:
        return []
    whole, gappy = (
        by_group(estimate_shares(p[some], model.prior.shares), model)
        for some in (complete, ~complete)
    )
    group = max(whole, key=lambda g: abs(whole[g] - gappy[g]))
    if abs(whole[group] - gappy[group]) <= _OTHER:
        return []
    return [f"{group} {whole[group]:.0%} by complete, {gappy[group]:.0%} by incomplete detections"]


def _doubt_of_mean(estimated: dict[str, float], mean: dict[str, float]) -> list[str]:
    def is_at_odds(group: str) -> bool:
        low, high = sorted((estimated[group], mean[group]))
        return high - low > _OTHER and high > _TIMES * low

    at_odds = [g for g in mean if is_at_odds(g)]
    return [f"{g} {estimated[g]:.0%}, where the mean probability is {mean[g]:.0%}" for g in at_odds]


def _interval(
    p: np.ndarray, trained: np.ndarray, estimated: np.ndarray, source: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the 95 % interval of the shares: percentiles of the estimates of sources drawn anew.

    Of a large table, sources with 20,000 detections are drawn from: the interval is then too wide.
    """
    rng = np.random.default_rng(0)
    _, source = np.unique(source, return_inverse=True)
    n_sources = int(source.max()) + 1
    if len(p) > _MOST:
        rank = rng.permutation(n_sources)[source]
        chosen = np.argsort(rank, kind="stable")[:_MOST]
        p, source = p[chosen], source[chosen]
    # Poisson weights: sources drawn with replacement.
    weight = np.empty((len(p), _DRAWS))
    for draw in weight.T:
        draw[:] = rng.poisson(1.0, n_sources)[source]
    shares = estimate_shares(p, trained, weight, estimated, tol=1e-4, max_iter=_STEPS)
    low, high = np.percentile(shares, _LEVEL, axis=1)
    return np.minimum(low, estimated), np.maximum(high, estimated)
