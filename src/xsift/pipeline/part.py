"""A part of a table classified, whole sources voted on, and the record of all: no files here.

`classify` is these three in turn. A table past memory is classified part by part, and voted on
bucket by bucket: the rows and the record are the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import pyarrow as pa

from xsift.catalogue.sums import Sums
from xsift.catalogue.verdicts import Judge
from xsift.model import Model
from xsift.model.answer import answer
from xsift.model.progress import Tell
from xsift.model.recognise import recognise
from xsift.model.sample import Sample
from xsift.model.schema import ModelTree
from xsift.read import Look
from xsift.settings import Settings

__all__ = [
    "BucketResult",
    "PartResult",
    "classify_part",
    "finished_record",
    "vote_bucket",
]


class PartResult(NamedTuple):
    """The detections of a part as they are written, their ballots, and their sums."""

    detections: pa.Table
    ballots: pa.Table
    sums: Sums


class BucketResult(NamedTuple):
    """Sources as they are written, by name, and their sums."""

    sources: pa.Table
    sums: Sums


def classify_part(
    sample: Sample,
    model: Model,
    tree: ModelTree,
    settings: Settings,
    look: Look | None = None,
    first: int = 0,
    tell: Tell | None = None,
) -> PartResult:
    """Classify a part of a table.

    Parameters
    ----------
    sample : Sample
        Detections, with the features of the model.
    model : Model
        That of `tree`.
    tree : ModelTree
    settings : Settings
    look : Look, optional
        The whole table; where None, the part is all of it.
    first : int
        Place of the first of these detections in the whole table.
    tell : callable, optional
        Told how many detections are classified, of how many.
    """
    seen = recognise(tree.training_rows, sample, None if look is None else look.key_columns)
    n_of_all = None if look is None else look.n_rows
    said = answer(model, sample, settings.prior, seen.rows, first, n_of_all, tell)
    judge = Judge.of(model, settings, tree.model_id)
    has_counts = None if look is None else look.has_counts
    return PartResult(*judge.detections(sample, said, seen, first, has_counts))


def vote_bucket(
    ballots: pa.Table,
    model: Model,
    tree: ModelTree,
    settings: Settings,
    look: Look | None = None,
) -> BucketResult:
    """Let the detections of whole sources vote.

    Parameters
    ----------
    ballots : pyarrow.Table
        Of `classify_part`, of one part or of several, in any order: all of these sources.
    model, tree, settings, look
        As `classify_part` takes them.
    """
    judge = Judge.of(model, settings, tree.model_id)
    return BucketResult(*judge.sources(ballots, None if look is None else look.names_are_whole))


def finished_record(
    sums: Sums,
    model: Model,
    tree: ModelTree,
    settings: Settings,
    input_sha256: str,
    called: Mapping[str, str],
) -> dict[str, Any]:
    """Return the record of a whole table.

    Parameters
    ----------
    sums : Sums
        Of all its parts and all its buckets.
    model, tree, settings
        As `classify_part` takes them.
    input_sha256 : str
    called : mapping of str to str
        What the table calls columns of the survey that go by another name in it.

    Warns
    -----
    XsiftWarning
        Of what a reader should be wary of.
    """
    return Judge.of(model, settings, tree.model_id).record(sums, input_sha256, called)
