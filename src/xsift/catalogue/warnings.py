"""What the reader of a catalogue should be warned of, and the collection of what was said."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence, Set
from contextlib import contextmanager
from typing import Any

import numpy as np

from xsift.catalogue.record import by_number
from xsift.catalogue.sums import Sums
from xsift.errors import XsiftWarning, lack_of
from xsift.model import Model, PaperModel
from xsift.model.schema import ModelTree
from xsift.surveys import Feature, Survey

__all__ = [
    "in_sample_notes",
    "recorded",
    "vote_of_trained",
    "warn_of_classes",
    "warn_of_no_figures",
    "warn_of_nothing_scored",
    "warn_of_rows",
    "warn_of_unused",
]


@contextmanager
def recorded() -> Iterator[list[str]]:
    """Collect our own warnings as sentences, complete at the end; others pass through."""
    notes: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", XsiftWarning)
        yield notes
    for w in caught:
        if issubclass(w.category, XsiftWarning):
            if str(w.message) not in notes:  # a table that is read twice is warned of once
                notes.append(str(w.message))
        else:
            warnings.warn_explicit(w.message, w.category, w.filename, w.lineno)


def warn_of_rows(sums: Sums, names: Sequence[str], survey: Survey) -> None:
    """Warn of repeated keys, missing names, impossible values and rows without any feature.

    Parameters
    ----------
    sums : Sums
    names : sequence of str
        Of the features.
    survey : Survey
    """
    n = sums.counts
    for keys, repeated in sums.repeated.items():
        if repeated:
            _warn(f"detections that repeat a ({keys}): {repeated:,} (kept, and each votes)")
    if n["nameless"]:
        _warn(f"detections without a source name: {n['nameless']:,} (they vote for no source)")
    for name in names:
        if m := sums.impossible.get(name):
            allowed = survey.column(name).allowed
            _warn(f"detections with a {name} that is not {allowed}: {m:,} (the value is not used)")
    if empty := n["without_features"]:
        labelled = n["empty_labelled"]
        some = f", {labelled:,} of them with a known class" if labelled else ""
        _warn(
            f"detections without any feature: {empty:,} of {n['detections']:,}{some} (not scored: "
            f"they have no value of {', '.join(names)})"
        )
    for name in ("ra", "dec"):
        if m := sums.impossible.get(f"position {name}"):
            said = f"detections with a {name} that is not {survey.column(name).allowed}: {m:,}"
            _warn(f"{said} (not matched on the sky)")


def warn_of_nothing_scored(sums: Sums) -> None:
    """Warn that no detection was left to classify, and why."""
    n = sums.counts
    if n["scored"]:
        return
    other = ", ".join(list(by_number(sums.set_aside))[:5])
    _warn(
        f"no detection was left to classify: {n['trained']:,} trained, {n['set_aside']:,} are of "
        f"types that are no class{f' ({other})' if other else ''}, {n['unscored']:,} lack features"
    )


def warn_of_no_figures() -> None:
    """Warn that the figures of a result are left out, where Matplotlib is not installed."""
    if lack := lack_of("matplotlib", "no figures"):
        _warn(lack)


def in_sample_notes(record: dict[str, Any], model: ModelTree) -> list[str]:
    """Say how many detections trained the model that classified them: to come before all else."""
    found, counts = record["in_sample"], record["counts"]
    if not len(model.training_rows) and record["input_sha256"] == model.training.input_sha256:
        n = model.training.counts.get("trained", 0)
        return [
            f"in-sample: the model was trained on this table: {n:,} of its detections look better "
            "than new ones would (a model of this age does not know which: they are not marked)"
        ]
    if not counts["trained"]:
        return []
    notes = [
        f"{vote_of_trained(counts, record['settings']['vote_trained'])}: they look better than new "
        f"ones would ({found['by_name']:,} found by name, {found['by_values']:,} by values)"
    ]
    if n := found["sources_without_a_vote"]:
        notes.append(
            f"sources without a vote: {n:,}, as their detections trained the model (they have no "
            "row in the table of sources)"
        )
    return notes


def vote_of_trained(counts: dict[str, int], vote_trained: bool) -> str:
    """Say how many of the detections of a table of probabilities trained the model."""
    votes = "vote, as --vote-trained asks"
    if not vote_trained:
        votes = "do not vote (--vote-trained lets them)"
    return (
        f"in-sample: {counts['trained']:,} of {counts['detections']:,} detections trained the "
        f"model, and {votes}"
    )


def warn_of_unused(given: Set[str], used: Sequence[str], wanted: Sequence[Feature]) -> None:
    """Warn of columns with values of features that the model was trained without."""
    unused = [f.name for f in wanted if f.name in given and f.name not in used]
    if unused:
        _warn(f"columns not used, as the model was trained without them: {', '.join(unused)}")


def warn_of_classes(model: Model) -> None:
    """Warn of classes that no detection can be given, and of clusters without a choice."""
    codes = np.array(model.classes.codes)
    if not isinstance(model, PaperModel):
        if len(none := codes[model.prior.shares == 0]):
            _warn(
                f"no labelled detections of {', '.join(none)}: nothing can be given these classes"
            )
        return
    n_members, scored = model.scorer.n_members, model.scorer.scored
    if len(none := codes[n_members.sum(axis=0) == 0]):
        _warn(f"no labelled detections of {', '.join(none)}: nothing can be given these classes")
    few = codes[(n_members.sum(axis=0) > 0) & ~scored.any(axis=0)]
    if len(few):
        _warn(
            f"too few labelled detections of {', '.join(few)}: no cluster has the "
            f"{model.scorer.min_members} that a class needs, so nothing can be given these classes"
        )
    for k in np.flatnonzero(scored.sum(axis=1) == 1):
        only = int(np.flatnonzero(scored[k])[0])
        _warn(
            f"cluster {k}: {codes[only]}, with {n_members[k, only]} members, is the only class "
            f"with {model.scorer.min_members} and more: every detection in it gets probability 1"
        )
    for k in np.flatnonzero(~scored.any(axis=1)):
        _warn(
            f"cluster {k}: no class has {model.scorer.min_members} members, so that no detection "
            "in it is scored"
        )


def _warn(message: str) -> None:
    warnings.warn(message, XsiftWarning, stacklevel=3)
