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
from xsift.model.notebook import shown_in_notebook
from xsift.model.packaged import chosen_model, refuse_other_model
from xsift.model.progress import Progress, told_in_parts
from xsift.model.sample import read_sample
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
        A model of `load_model` or of a catalogue, a model file, or the name of a packaged one
        (``csc20``, ``csc21``, ``4xmm``). If None, xsift chooses by the columns of the table. For
        Chandra: csc20, or csc21 if most detections with the other features lack var_newq_b.
    settings : Settings, optional
        All settings at once. Only features, survey, columns, keep, source_column, prior, verdict
        and vote_trained have an effect here.
    progress : callable, optional
        Called with a description of each step as it begins.
    out : str or Path, optional
        Folder for the results. A folder, a pattern, a HATS catalogue, an address or a large
        Parquet file is read in parts and needs it; the result is then opened from there.
    workers : int or str, optional
        For a table in parts: processes on this machine, or the address of a Dask scheduler.
    **keywords
        These settings, each by its name.

    Returns
    -------
    Catalogue or lsdb.Catalog
        For a catalogue of LSDB only the detections, as another lazy catalogue.

    Raises
    ------
    XsiftError
        If the table or the model cannot be used.

    Notes
    -----
    A catalogue of LSDB is classified partition by partition, when LSDB computes them. So the names
    of the columns decide, not the values of the whole table. Name the model if csc20 and csc21 both
    fit. ``effective_counts`` is there if its columns are. A key column counts even if it is empty.
    There is no record, no class shares, and no warning about impossible values or an unlike table.
    ``ra`` and ``dec`` are the columns that HATS sorts by. A process classifies one partition at a
    time. Other processes load a model by its name, or by its path, which must exist there, too. A
    model in memory travels with each task. Sources need the detections of all partitions: give the
    folder of the unclassified HATS catalogue to ``xsift classify``, or the result of ``compute()``
    to `vote_table`.
    """
    settings, progress = settings or Settings(), progress or shown_in_notebook()
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
        tell = told_in_parts(progress, "scoring and voting")
        part = classify_part(sample, trained, tree, settings, tell=tell)
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
