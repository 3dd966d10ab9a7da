"""`xsift classify`: detections to a classified catalogue, by a model that is trained already."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from xsift.catalogue import tables
from xsift.catalogue.verdicts import with_record
from xsift.catalogue.warnings import in_sample_notes, recorded, warn_of_classes, warn_of_unused
from xsift.model import model_of
from xsift.model.file import load_model_tree
from xsift.model.packaged import chosen_model, refuse_other_model
from xsift.model.sample import Progress, read_sample, silent
from xsift.model.schema import ModelTree
from xsift.pipeline.catalogue import Catalogue, open_streamed
from xsift.pipeline.keywords import takes_settings
from xsift.pipeline.lazy import classify_lazily
from xsift.pipeline.part import classify_part, finished_record, vote_bucket
from xsift.read import as_input, is_path
from xsift.read.lsdb_catalogue import is_lsdb_catalogue
from xsift.read.parts import goes_in_parts
from xsift.settings import Settings

__all__ = ["classify"]


_HEEDED = (
    "features",
    "survey",
    "columns",
    "keep",
    "source_column",
    "prior",
    "verdict",
    "vote_trained",
)


@takes_settings(settings=_HEEDED)
def classify(
    table: Any,
    model: ModelTree | str | Path | None = None,
    settings: Settings | None = None,
    progress: Progress | None = None,
    out: str | Path | None = None,
    workers: int | str | None = None,
) -> Any:
    """Classify detections with a trained model.

    Parameters
    ----------
    table : str, Path, table in memory or lsdb.Catalog
        Detections: a file, or a table in memory (as `run` takes it); a table in parts; or a
        catalogue of LSDB.
    model : TrainedModel, str or Path, optional
        What `load_model` returned or a catalogue has, a model file, or the name of a packaged one
        (``csc20``, ``csc21``). Where None: csc20, unless most detections that have the other
        features lack its twelfth, var_newq_b; then csc21.
    settings : Settings, optional
        As a whole; of these, features, survey, columns, keep, source_column, prior,
        verdict and vote_trained matter here.
    progress : callable, optional
        Told of each step as it begins.
    out : str or Path, optional
        A folder to write the results to, as well. A folder, a pattern, a HATS catalogue, an
        address or a large Parquet file is read in parts, and needs it; the result is then opened
        from there.
    workers : int or str, optional
        For a table in parts: processes on this machine, or the address of a Dask scheduler.
    **keywords
        Those settings, each by its name.

    Returns
    -------
    Catalogue or lsdb.Catalog
        Of a catalogue of LSDB its detections alone, as another one that computes nothing yet.

    Raises
    ------
    XsiftError
        Where the table or the model cannot serve.

    Notes
    -----
    Of a catalogue of LSDB each partition is classified when LSDB computes it, and none is looked
    at before. So the names of the columns decide what the values of the whole table decide
    otherwise: name the model where csc20 and csc21 both fit; ``effective_counts`` is there where
    the columns that tell them are; a column of keys counts even if it holds nothing. Nothing is
    said of the table as a whole: no record, no shares, no warning of values that are not possible
    or of a table unlike the training table. ``ra`` and ``dec`` are the columns that HATS sorts by.
    Within a process one partition is classified at a time. A model travels to other processes by
    its name, or by its path, which they must have, too; one in memory travels with each task.
    Sources need the detections of all partitions: write the catalogue to HATS, and give its folder
    to ``xsift classify``; or `vote_table` takes what ``compute()`` returns.
    """
    settings, progress = settings or Settings(), progress or silent
    if is_lsdb_catalogue(table):
        return classify_lazily(table, model, settings)
    if is_path(table) and goes_in_parts(table):
        from xsift.pipeline.stream import classify_stream  # of a table of one part, it calls this

        job = partial(classify_stream, table, model, settings)
        return open_streamed(job, table, out, workers, progress)
    with recorded() as notes:
        table = as_input(table, settings.source_column)
        if isinstance(model, ModelTree):
            tree, path, sample = model, None, None
            why = given = f"model {tree.model_id}, as given"
        else:
            path, why, sample = chosen_model(table, model, settings, progress)
            tree = load_model_tree(path)
            given = str(model or why)
        refuse_other_model(tree, settings, given)
        trained = model_of(tree)
        survey = tree.survey_profile
        features = survey.feature_set(tree.feature_set, tree.features)
        if sample is None:
            need_all = tree.method == "paper"
            sample = read_sample(
                table, survey, features, settings, need_all=need_all, progress=progress
            )
        else:
            sample = sample.held_to(tree.features, survey)
        warn_of_unused(sample.given, tree.features, survey.feature_set(tree.feature_set))
        warn_of_classes(trained)
        progress("scoring and voting")
        part = classify_part(sample, trained, tree, settings)
        voted = vote_bucket(part.ballots, trained, tree, settings)
        sums = part.sums + voted.sums
        record = finished_record(sums, trained, tree, settings, sample.sha256, sample.called)
    notes[:0] = in_sample_notes(record, tree)
    record["model_choice"] = why
    result = tables.Catalogue(part.detections, voted.sources, None, record)
    found = Catalogue.of(with_record(result, tree, notes, "classify", None, (table, path)))
    if out is not None:
        found.write(out)
    return found
