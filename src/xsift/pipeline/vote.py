"""`xsift vote`: a table of the detections' probabilities to a table of sources."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from xsift import surveys
from xsift.catalogue.record import source_counts
from xsift.catalogue.tables import Catalogue, described, source_table
from xsift.catalogue.verdicts import with_record
from xsift.catalogue.warnings import recorded
from xsift.classes import Classes
from xsift.model.sample import Progress, silent
from xsift.read import read_probabilities
from xsift.settings import Settings
from xsift.vote import Pool, tally

__all__ = ["vote_table"]


def vote_table(
    table: str | Path,
    settings: Settings | None = None,
    classes: Classes | None = None,
    progress: Progress = silent,
) -> Catalogue:
    """Let the detections of a table of probabilities vote: one row per source.

    Parameters
    ----------
    table : str or Path
        Detections with a source column and a column of probabilities per class: ours (``p_qso``)
        or the published ones (``QSO``, ``Seyfert_1``, ...).
    settings : Settings, optional
        Of these, survey, source_column and vote_trained matter here.
    classes : Classes, optional
        What the columns are looked up in; where None, those of the survey.

    Raises
    ------
    XsiftError
        Where the table cannot serve.
    """
    settings = settings or Settings()
    survey, _ = surveys.survey_of(settings.survey, settings.features)
    classes = classes or survey.classes
    with recorded() as notes:
        progress(f"reading {table}")
        given = read_probabilities(
            table, survey, settings.source_column, classes, settings.vote_trained
        )
        progress("voting")
        rows = np.flatnonzero(given.votes)
        voting = np.column_stack([given.p, given.beside])
        # Only the calibrated method gives "none of these" a share, and it takes this mean.
        pool: Pool = "geometric" if (given.beside[rows, :1] > 0).any() else "mean"
        n_ballots = len(given.classes) + min(1, given.beside.shape[1])
        votes = tally(given.table, voting, rows, n_ballots, pool)
        features = tuple(f.name for f in survey.features if f.name in given.table.column_names)
        sources = source_table(given.table, features, votes, given.classes)
    counted = {
        "detections": given.table.num_rows,
        "voting": len(rows),
        **source_counts(votes.unique),
    }
    record = {
        "input_sha256": given.sha256,
        # Without a model in the folder nothing else says them.
        "survey": survey.name,
        "classes": [c.model_dump() for c in given.classes.classes],
        "settings": {k: getattr(settings, k) for k in ("source_column", "vote_trained")},
        "counts": counted,
    }
    result = described(Catalogue(None, sources, None, record), given.classes, survey)
    return with_record(result, None, notes, "vote", None, (table,))
