"""`xsift run` of a table of any size: trained on a sample, and then classified part by part.

look -> sample -> training -> parts -> votes, bucket by bucket -> finish
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from xsift import surveys
from xsift.catalogue.tables import place
from xsift.catalogue.verdicts import Judge
from xsift.catalogue.warnings import recorded, warn_of_classes
from xsift.classes import Classes
from xsift.cluster import Workers, check, workers_of
from xsift.errors import XsiftWarning
from xsift.mixture.devices import gpu_for
from xsift.model import Model, model_of, model_tree
from xsift.model.answer import answer
from xsift.model.drawn import OTHERS, drawn
from xsift.model.file import load_model_tree, save_model_tree
from xsift.model.progress import Progress
from xsift.model.recognise import training_rows
from xsift.model.sample import Sample, read_sample, refuse_unlabelled
from xsift.model.schema import ModelTree
from xsift.model.training import taught, train, trained_classes
from xsift.pipeline.catalogue import Catalogue
from xsift.pipeline.classified import Job, Stream
from xsift.pipeline.first_look import Seen, Tell, Way, fingerprint, quiet, run_length, whole_look
from xsift.pipeline.part import PartResult
from xsift.pipeline.run import known_labels, of_training, refuse_idle_settings, run, training_of
from xsift.pipeline.steps import BUCKET_ROWS, Streamed, begun, formats_of, in_memory, untold
from xsift.read import InMemory, Look, Parts, Source, as_input, is_path, parts_of, read_known
from xsift.read.parts import ROWS
from xsift.settings import Settings
from xsift.write import Work

__all__ = ["run_stream"]

_MODEL = "model.asdf"


def run_stream(
    path: str | Path | Parts,
    labels: Any,
    settings: Settings,
    classes: Classes | None,
    out: str | Path,
    formats: tuple[str, ...] | None = None,
    tell: Tell = untold,
    workers: int | str | None = None,
    rows: int = ROWS,
    bucket_rows: int = BUCKET_ROWS,
    others: int = OTHERS,
    device: str = "auto",
) -> Streamed:
    """Train on a sample of a table, and classify all of it, into a folder.

    A run that was stopped goes on. All detections with a label train and, of about so many others,
    those of sources drawn by a hash of their names. Where the sample is the whole table, the result
    is that of `run`.

    Parameters
    ----------
    path : str, Path or Parts
        A Parquet file; a folder or a pattern of such; a HATS catalogue.
    labels, settings, classes
        As `run` takes them.
    out, formats, tell, workers, rows, bucket_rows
        As `classify_stream` takes them.
    others : int
        Detections without a label that train, about.
    device : {"auto", "cpu", "gpu"}
        Where this process fits the mixtures: as `run` takes it.

    Raises
    ------
    XsiftError
        Where the data, the labels or the settings cannot serve, or the folder cannot be written;
        ClusterError where the workers are lost.
    """
    check(workers)
    gpu_for(device, 0)  # refuses before the table is read
    refuse_idle_settings(settings)
    parts = path if isinstance(path, Parts) else parts_of(path, rows)
    formats = formats_of(parts, formats, "classified")
    given = [Path(labels)] if is_path(labels) else []
    with place(out, [*parts.paths, *given]) as staging:
        if parts.is_whole:

            def make(table: InMemory, step: Progress) -> Catalogue:
                return run(table, labels, settings, classes, step, device=device)

            return in_memory(parts, make, staging, formats, tell)
        way = _way(parts, labels, settings, classes)
        with recorded() as notes:
            work = begun(staging, _fingerprint(way, settings, bucket_rows, str(others)))
            with workers_of(workers, "cannot work in other processes") as found:
                look = whole_look(way, work, found, tell)
                trained = _trained(way, look, work, found, tell, others, labels, device)
                model = model_of(trained.tree)
                warn_of_classes(model)
                seen = Seen(way, look, trained.tree, model, None, "")
                job = Job.of(seen, way.settings, work, bucket_rows, "run", _run_part)
                stream = Stream(job, way.settings, found, tell)
                stream.classify()
                stream.vote()
        sums = stream.adopt(staging)
        record = stream.record(sums, notes)
        record["counts"] |= trained.counts
        record |= of_training(trained.tree.training, model) | {"training_sample": trained.sample}
        update = {"counts": record["counts"], "warnings": notes}
        training = trained.tree.training.model_copy(update=update)
        tree = trained.tree.model_copy(update={"training": training})
        return stream.finish(staging, sums, record, notes, tree, formats, training)


def _way(parts: Parts, labels: Any, settings: Settings, classes: Classes | None) -> Way:
    """Return the way of a table that is labelled, with the settings that it has by its survey."""
    refuse_unlabelled(labels, settings)
    survey, feature_set = surveys.survey_of(settings.survey, settings.features)
    is_paper = settings.method == "paper"
    classes = classes or (survey.classes.plain if is_paper else survey.classes)
    settings = replace(settings, survey=survey.name, features=feature_set)
    known = None
    if labels is not None:
        known = read_known(as_input(labels, role=" of labels"), survey, settings.label_column)
    chosen = survey.feature_set(feature_set)
    return Way(parts, settings, survey, chosen, is_paper, classes, known)


def _fingerprint(way: Way, settings: Settings, bucket_rows: int, *more: str) -> str:
    """Return a digest of all that the files of a work depend on; settings as they were given."""
    assert way.classes is not None
    known = "" if way.known is None else way.known.sha256
    said = ("run", known, way.classes.model_dump_json(), *more)
    return fingerprint(way.parts, None, settings, bucket_rows, *said)


class _Trained(NamedTuple):
    """A model, and what is said of the sample that trained it.

    Attributes
    ----------
    tree : ModelTree
        The counts and warnings of its training are not known before all is classified.
    counts : dict of str to int
        Known objects, and those of them that have a detection.
    sample : dict of str to int
        Detections that trained: ``labelled``, and ``others`` of ``of_others``.
    """

    tree: ModelTree
    counts: dict[str, int]
    sample: dict[str, int]


def _trained(
    way: Way,
    look: Look,
    work: Work,
    workers: Workers,
    tell: Tell,
    others: int,
    labels: Any,
    device: str,
) -> _Trained:
    """Train on the sample, unless an earlier run did, and warn of what was met."""
    said = work.done("model")
    if said is None:
        with recorded() as notes:
            rows = _sample_rows(way, look, workers, tell, others)
            said = _train(way, look, work, rows, labels, device)
        work.mark("model", said | {"notes": notes}, (_MODEL,))
    else:
        notes = said["notes"]
    for note in notes:
        warnings.warn(note, XsiftWarning, stacklevel=2)
    # From its file, as a run that goes on finds it.
    return _Trained(load_model_tree(work.path(_MODEL)), said["counts"], said["sample"])


def _sample_rows(way: Way, look: Look, workers: Workers, tell: Tell, others: int) -> pa.Table:
    """Read the detections that train, as they are in the table."""
    numbers = range(len(way.parts.parts))
    plain = replace(way, settings=replace(way.settings, keep=()))
    found, n_done, n_rows = {}, 0, way.parts.n_rows
    together = run_length(numbers, workers)
    for number, rows in workers.flow(_drawn_of, (plain, look, others), numbers, together):
        found[number], n_done = rows, n_done + way.parts.parts[number].n_rows
        tell("drawing the training sample", n_done, n_rows)
    tell("training", 0, n_rows)
    return pa.concat_tables([found[number] for number in numbers])


def _drawn_of(
    shared: tuple[Way, Look, int], numbers: Sequence[int]
) -> Iterator[tuple[int, pa.Table]]:
    """Give the detections of parts that train."""
    way, look, others = shared
    for part, table in way.parts.read(way.columns, numbers):
        with quiet():
            sample = way.sample(part, table, look)
        assert isinstance(table, InMemory)
        yield part.number, table.table.filter(pa.array(drawn(sample, look.n_rows, others)))


def _train(
    way: Way, look: Look, work: Work, rows: pa.Table, labels: Any, device: str
) -> dict[str, Any]:
    """Train on these detections, write the model, and return what is said of it."""
    parts, settings, classes = way.parts, way.settings, way.classes
    assert classes is not None
    table = InMemory(rows, Source(parts.path, "memory", b"", parts.sha256), parts.columns)
    sample = read_sample(
        table,
        *(way.survey, way.features, replace(settings, keep=()), classes, way.known),
        need_all=way.need_all,
        look=look,
    )
    n_labelled = sum(label is not None for label in sample.labels.label)
    model, y = train(sample, way.survey, classes, settings, device=device)
    sample, y = known_labels(sample.held_to(model.features), model, y)
    # Its counts and warnings are not known before all is classified.
    training = training_of(sample, model, y, settings, labels, {}, [], device)
    taught_rows = training_rows(sample, taught(sample, model, y), look.key_columns)
    with work.writing(_MODEL) as path:
        save_model_tree(model_tree(model, training, taught_rows), path)
    return {
        "counts": sample.counts,
        "sample": {
            "labelled": n_labelled,
            "others": len(sample) - n_labelled,
            "of_others": parts.n_rows - n_labelled,
        },
    }


def _run_part(
    sample: Sample, model: Model, tree: ModelTree, settings: Settings, look: Look, first: int
) -> PartResult:
    """Classify a part of the table of which a sample has trained the model."""
    sample, y = known_labels(sample, model, trained_classes(sample, model))
    said = answer(model, sample, settings.prior, y >= 0, first, look.n_rows)
    judge = Judge.of(model, settings, tree.model_id)
    return PartResult(*judge.detections(sample, said, None, first, look.has_counts))
