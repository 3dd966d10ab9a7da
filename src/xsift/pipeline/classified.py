"""Detections of a table in parts classified, its sources voted on, and the record of all.

What `classify` and `run` of such tables have in common, in steps that outlive a stop.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from xsift.catalogue.sums import Sums
from xsift.catalogue.verdicts import completed
from xsift.catalogue.warnings import recorded
from xsift.cluster import Workers
from xsift.errors import TableError
from xsift.model.file import save_model_tree
from xsift.model.schema import ModelTree, TrainingTree
from xsift.model.sums import added
from xsift.pipeline.buckets import Ballots, Ranges, empty_ballots, read_bucket, write_ballots
from xsift.pipeline.first_look import Seen, Tell, quiet
from xsift.pipeline.part import PartResult, classify_part, finished_record, vote_bucket
from xsift.pipeline.steps import (
    Files,
    Streamed,
    adopt_sources,
    ballots_name,
    bucket_step,
    do_buckets,
    do_parts,
    gathered,
    part_step,
    refuse_unseen,
    write_record,
)
from xsift.read import InMemory, Part
from xsift.settings import Settings
from xsift.write import Staging, Work, environment, part_name, write_table
from xsift.write.provenance import file_name

__all__ = ["Job", "Stream"]


@dataclass(frozen=True)
class Job:
    """What all parts and buckets need: it travels to each process once.

    Attributes
    ----------
    seen : Seen
    settings : Settings
    work : Work
    ranges : Ranges
    about : dict of str to str
        What each file says of itself.
    of_part : callable
        Classifies a part, as `classify_part` does.
    """

    seen: Seen
    settings: Settings
    work: Work
    ranges: Ranges
    about: dict[str, str]
    of_part: Callable[..., PartResult]

    @classmethod
    def of(
        cls,
        seen: Seen,
        settings: Settings,
        work: Work,
        bucket_rows: int,
        command: str = "classify",
        of_part: Callable[..., PartResult] = classify_part,
    ) -> Job:
        """Put together what is needed."""
        about = {
            "creator": f"xsift {environment()['xsift']}",
            "input": file_name(seen.way.parts.path),
            "command": command,
            "model_id": seen.tree.model_id,
        }
        # A file: other processes stand in other folders.
        if settings.prior not in ("train", "uniform"):
            settings = replace(settings, prior=str(Path(settings.prior).absolute()))
        return cls(seen, settings, work, Ranges.of(seen.look, bucket_rows), about, of_part)


def _classify_parts(
    job: Job, numbers: Sequence[int]
) -> Iterator[tuple[int, Files, TableError | None]]:
    """Classify parts; yield the number of each, and its files or why it could not be read."""
    refuse_unseen(job.work)
    way = job.seen.way
    for part, table in way.parts.read(way.columns, numbers):
        files: Files = {}
        failed: TableError | None = None
        try:
            with quiet():
                files = _classify_part(job, part, table)
        except TableError as error:  # the others are of use once this one is mended
            failed = error
        yield part.number, files, failed
        pa.default_memory_pool().release_unused()


def _classify_part(job: Job, part: Part, table: InMemory | TableError) -> Files:
    seen, work, step = job.seen, job.work, part_step(part.number)
    sample = seen.way.sample(part, table, seen.look)
    sample = sample.held_to(seen.tree.features, seen.tree.survey_profile)
    found = job.of_part(sample, seen.model, seen.tree, job.settings, seen.look, part.first)
    names = part_name("detections", part.number), ballots_name(part.number), _sums(step)
    with work.writing(names[0]) as path:
        write_table(found.detections, path, "parquet", job.about)
    with work.writing(names[1]) as path:
        buckets = write_ballots(found.ballots, job.ranges, path)
    work.write_json(names[2], found.sums.as_dict())
    return work.mark(step, {"buckets": buckets}, names)


def _vote_buckets(
    shared: tuple[Job, list[Ballots]], numbers: Sequence[int]
) -> Iterator[tuple[int, Files]]:
    """Let the detections of buckets vote; the ballots of each part hold those of some buckets."""
    job, ballots = shared
    refuse_unseen(job.work)
    seen, work = job.seen, job.work
    for k in numbers:
        given = read_bucket(k, ballots)
        if given is None:
            given = empty_ballots(ballots[0][0])
        with quiet():
            found = vote_bucket(given, seen.model, seen.tree, job.settings, seen.look)
        names = part_name("sources", k), _sums(bucket_step(k))
        with work.writing(names[0]) as path:
            write_table(found.sources, path, "parquet", job.about)
        work.write_json(names[1], found.sums.as_dict())
        yield k, work.mark(bucket_step(k), {"n": len(found.sources)}, names)
        pa.default_memory_pool().release_unused()


class Stream:
    """The work on a table of several parts; each step finds what an earlier run has done."""

    def __init__(self, job: Job, settings: Settings, workers: Workers, tell: Tell) -> None:
        self._job, self._settings, self._workers, self._tell = job, settings, workers, tell
        self._seen, self._work = job.seen, job.work
        self._parts = job.seen.way.parts
        self._tables: dict[str, list[Path]] = {}

    def classify(self) -> None:
        """Classify the parts that are not done yet."""
        work, workers, tell = self._work, self._workers, self._tell
        do_parts(_classify_parts, self._job, self._parts, work, workers, tell, "classifying")

    def vote(self) -> None:
        """Let the detections of each bucket vote."""
        ballots = gathered(self._work, len(self._parts.parts))
        shared, n = (self._job, ballots), len(self._job.ranges)
        do_buckets(_vote_buckets, shared, n, self._work, self._workers, self._tell)

    def adopt(self, staging: Staging) -> Sums:
        """Put the tables in place, and return what they add up to."""
        work = self._work
        self._tables["sources"] = adopt_sources(staging, work, len(self._job.ranges))
        self._tables["detections"] = []
        for k in range(len(self._parts.parts)):
            name = part_name("detections", k)
            staging.adopt(name, work.path(name), work.sha256(part_step(k), name))
            self._tables["detections"].append(work.path(name))
        steps = [part_step(k) for k in range(len(self._parts.parts))]
        steps += [bucket_step(k) for k in range(len(self._job.ranges))]
        return added(Sums.from_dict(work.read_json(_sums(step))) for step in steps)

    def record(self, sums: Sums, notes: list[str]) -> dict[str, Any]:
        """Return the record of the whole table; what to be wary of comes to the notes."""
        seen, parts = self._seen, self._parts
        with recorded() as more:
            record = finished_record(
                sums, seen.model, seen.tree, self._settings, parts.sha256, seen.way.called
            )
        notes += [note for note in more if note not in notes]
        record["parts"] = {"files": len(parts.files), "parts": len(parts.parts)}
        return record

    def finish(
        self,
        staging: Staging,
        sums: Sums,
        record: dict[str, Any],
        notes: list[str],
        tree: ModelTree,
        formats: tuple[str, ...],
        training: TrainingTree | None = None,
    ) -> Streamed:
        """Write the model and the record: with them all files appear."""
        command = self._job.about["command"]
        record = completed(record, tree, notes, command, training, self._parts.path)
        save_model_tree(tree, staging.path("model.asdf"))
        record = write_record(record, staging, self._tables, formats, self._tell)
        return Streamed(record, tree.classes, sums.verdicts)


def _sums(step: str) -> str:
    return f"{step}-sums.json"
