"""`xsift classify` of a table of any size: part by part, in bounded memory, and resumable.

look -> parts -> votes, bucket by bucket -> finish

Parts and buckets are tasks: of this process, or of workers, which all see the same files.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from xsift.catalogue.sums import Sums, verdicts_of
from xsift.catalogue.tables import Catalogue, place
from xsift.catalogue.verdicts import with_record
from xsift.catalogue.warnings import in_sample_notes, recorded
from xsift.classes import Classes
from xsift.cluster import check, workers_of
from xsift.errors import TableError
from xsift.model.file import save_model_tree
from xsift.model.sums import added
from xsift.pipeline.buckets import Ranges, empty_ballots, read_bucket, write_ballots
from xsift.pipeline.classify import classify
from xsift.pipeline.first_look import (
    Asked,
    Seen,
    Tell,
    fingerprint,
    first_look,
    quiet,
)
from xsift.pipeline.part import classify_part, finished_record, vote_bucket
from xsift.pipeline.steps import (
    Files,
    adopt_sources,
    ballots_name,
    begun,
    bucket_step,
    do_buckets,
    do_parts,
    gathered,
    part_step,
    refuse_formats,
    refuse_unseen,
)
from xsift.read import InMemory, Part, Parts, parts_of
from xsift.read.parts import ROWS
from xsift.settings import Settings
from xsift.write import Staging, Work, environment, part_name, write_json, write_table
from xsift.write.provenance import file_name

__all__ = ["BUCKET_ROWS", "Streamed", "classify_stream"]

BUCKET_ROWS = 100_000
"""Detections whose sources are voted on together."""


def _silent(step: str, done: int, total: int) -> None:
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


def classify_stream(
    path: str | Path | Parts,
    model: Asked,
    settings: Settings,
    out: str | Path,
    formats: tuple[str, ...] | None = None,
    tell: Tell = _silent,
    workers: int | str | None = None,
    rows: int = ROWS,
    bucket_rows: int = BUCKET_ROWS,
) -> Streamed:
    """Classify a table part by part, into a folder; a run that was stopped goes on.

    Parameters
    ----------
    path : str, Path or Parts
        A Parquet file; a folder or a pattern of such; a HATS catalogue.
    model : ModelTree, str or Path, optional
        As for `classify`.
    settings : Settings
    out : str or Path
        Folder for the results.
    formats : tuple of str, optional
        Parquet alone, but for a table of one part. [default: all that the table can have]
    tell : callable
    workers : int or str, optional
        Processes on this machine, or the address of a Dask scheduler, whose workers see the files
        of the table and the folder under the same paths.
    rows, bucket_rows : int
        Of a part; and of the detections whose sources are voted on together.

    Raises
    ------
    XsiftError
        Where the table or the model cannot serve, or the folder cannot be written; ClusterError
        where the workers are lost.
    """
    check(workers)
    parts = path if isinstance(path, Parts) else parts_of(path, rows)
    given = [Path(model)] if isinstance(model, str | Path) and Path(model).exists() else []
    is_whole = len(parts.parts) == 1
    formats = formats or (("parquet", "votable") if is_whole else ("parquet",))
    if not is_whole:
        refuse_formats(formats, parts, "classified")
    with place(out, [*parts.paths, *given]) as staging:
        if is_whole:
            return _in_memory(parts, model, settings, staging, formats, tell)
        with recorded() as notes:
            work = begun(staging, fingerprint(parts, model, settings, bucket_rows))
            with workers_of(workers, "cannot work in other processes") as found:
                seen = first_look(parts, model, settings, work, found, tell)
                job = _Job.of(seen, settings, work, bucket_rows)
                do_parts(_classify_parts, job, parts, work, found, tell, "classifying")
                ballots = gathered(work, len(parts.parts))
                do_buckets(_vote_buckets, (job, ballots), len(job.ranges), work, found, tell)
        return _finish(job, settings, staging, notes)


def _in_memory(
    parts: Parts,
    model: Asked,
    settings: Settings,
    staging: Staging,
    formats: tuple[str, ...],
    tell: Tell,
) -> Streamed:
    """Classify a table of one part as any other table is."""
    ((part, table),) = parts.read()
    if isinstance(table, TableError):
        raise table
    with parts.located(part):
        result = classify(table, model, settings, lambda step: tell(step, 0, parts.n_rows))
    tell("writing", parts.n_rows, parts.n_rows)
    result.stage(staging, formats)
    assert result.model is not None
    return Streamed(result.record, result.model.classes, verdicts_of(result.sources))


@dataclass(frozen=True)
class _Job:
    """What all parts and buckets need: it travels to each process once.

    Attributes
    ----------
    seen : Seen
    settings : Settings
    work : Work
    ranges : Ranges
    about : dict of str to str
        What each file says of itself.
    """

    seen: Seen
    settings: Settings
    work: Work
    ranges: Ranges
    about: dict[str, str]

    @classmethod
    def of(cls, seen: Seen, settings: Settings, work: Work, bucket_rows: int) -> _Job:
        """Put together what is needed."""
        about = {
            "creator": f"xsift {environment()['xsift']}",
            "input": file_name(seen.way.parts.path),
            "command": "classify",
            "model_id": seen.tree.model_id,
        }
        if settings.prior not in (
            "train",
            "uniform",
        ):  # a file: other processes stand in other folders
            settings = replace(settings, prior=str(Path(settings.prior).absolute()))
        return cls(seen, settings, work, Ranges.of(seen.look, bucket_rows), about)


def _classify_parts(
    job: _Job, numbers: Sequence[int]
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


def _classify_part(job: _Job, part: Part, table: InMemory | TableError) -> Files:
    seen, work, step = job.seen, job.work, part_step(part.number)
    sample = seen.way.sample(part, table, seen.look)
    sample = sample.held_to(seen.tree.features, seen.tree.survey_profile)
    found = classify_part(sample, seen.model, seen.tree, job.settings, seen.look, part.first)
    names = part_name("detections", part.number), ballots_name(part.number), _sums(step)
    with work.writing(names[0]) as path:
        write_table(found.detections, path, "parquet", job.about)
    with work.writing(names[1]) as path:
        buckets = write_ballots(found.ballots, job.ranges, path)
    work.write_json(names[2], found.sums.as_dict())
    return work.mark(step, {"buckets": buckets}, names)


def _vote_buckets(
    shared: tuple[_Job, list[tuple[Path, list[int]]]], numbers: Sequence[int]
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


def _finish(job: _Job, settings: Settings, staging: Staging, notes: list[str]) -> Streamed:
    """Put the record together, and let all files appear with it at the end."""
    seen, tree, work, parts = job.seen, job.seen.tree, job.work, job.seen.way.parts
    for k in range(len(parts.parts)):
        name = part_name("detections", k)
        staging.adopt(name, work.path(name), work.sha256(part_step(k), name))
    adopt_sources(staging, work, len(job.ranges))
    steps = [part_step(k) for k in range(len(parts.parts))]
    steps += [bucket_step(k) for k in range(len(job.ranges))]
    sums = added(Sums.from_dict(work.read_json(_sums(step))) for step in steps)
    with recorded() as more:
        record = finished_record(sums, seen.model, tree, settings, parts.sha256, seen.way.called)
    notes += [note for note in more if note not in notes]
    record["parts"] = {"files": len(parts.files), "parts": len(parts.parts)}
    notes[:0] = in_sample_notes(record, tree)
    record["model_choice"] = seen.why
    inputs = (parts.path, seen.path)
    none = pa.table({"model_id": pa.nulls(0, pa.string())})
    whole = with_record(Catalogue(None, none, None, record), tree, notes, "classify", None, inputs)
    save_model_tree(tree, staging.path("model.asdf"))
    write_json(whole.record, staging.path("run.json"))
    return Streamed(whole.record, tree.classes, sums.verdicts)


def _sums(step: str) -> str:
    return f"{step}-sums.json"
