"""The steps of a work on a table in parts, gathered by source names: parts, and then buckets.

What `classify`, `run` and `vote` of such tables have in common. A step is a task of this process,
or of workers, which all see the same files; it is done when it is marked, and not done again.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from xsift.catalogue.hats import with_hats
from xsift.catalogue.sums import verdicts_of
from xsift.classes import Classes
from xsift.cluster import Flow, Workers
from xsift.errors import ClusterError, SettingError, TableError, XsiftWarning, need
from xsift.model.progress import Progress
from xsift.pipeline.buckets import Ballots
from xsift.pipeline.first_look import Tell, run_length
from xsift.read import InMemory, Parts
from xsift.write import Staging, Work, part_name, write_json
from xsift.write.hats import read_parts

if TYPE_CHECKING:  # workers need nothing of figures and pages
    from xsift.pipeline.catalogue import Catalogue

__all__ = [
    "BUCKET_ROWS",
    "Files",
    "Streamed",
    "adopt_sources",
    "ballots_name",
    "begun",
    "bucket_step",
    "do_buckets",
    "do_parts",
    "formats_of",
    "gathered",
    "in_memory",
    "part_step",
    "refuse_unseen",
    "untold",
    "write_record",
]

Job = TypeVar("Job")

Files = dict[str, str]
"""The files of a step, with their digests."""


BUCKET_ROWS = 100_000
"""Detections whose sources are voted on together."""


def untold(step: str, done: int, total: int) -> None:
    """Take no notice of a step."""


@dataclass(frozen=True)
class Streamed:
    """What came of a table in parts.

    Attributes
    ----------
    record : dict
        What `run.json` holds.
    classes : Classes
    sources : dict of str to int
        By group, class and status, as `verdicts` in `Sums`.
    """

    record: dict[str, Any]
    classes: Classes
    sources: dict[str, int]


def part_step(number: int) -> str:
    """Return the name of the step of a part."""
    return f"steps/part-{number:05d}"


def bucket_step(number: int) -> str:
    """Return the name of the step of a bucket."""
    return f"steps/bucket-{number:05d}"


def ballots_name(number: int) -> str:
    """Return the name of the file of a part's ballots."""
    return f"ballots/part-{number:05d}.arrow"


def begun(staging: Staging, work: str) -> Work:
    """Return the work of that fingerprint, as far as an earlier run has come with it."""
    folder, is_anew = staging.work(work)
    if is_anew:
        warnings.warn(
            f"{staging.folder}: a run that was stopped here was of another table, model, setting "
            "or version: it is not gone on with, and this one starts anew",
            XsiftWarning,
            stacklevel=2,
        )
    return Work(folder.absolute())


def formats_of(parts: Parts, formats: tuple[str, ...] | None, done: str) -> tuple[str, ...]:
    """Return the formats to write: those asked for, or the usual ones.

    Raises
    ------
    SettingError
        If a table of several parts is not written in one of them.
    MissingPackageError
        If HATS is asked for, and cannot be written.
    """
    if parts.is_whole:
        return formats or ("parquet", "votable")
    formats = formats or ("parquet",)
    if other := [form for form in formats if form not in ("parquet", "hats")]:
        raise SettingError(
            f"--format {other[0]}: {parts} has {parts.n_rows:,} rows and is {done} in parts, "
            "which are written as Parquet and HATS alone: leave --format out, or give --format hats"
        )
    if "hats" in formats:
        need("hats", "cannot write HATS")  # said now, not after the work
    return formats


def in_memory(
    parts: Parts,
    make: Callable[[InMemory, Progress], Catalogue],
    staging: Staging,
    formats: tuple[str, ...],
    tell: Tell,
) -> Streamed:
    """Make of a table of one part what is made of any other table.

    Raises
    ------
    TableError
        If it cannot be read.
    """
    ((part, table),) = parts.read()
    if isinstance(table, TableError):
        raise table
    with parts.located(part):
        result = make(table, lambda step: tell(step, 0, parts.n_rows))
    tell("writing", parts.n_rows, parts.n_rows)
    record = result.stage(staging, formats)
    return Streamed(record, result.classes, verdicts_of(result.sources))


def refuse_unseen(work: Work) -> None:
    """Refuse to work where the folder of the results is not to be seen.

    Raises
    ------
    ClusterError
    """
    if not work.folder.is_dir():
        raise ClusterError(
            f"a worker does not see {work.folder}: workers read the table and write the results, "
            "so that they need the same file systems as this process"
        )


def do_parts(
    does: Flow[Job, int, tuple[int, Files, TableError | None]],
    job: Job,
    parts: Parts,
    work: Work,
    workers: Workers,
    tell: Tell,
    doing: str,
) -> None:
    """Do the parts that are not done yet.

    Parameters
    ----------
    does : callable
        Gives of each part its number, and its files or why it could not be read.
    job
        What it needs.
    doing : str
        What it does, for `tell`.

    Raises
    ------
    TableError
        If a part could not be read, when all others are done.
    """
    todo = [k for k in range(len(parts.parts)) if work.done(part_step(k)) is None]
    n_done = parts.n_rows - sum(parts.parts[k].n_rows for k in todo)
    tell(doing, n_done, parts.n_rows)
    errors: dict[int, TableError] = {}
    for k, files, error in workers.flow(does, job, todo, run_length(todo, workers)):
        if error is None:
            work.know(part_step(k), files)
        else:
            errors[k] = error
        n_done += parts.parts[k].n_rows
        tell(doing, n_done, parts.n_rows)
    if errors:
        first = errors[min(errors)]
        raise TableError(
            f"{first.args[0]}; what could be read is done and kept: mend it, repeat the command, "
            "and it goes on from there"
        ) from first


def gathered(work: Work, n_parts: int) -> list[Ballots]:
    """Return the ballots of each part, and of which buckets there are some."""
    # As arrays: of a large table there are as many as its parts have buckets.
    said = ((work.done(part_step(k)) or {})["buckets"] for k in range(n_parts))
    return [
        (work.path(ballots_name(k)), np.array(buckets, np.int32)) for k, buckets in enumerate(said)
    ]


def do_buckets(
    does: Flow[Job, int, tuple[int, Files]],
    job: Job,
    n: int,
    work: Work,
    workers: Workers,
    tell: Tell,
) -> None:
    """Do the buckets that are not done yet; `does` gives of each its number and its files."""
    todo = [k for k in range(n) if work.done(bucket_step(k)) is None]
    n_done = n - len(todo)
    tell("voting", n_done, n)
    for k, files in workers.flow(does, job, todo):
        work.know(bucket_step(k), files)
        n_done += 1
        tell("voting", n_done, n)


def adopt_sources(staging: Staging, work: Work, n: int) -> list[Path]:
    """Let the sources of the buckets that have some appear at the end; return their files."""
    voted = [work.done(bucket_step(k)) or {} for k in range(n)]
    kept = [k for k, said in enumerate(voted) if said["n"]] or [0]
    for at, k in enumerate(kept):
        name = part_name("sources", k)
        sha256 = work.sha256(bucket_step(k), name)
        staging.adopt(part_name("sources", at), work.path(name), sha256)
    return [work.path(part_name("sources", k)) for k in kept]


def write_record(
    record: dict[str, Any],
    staging: Staging,
    tables: Mapping[str, list[Path]],
    formats: Sequence[str],
    tell: Tell,
) -> dict[str, Any]:
    """Write `run.json`; before it, the tables as HATS, where that is asked for, of their files."""
    if "hats" in formats:
        tell("writing HATS", 0, 1)
        parts = {stem: read_parts(paths) for stem, paths in tables.items()}
        record = with_hats(parts, record, staging)
        tell("writing HATS", 1, 1)
    write_json(record, staging.path("run.json"))
    return record
