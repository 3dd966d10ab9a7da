"""What `run.json` says of a whole table, as sums over its parts: `record` makes it of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from pydantic import Field

from xsift.features import FeatureTable
from xsift.model.answer import SaidSums
from xsift.model.recognise import Recognised
from xsift.model.sample import Sample
from xsift.model.sums import Adding, Histogram, Most

__all__ = ["FaintSums", "Sums", "key_of", "sums_of", "verdicts_of"]


class FaintSums(Adding):
    """How faint the detections of some rows are.

    Attributes
    ----------
    rows, impossible, outside : dict of str to int
        As in `Faintness`.
    counts : Histogram
        Of the effective counts of detections that are not exact.
    """

    rows: dict[str, int] = Field(default_factory=dict)
    impossible: dict[str, int] = Field(default_factory=dict)
    outside: dict[str, int] = Field(default_factory=dict)
    counts: Histogram | None = None

    @classmethod
    def of(cls, features: FeatureTable) -> FaintSums:
        """Count the detections of a part."""
        found = features.faintness
        if found is None:
            return cls()
        known = found.counts[np.isfinite(found.counts)]
        return cls.model_construct(
            rows=dict(found.rows),
            impossible=dict(found.impossible),
            outside=dict(found.outside),
            counts=Histogram.of(known),
        )


class Sums(Adding):
    """Sums over rows of detections, or over sources: all are empty where nothing was counted.

    Attributes
    ----------
    counts : dict of str to int
        Detections at every stage, as in `run.json`; beside them ``nameless``, ``empty`` (without
        any feature) and ``empty_labelled``.
    labels, set_aside : dict of str to int
        Labels by type, of all detections and of those set aside.
    missing, impossible : dict of str to int
        Missing values by feature; impossible ones, of the position, too.
    unscored : Most
        Reasons.
    faintness : FaintSums
    in_sample : dict of str to int, or None
        Detections that trained a model that is trained already: ``by_name``, ``by_values``.
    said : SaidSums or None
        Of the calibrated method.
    sources : dict of str to int
        ``sources_in``: names; ``sources``, ``unique``, ``ambiguous``: as in `run.json`;
        ``without_a_vote``: names of which a detection trained, and none votes.
    repeated : dict of str to int
        Detections with the keys of another one, by the names of the keys.
    verdicts : dict of str to int
        Sources by group, class and status, separated by tabs.
    """

    counts: dict[str, int] = Field(default_factory=dict)
    labels: dict[str, int] = Field(default_factory=dict)
    set_aside: dict[str, int] = Field(default_factory=dict)
    missing: dict[str, int] = Field(default_factory=dict)
    impossible: dict[str, int] = Field(default_factory=dict)
    unscored: Most = Field(default_factory=lambda: Most(counts={}))
    faintness: FaintSums = Field(default_factory=FaintSums)
    in_sample: dict[str, int] | None = None
    said: SaidSums | None = None
    sources: dict[str, int] = Field(default_factory=dict)
    repeated: dict[str, int] = Field(default_factory=dict)
    verdicts: dict[str, int] = Field(default_factory=dict)


def sums_of(
    sample: Sample,
    said: SaidSums | None,
    role: np.ndarray,
    flag: Sequence[str | None],
    in_vote: np.ndarray,
    seen: Recognised | None,
) -> Sums:
    """Add up the detections of a part.

    Parameters
    ----------
    sample : Sample
    said : SaidSums or None
    role, flag
        As `roles` returns them.
    in_vote : ndarray of bool, shape (n,)
        Which detections vote.
    seen : Recognised, optional
        Which detections trained a model that is trained already.
    """
    features, labels = sample.features, sample.labels
    in_sample = None
    if seen is not None:
        trained = role == "trained"
        in_sample = {
            "by_name": int((trained & seen.by_name).sum()),
            "by_values": int((trained & seen.by_values).sum()),
        }
    return Sums(
        counts=_counts(sample, role, in_vote),
        labels=labels.counts(np.ones(len(labels.label), dtype=bool)),
        set_aside=labels.counts(role == "set_aside"),
        missing=dict(zip(features.names, np.isnan(features.X).sum(axis=0).tolist(), strict=True)),
        impossible=_impossible(sample),
        unscored=_reasons(flag, role == "unscored", features.n_missing == len(features.names)),
        faintness=FaintSums.of(features),
        in_sample=in_sample,
        said=said,
    )


def verdicts_of(sources: pa.Table) -> dict[str, int]:
    """Count the sources by group, class and status, as `Sums.verdicts`."""
    by = ["group", "class", "status"]
    found = (
        sources.select(by)
        .group_by(by, use_threads=False)
        .aggregate([([], "count_all")])
        .to_pylist()
    )
    return {key_of(*(str(row[k]) for k in by)): row["count_all"] for row in found}


def key_of(group: str, code: str, status: str) -> str:
    """Return what sources of a group, a class and a status are counted under."""
    return "\t".join((group, code, status))


def _counts(sample: Sample, role: np.ndarray, in_vote: np.ndarray) -> dict[str, int]:
    """Count the detections at every stage."""
    features, labels = sample.features, sample.labels
    empty = ~features.usable.any(axis=1)
    counted = {
        "complete": features.complete,
        "with_missing_features": np.isnan(features.X).any(axis=1),
        "without_features": empty,
        "with_impossible_values": (~features.usable & ~np.isnan(features.X)).any(axis=1),
        "labelled": labels.y >= 0,
        "labelled_ambiguous": labels.is_ambiguous,
        "labelled_other": labels.is_other,
        **{name: role == name for name in ("trained", "scored", "set_aside", "unscored")},
        "voting": in_vote,
        "nameless": ~sample.named,
        "empty_labelled": empty & (labels.y >= 0),
    }
    return {"detections": len(sample)} | {name: int(rows.sum()) for name, rows in counted.items()}


def _impossible(sample: Sample) -> dict[str, int]:
    """Count the impossible values of features and of the position."""
    features = sample.features
    n = (~features.usable & ~np.isnan(features.X)).sum(axis=0).tolist()
    found = dict(zip(features.names, n, strict=True))
    for name in ("ra", "dec"):
        if name in sample.keys.column_names:
            there = sample.keys[name].drop_null().to_numpy()
            of = f"position {name}"
            found[of] = int((~features.survey.column(name).accepts(there)).sum())
    return {name: n for name, n in found.items() if n}


def _reasons(flag: Sequence[str | None], rows: np.ndarray, is_empty: np.ndarray) -> Most:
    """Count the reasons given for `rows`.

    Missing values are a reason only where no feature is left: `missing` counts the others.
    """
    said = (
        str(flag[row])
        for row in np.flatnonzero(rows).tolist()
        if flag[row] is not None and (is_empty[row] or not str(flag[row]).startswith("misses"))
    )
    return Most.of(Counter(said))
