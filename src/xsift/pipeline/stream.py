"""`xsift classify` of a table of any size: part by part, in bounded memory, and resumable.

look -> parts -> votes, bucket by bucket -> finish

Parts and buckets are tasks: of this process, or of workers, which all see the same files.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from xsift.catalogue.hats import with_hats
from xsift.catalogue.sums import Sums, verdicts_of
from xsift.catalogue.tables import Catalogue, place
from xsift.catalogue.verdicts import with_record
from xsift.catalogue.warnings import in_sample_notes, recorded
from xsift.classes import Classes
from xsift.cluster import Workers, check, workers_of
from xsift.errors import ClusterError, SettingError, TableError, XsiftWarning, need
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
    run_length,
)
from xsift.pipeline.part import classify_part, finished_record, vote_bucket
from xsift.read import InMemory, Part, Parts, parts_of
from xsift.read.parts import ROWS
from xsift.settings import Settings
from xsift.write import Staging, Work, environment, part_name, write_json, write_table
from xsift.write.hats import read_parts
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
        Parquet and hats alone, but for a table of one part. [default: all that the table can have]
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
        _refuse_formats(formats, parts)
    if "hats" in formats:
        need("hats", "cannot write HATS")  # said now, not after the work
    with place(out, [*parts.paths, *given]) as staging:
        if is_whole:
            return _in_memory(parts, model, settings, staging, formats, tell)
        with recorded() as notes:
            work = _begun(staging, fingerprint(parts, model, settings, bucket_rows))
            with workers_of(workers, "cannot work in other processes") as found:
                seen = first_look(parts, model, settings, work, found, tell)
                job = _Job.of(seen, settings, work, bucket_rows)
                stream = _Stream(job, settings, found, tell)
                stream.classify()
                stream.vote()
        return stream.finish(staging, notes, formats)


def _begun(staging: Staging, work: str) -> Work:
    folder, is_anew = staging.work(work)
    if is_anew:
        warnings.warn(
            f"{staging.folder}: a run that was stopped here was of another table, model, setting "
            "or version: it is not gone on with, and this one starts anew",
            XsiftWarning,
            stacklevel=2,
        )
    return Work(folder.absolute())


def _refuse_formats(formats: tuple[str, ...], parts: Parts) -> None:
    if other := [form for form in formats if form not in ("parquet", "hats")]:
        raise SettingError(
            f"--format {other[0]}: {parts} has {parts.n_rows:,} rows and is classified in parts, "
            "which are written as Parquet and HATS alone: leave --format out, or give --format hats"
        )


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
    record = result.stage(staging, formats)
    assert result.model is not None
    return Streamed(record, result.model.classes, verdicts_of(result.sources))


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

    def refuse_unseen(self) -> None:
        """Refuse to work where the folder of the results is not to be seen.

        Raises
        ------
        ClusterError
        """
        if not self.work.folder.is_dir():
            raise ClusterError(
                f"a worker does not see {self.work.folder}: workers read the table and write the "
                "results, so that they need the same file systems as this process"
            )


Files = dict[str, str]
"""The files of a step, with their digests."""


def _classify_parts(
    job: _Job, numbers: Sequence[int]
) -> Iterator[tuple[int, Files, TableError | None]]:
    """Classify parts; yield the number of each, and its files or why it could not be read."""
    job.refuse_unseen()
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
    seen, work, step = job.seen, job.work, _step(part.number)
    sample = seen.way.sample(part, table, seen.look)
    sample = sample.held_to(seen.tree.features, seen.tree.survey_profile)
    found = classify_part(sample, seen.model, seen.tree, job.settings, seen.look, part.first)
    names = part_name("detections", part.number), _ballots(part.number), _sums(step)
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
    job.refuse_unseen()
    seen, work = job.seen, job.work
    for k in numbers:
        given = read_bucket(k, ballots)
        if given is None:
            given = empty_ballots(ballots[0][0])
        with quiet():
            found = vote_bucket(given, seen.model, seen.tree, job.settings, seen.look)
        names = part_name("sources", k), _sums(_bucket(k))
        with work.writing(names[0]) as path:
            write_table(found.sources, path, "parquet", job.about)
        work.write_json(names[1], found.sums.as_dict())
        yield k, work.mark(_bucket(k), {"n": len(found.sources)}, names)
        pa.default_memory_pool().release_unused()


class _Stream:
    """The work on a table of several parts; each step finds what an earlier run has done."""

    def __init__(self, job: _Job, settings: Settings, workers: Workers, tell: Tell) -> None:
        self._job, self._settings, self._workers, self._tell = job, settings, workers, tell
        self._seen, self._work = job.seen, job.work
        self._parts = job.seen.way.parts

    def classify(self) -> None:
        """Classify the parts that are not done yet."""
        parts = self._parts.parts
        todo = [k for k in range(len(parts)) if self._work.done(_step(k)) is None]
        n_done = self._parts.n_rows - sum(parts[k].n_rows for k in todo)
        self._tell("classifying", n_done, self._parts.n_rows)
        errors: dict[int, TableError] = {}
        together = run_length(todo, self._workers)
        for k, files, error in self._workers.flow(_classify_parts, self._job, todo, together):
            if error is None:
                self._work.know(_step(k), files)
            else:
                errors[k] = error
            n_done += parts[k].n_rows
            self._tell("classifying", n_done, self._parts.n_rows)
        if errors:
            first = errors[min(errors)]
            raise TableError(
                f"{first.args[0]}; what could be read is classified and kept: mend it, repeat the "
                "command, and it goes on from there"
            ) from first

    def vote(self) -> None:
        """Let the detections of each bucket vote."""
        n, work = len(self._job.ranges), self._work
        ballots = [
            (work.path(_ballots(k)), (work.done(_step(k)) or {})["buckets"])
            for k in range(len(self._parts.parts))
        ]
        todo = [k for k in range(n) if work.done(_bucket(k)) is None]
        n_done = n - len(todo)
        self._tell("voting", n_done, n)
        for k, files in self._workers.flow(_vote_buckets, (self._job, ballots), todo):
            work.know(_bucket(k), files)
            n_done += 1
            self._tell("voting", n_done, n)

    def finish(self, staging: Staging, notes: list[str], formats: tuple[str, ...]) -> Streamed:
        """Put the record together, and let all files appear with it at the end."""
        seen, tree, work = self._seen, self._seen.tree, self._work
        files: dict[str, list[Path]] = {"sources": [], "detections": []}
        for k in range(len(self._parts.parts)):
            name = part_name("detections", k)
            files["detections"].append(work.path(name))
            staging.adopt(name, work.path(name), work.sha256(_step(k), name))
        voted = [work.done(_bucket(k)) or {} for k in range(len(self._job.ranges))]
        kept = [k for k, said in enumerate(voted) if said["n"]] or [0]
        for at, k in enumerate(kept):
            name = part_name("sources", k)
            files["sources"].append(work.path(name))
            staging.adopt(part_name("sources", at), work.path(name), work.sha256(_bucket(k), name))
        steps = [_step(k) for k in range(len(self._parts.parts))]
        steps += [_bucket(k) for k in range(len(voted))]
        sums = added(Sums.from_dict(work.read_json(_sums(step))) for step in steps)
        with recorded() as more:
            record = finished_record(
                sums, seen.model, tree, self._settings, self._parts.sha256, seen.way.called
            )
        notes += [note for note in more if note not in notes]
        record["parts"] = {"files": len(self._parts.files), "parts": len(self._parts.parts)}
        notes[:0] = in_sample_notes(record, tree)
        record["model_choice"] = seen.why
        inputs = (self._parts.path, seen.path)
        none = pa.table({"model_id": pa.nulls(0, pa.string())})
        whole = with_record(
            Catalogue(None, none, None, record), tree, notes, "classify", None, inputs
        )
        save_model_tree(tree, staging.path("model.asdf"))
        record = whole.record
        if "hats" in formats:
            self._tell("writing HATS", 0, self._parts.n_rows)
            parts = {stem: read_parts(paths) for stem, paths in files.items()}
            record = with_hats(parts, record, staging)
        write_json(record, staging.path("run.json"))
        return Streamed(record, tree.classes, sums.verdicts)


def _step(number: int) -> str:
    return f"steps/part-{number:05d}"


def _bucket(number: int) -> str:
    return f"steps/bucket-{number:05d}"


def _sums(step: str) -> str:
    return f"{step}-sums.json"


def _ballots(number: int) -> str:
    return f"ballots/part-{number:05d}.arrow"
