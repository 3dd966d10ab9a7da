"""`xsift vote`: a table of the detections' probabilities to a table of sources."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from xsift import surveys
from xsift.catalogue.folder import recorded_prior
from xsift.catalogue.record import source_counts
from xsift.catalogue.rules import Rules, rules_of, verdict_columns
from xsift.catalogue.tables import described, source_table
from xsift.catalogue.verdicts import with_record
from xsift.catalogue.warnings import recorded, vote_of_trained
from xsift.classes import Classes
from xsift.model.sample import Progress, silent
from xsift.pipeline.catalogue import Catalogue
from xsift.pipeline.keywords import takes_settings
from xsift.read import as_input, is_path, read_probabilities
from xsift.settings import Settings
from xsift.surveys import Survey
from xsift.vote import Pool, tally

__all__ = ["vote_table"]


@takes_settings(settings=("source_column", "survey", "verdict", "vote_trained"))
def vote_table(
    table: Any,
    settings: Settings | None = None,
    classes: Classes | None = None,
    progress: Progress | None = None,
) -> Catalogue:
    """Let the detections of a table of probabilities vote: one row per source.

    Parameters
    ----------
    table : str, Path or table in memory
        A file, or a table in memory (as `run` takes it): detections with a source column and a
        column of probabilities per class, ours (``p_qso``) or the published ones (``QSO``,
        ``Seyfert_1``, ...).
    settings : Settings, optional
        As a whole; of these, survey, source_column, verdict and vote_trained matter here.
    classes : Classes, optional
        What the columns are looked up in; where None, those of the survey.
    progress : callable, optional
        Told of each step as it begins.
    **keywords
        Those settings, each by its name.

    Returns
    -------
    Catalogue
        With sources alone.

    Raises
    ------
    XsiftError
        Where the table cannot serve.
    """
    settings, progress = settings or Settings(), progress or silent
    survey, _ = surveys.survey_of(settings.survey, settings.features)
    classes = classes or survey.classes
    with recorded() as notes:
        table = as_input(table, settings.source_column)
        progress(f"reading {table}")
        given = read_probabilities(
            table, survey, settings.source_column, classes, settings.vote_trained
        )
        progress("voting")
        rows = np.flatnonzero(given.votes)
        voting = np.column_stack([given.p, given.beside])
        # Only the calibrated method gives "none of these" a share, and it takes this mean.
        is_published = not (given.beside[rows, :1] > 0).any()
        pool: Pool = "mean" if is_published else "geometric"
        n_ballots = len(given.classes) + min(1, given.beside.shape[1])
        rules = _rules(table, given.classes, settings.verdict, is_published)
        rule = rules.rule.first(n_ballots)
        votes = tally(given.table, voting, rows, n_ballots, pool, rule)
        features = tuple(f.name for f in survey.features if f.name in given.table.column_names)
        verdict = verdict_columns(votes.mean[:, :n_ballots], given.classes, rules)
        sources = source_table(given.table, features, votes, given.classes, verdict)
    counted = {
        "detections": given.table.num_rows,
        **({"trained": int(given.trained.sum())} if given.trained.any() else {}),
        "voting": len(rows),
        **source_counts(votes.unique),
    }
    record = {
        "input_sha256": given.sha256,
        # Without a model in the folder nothing else says them.
        "survey": survey.name,
        **({} if surveys.is_shipped(survey) else {"profile": _profile(survey)}),
        "classes": [c.model_dump() for c in given.classes.classes],
        "settings": {k: getattr(settings, k) for k in ("source_column", "verdict", "vote_trained")},
        "verdict": f"{rules.written}, {rules.said(rules.written)}",
        "counts": counted,
    }
    if "trained" in counted:
        notes.insert(0, vote_of_trained(counted, settings.vote_trained))
    sources = described(sources, given.classes, survey, rules)
    result = Catalogue(None, sources, None, record)
    return Catalogue.of(with_record(result, None, notes, "vote", None, (table,)))


def _rules(table: Any, classes: Classes, verdict: str, is_published: bool) -> Rules:
    """Return the rules; the class shares are those that stand beside the table, if any do."""
    prior = None if is_published or not is_path(table) else recorded_prior(Path(table), classes)
    why = (
        f"no class shares to divide by are known of {table}: give the table of detections in a "
        "folder that run or classify wrote by the calibrated method, whose run.json has them"
    )
    return rules_of(classes, verdict, is_published, prior, why)


def _profile(survey: Survey) -> dict[str, Any]:
    """Return a profile of the user's own as plain data: no folder but this one holds it."""
    return survey.without_query().model_dump(mode="json", exclude_defaults=True)
