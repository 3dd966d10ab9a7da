"""`xsift vote` of a table of any size: part by part, in bounded memory, and resumable.

look -> ballots of the parts -> votes, bucket by bucket -> finish
"""

from __future__ import annotations

import hashlib
import json
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
from pydantic import ValidationError

from xsift import surveys
from xsift.catalogue import tables
from xsift.catalogue.record import source_counts
from xsift.catalogue.sums import verdicts_of
from xsift.catalogue.tables import place
from xsift.catalogue.verdicts import with_record
from xsift.catalogue.warnings import recorded
from xsift.classes import Classes
from xsift.cluster import Workers, check, workers_of
from xsift.errors import TableError, XsiftWarning
from xsift.model.look import with_names
from xsift.model.progress import Progress, silent
from xsift.pipeline.buckets import Ballots, Ranges, empty_ballots, read_bucket, write_ballots
from xsift.pipeline.catalogue import Catalogue
from xsift.pipeline.first_look import Tell, quiet, run_length
from xsift.pipeline.steps import (
    BUCKET_ROWS,
    Files,
    Streamed,
    adopt_sources,
    ballots_name,
    begun,
    bucket_step,
    do_buckets,
    do_parts,
    formats_of,
    gathered,
    in_memory,
    part_step,
    refuse_unseen,
    untold,
    write_record,
)
from xsift.pipeline.vote import Poll, recorded_sha256, voted
from xsift.read import (
    InMemory,
    Look,
    Part,
    Parts,
    Polled,
    Probabilities,
    class_columns,
    hold_part_of_probabilities,
    parts_of,
    wanted_columns,
)
from xsift.read.parts import ROWS
from xsift.read.schema import without_left_out
from xsift.read.source import Source
from xsift.settings import Settings
from xsift.surveys import Survey
from xsift.surveys.columns import KEYS
from xsift.write import Staging, Work, environment, part_name, write_table
from xsift.write.provenance import file_name

__all__ = ["vote_stream"]

_FORMAT = 1  # of the files in the folder of a work: another one starts anew
_P = "p:"
_MORE = ("role", "p_none", "typicality")


def vote_stream(
    path: str | Path | Parts,
    settings: Settings,
    out: str | Path,
    classes: Classes | None = None,
    formats: tuple[str, ...] | None = None,
    tell: Tell = untold,
    workers: int | str | None = None,
    rows: int = ROWS,
    bucket_rows: int = BUCKET_ROWS,
) -> Streamed:
    """Let the detections of a table vote part by part, into a folder; a stopped run goes on.

    Parameters
    ----------
    path : str, Path or Parts
        A Parquet file; a folder or a pattern of such, as `classify` writes the detections of a
        large table; a HATS catalogue.
    settings : Settings
    out : str or Path
        Folder for the results.
    classes : Classes, optional
        As for `vote_table`.
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
        If the table cannot be used, or the folder cannot be written; ClusterError where the
        workers are lost.
    """
    check(workers)
    parts = path if isinstance(path, Parts) else parts_of(path, rows)
    formats = formats_of(parts, formats, "voted on")
    survey, _ = surveys.survey_of(settings.survey, settings.features)
    way = _Way(parts, survey, classes or survey.classes, settings)
    if not parts.is_whole:
        way.refuse_columns()
    with place(out, parts.paths, has_detections=False) as staging:
        if parts.is_whole:

            def make(table: InMemory, _: Progress) -> Catalogue:
                return voted(table, parts.path, survey, way.classes, settings, silent)

            return in_memory(parts, make, staging, formats, tell)
        with recorded() as notes:
            work = begun(staging, way.fingerprint(bucket_rows))
            with workers_of(workers, "cannot work in other processes") as found:
                look, polled = _look(way, work, found, tell)
                poll = Poll.of(parts.path, parts.path, way.chosen, survey, settings, polled)
                job = _Job(way, poll, look, work, Ranges.of(look, bucket_rows))
                do_parts(_gather, job, parts, work, found, tell, "reading")
                ballots = gathered(work, len(parts.parts))
                do_buckets(_vote, (job, ballots), len(job.ranges), work, found, tell)
        return _finish(job, polled, staging, notes, formats, tell)


@dataclass(frozen=True, eq=False)
class _Way:
    """How the parts of a table of probabilities are read."""

    parts: Parts
    survey: Survey
    classes: Classes
    settings: Settings

    @cached_property
    def found(self) -> dict[str, str]:
        """The column of each class, by code."""
        return class_columns(self.parts.empty_table, self.parts.path, self.classes)

    @property
    def chosen(self) -> Classes:
        """The classes that the table has columns of."""
        chosen = tuple(c for c in self.classes.classes if c.code in self.found)
        return self.classes.model_copy(update={"classes": chosen})

    @property
    def columns(self) -> list[str]:
        """The columns to read."""
        own = wanted_columns(self.survey, self.settings.source_column)
        return [*own, *self.found.values(), *_MORE]

    def refuse_columns(self) -> None:
        """Refuse a table without the columns of a vote: before the work.

        Raises
        ------
        TableError
        """
        source = Source(self.parts.path, "memory", b"", self.parts.sha256)
        with quiet():
            self._held(InMemory(self.parts.empty_table, source, self.parts.columns))

    def held(self, part: Part, table: InMemory | TableError) -> tuple[Probabilities, Look]:
        """Hold a part to the survey.

        Raises
        ------
        TableError
            If it could not be read, or holds what is no probability.
        """
        if isinstance(table, TableError):
            raise table
        with self.parts.located(part):
            return self._held(table)

    def _held(self, table: InMemory) -> tuple[Probabilities, Look]:
        source, trained = self.settings.source_column, self.settings.vote_trained
        return hold_part_of_probabilities(table, self.survey, source, self.classes, trained)

    def fingerprint(self, bucket_rows: int) -> str:
        """Return a digest of all that the files of a work depend on."""
        said = [
            _FORMAT,
            self.parts.sha256,
            self.parts.parts[0].n_rows,
            bucket_rows,
            self.settings.as_dict(),
            self.classes.model_dump(mode="json"),
            self.survey.without_query().model_dump(mode="json"),
            recorded_sha256(self.parts.path),
            environment(),
        ]
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:16]


@dataclass(frozen=True, eq=False)
class _Job:
    """What all parts and buckets need: it travels to each process once."""

    way: _Way
    poll: Poll
    look: Look
    work: Work
    ranges: Ranges

    @property
    def about(self) -> dict[str, str]:
        """What each file says of itself."""
        creator, path = f"xsift {environment()['xsift']}", self.way.parts.path
        return {"creator": creator, "input": file_name(path), "command": "vote"}


def _look(way: _Way, work: Work, workers: Workers, tell: Tell) -> tuple[Look, Polled]:
    """Look at the whole table, unless an earlier run did; say what only it can say."""
    path, said = way.parts.path, work.done("look") or {}
    try:
        look, polled = Look.model_validate(said["look"]), Polled(**said["polled"])
        notes = list(said["notes"])
    except (ValidationError, LookupError, TypeError):
        look, polled, n_rows, numbers = Look(), Polled(), 0, range(len(way.parts.parts))
        with recorded() as notes:
            for n, one, counted in workers.flow(
                _look_at, way, numbers, run_length(numbers, workers)
            ):
                look, polled, n_rows = look + one, polled + counted, n_rows + n
                tell("looking at the table", n_rows, way.parts.n_rows)
        about = {"look": look.model_dump(mode="json"), "polled": asdict(polled), "notes": notes}
        work.mark("look", about)
    for note in notes:
        warnings.warn(note, XsiftWarning, stacklevel=2)
    if not look.columns["name"].n_values:
        raise TableError(
            f"{path}: source column {way.settings.source_column} is empty in every row"
        )
    look.heed(way.survey, set(), path)
    polled.heed(path, way.settings.vote_trained)
    return look, polled


def _look_at(way: _Way, numbers: Sequence[int]) -> Iterator[tuple[int, Look, Polled]]:
    """Look at parts; give the rows of each, and what was found."""
    for part, table in way.parts.read(way.columns, numbers):
        found, look = way.held(part, table)
        yield part.n_rows, with_names(look, found.table["name"]), found.polled
        pa.default_memory_pool().release_unused()


def _gather(job: _Job, numbers: Sequence[int]) -> Iterator[tuple[int, Files, TableError | None]]:
    """Gather the ballots of parts; give the number of each, and its files or why it has none."""
    refuse_unseen(job.work)
    for part, table in job.way.parts.read(job.way.columns, numbers):
        files: Files = {}
        failed: TableError | None = None
        try:
            with quiet():
                found, _ = job.way.held(part, table)
            ballots = _ballots_of(found, without_left_out(found.table, job.look), job.way.survey)
            name = ballots_name(part.number)
            with job.work.writing(name) as path:
                buckets = write_ballots(ballots, job.ranges, path)
            files = job.work.mark(part_step(part.number), {"buckets": buckets}, (name,))
        except TableError as error:  # the others are of use once this one is mended
            failed = error
        yield part.number, files, failed
        pa.default_memory_pool().release_unused()


def _ballots_of(found: Probabilities, held: pa.Table, survey: Survey) -> pa.Table:
    """Return what the vote needs of the detections of a part that vote, in their order."""
    needed = [*KEYS, "ra", "dec", *(f.name for f in survey.features)]
    columns = {name: held[name] for name in needed if name in held.column_names}
    p = np.column_stack([found.p, found.beside])
    columns |= {f"{_P}{j}": pa.array(np.ascontiguousarray(c)) for j, c in enumerate(p.T)}
    return pa.table(columns).filter(pa.array(found.votes))


def _vote(
    shared: tuple[_Job, list[Ballots]], numbers: Sequence[int]
) -> Iterator[tuple[int, Files]]:
    """Let the detections of buckets vote; the ballots of each part hold those of some buckets."""
    job, ballots = shared
    refuse_unseen(job.work)
    for k in numbers:
        given = read_bucket(k, ballots)
        if given is None:
            given = empty_ballots(ballots[0][0])
        n_columns = sum(name.startswith(_P) for name in given.column_names)
        p = np.column_stack([given[f"{_P}{j}"].to_numpy() for j in range(n_columns)])
        everyone = np.arange(given.num_rows)
        with quiet():
            sources, unique = job.poll.sources(given, p, everyone, job.look.names_are_whole)
        name = part_name("sources", k)
        with job.work.writing(name) as path:
            write_table(sources, path, "parquet", job.about)
        said = {"counts": source_counts(unique), "verdicts": verdicts_of(sources)}
        yield k, job.work.mark(bucket_step(k), {"n": len(sources), **said}, (name,))
        pa.default_memory_pool().release_unused()


def _finish(
    job: _Job,
    polled: Polled,
    staging: Staging,
    notes: list[str],
    formats: tuple[str, ...],
    tell: Tell,
) -> Streamed:
    """Put the record together, and let all files appear with it at the end."""
    parts, n = job.way.parts, len(job.ranges)
    files = {"sources": adopt_sources(staging, job.work, n)}
    said = [job.work.done(bucket_step(k)) or {} for k in range(n)]
    counted, verdicts = Counter[str](), Counter[str]()
    for one in said:
        counted.update(one["counts"])
        verdicts.update(one["verdicts"])
    record = job.poll.record(parts.sha256, polled, counted, notes)
    record["parts"] = {"files": len(parts.files), "parts": len(parts.parts)}
    none = pa.table({"model_id": pa.nulls(0, pa.string())})
    catalogue = tables.Catalogue(None, none, None, record)
    whole = with_record(catalogue, None, notes, "vote", None, (parts.path,))
    written = write_record(whole.record, staging, files, formats, tell)
    return Streamed(written, job.poll.classes, verdicts)
