"""`xsift classify` of a table of any size: part by part, in bounded memory, and resumable.

look -> parts -> votes, bucket by bucket -> finish
"""

from __future__ import annotations

from pathlib import Path

from xsift.catalogue.tables import place
from xsift.catalogue.warnings import in_sample_notes, recorded
from xsift.cluster import check, workers_of
from xsift.model.progress import Progress
from xsift.pipeline.catalogue import Catalogue
from xsift.pipeline.classified import Job, Stream
from xsift.pipeline.classify import classify
from xsift.pipeline.first_look import Asked, Tell, fingerprint, first_look
from xsift.pipeline.steps import BUCKET_ROWS, Streamed, begun, formats_of, in_memory, untold
from xsift.read import InMemory, Parts, parts_of
from xsift.read.parts import ROWS
from xsift.settings import Settings

__all__ = ["classify_stream"]


def classify_stream(
    path: str | Path | Parts,
    model: Asked,
    settings: Settings,
    out: str | Path,
    formats: tuple[str, ...] | None = None,
    tell: Tell = untold,
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
    formats = formats_of(parts, formats, "classified")
    with place(out, [*parts.paths, *given]) as staging:
        if parts.is_whole:

            def make(table: InMemory, step: Progress) -> Catalogue:
                found: Catalogue = classify(table, model, settings, step)
                return found

            return in_memory(parts, make, staging, formats, tell)
        with recorded() as notes:
            work = begun(staging, fingerprint(parts, model, settings, bucket_rows))
            with workers_of(workers, "cannot work in other processes") as found:
                seen = first_look(parts, model, settings, work, found, tell)
                job = Job.of(seen, settings, work, bucket_rows)
                stream = Stream(job, settings, found, tell)
                stream.classify()
                stream.vote()
        sums = stream.adopt(staging)
        record = stream.record(sums, notes)
        notes[:0] = in_sample_notes(record, seen.tree)
        record["model_choice"] = seen.why
        return stream.finish(staging, sums, record, notes, seen.tree, formats)
