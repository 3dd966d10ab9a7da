"""`xsift vote`: a table of the detections' probabilities to a table of sources."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from xsift import surveys
from xsift.catalogue.folder import recorded_prior
from xsift.catalogue.record import source_counts
from xsift.catalogue.rules import Rules, rules_of, verdict_columns
from xsift.catalogue.tables import described, source_table
from xsift.catalogue.verdicts import with_record
from xsift.catalogue.warnings import recorded, vote_of_trained
from xsift.classes import Classes
from xsift.model.notebook import shown_in_notebook
from xsift.model.progress import Progress
from xsift.pipeline.catalogue import Catalogue, open_streamed
from xsift.pipeline.keywords import takes_settings
from xsift.read import InMemory, Polled, as_input, is_path, read_probabilities
from xsift.read.layout import is_pattern
from xsift.read.parts import goes_in_parts
from xsift.settings import Settings
from xsift.surveys import Survey
from xsift.vote import Pool, key_order, tally_in_order
from xsift.write.manifest import digest

__all__ = ["Poll", "recorded_sha256", "vote_table", "voted"]


@takes_settings(settings=("source_column", "survey", "verdict", "vote_trained"))
def vote_table(
    table: Any,
    settings: Settings | None = None,
    classes: Classes | None = None,
    progress: Progress | None = None,
    out: str | Path | None = None,
    workers: int | str | None = None,
) -> Catalogue:
    """Combine the probabilities of detections into one verdict for each source.

    Parameters
    ----------
    table : str, Path or table in memory
        A file, or a table in memory (as `run` takes it): detections with a source column and a
        column of probabilities per class, ours (``p_qso``) or the published ones (``QSO``,
        ``Seyfert_1``, ...).
    settings : Settings, optional
        All settings at once. Only survey, source_column, verdict and vote_trained have an effect.
    classes : Classes, optional
        Classes of the columns; if None, those of the survey.
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
    Catalogue
        With sources alone.

    Raises
    ------
    XsiftError
        If the table cannot be used.
    """
    settings, progress = settings or Settings(), progress or shown_in_notebook()
    if is_path(table) and goes_in_parts(table):
        from xsift.pipeline.vote_stream import vote_stream  # it needs what is here

        job = partial(vote_stream, table, settings, classes=classes)
        return open_streamed(job, table, out, workers, progress)
    survey, _ = surveys.survey_of(settings.survey, settings.features)
    classes = classes or survey.classes
    table = as_input(table, settings.source_column)
    found = voted(table, table if is_path(table) else None, survey, classes, settings, progress)
    if out is not None:
        found.write(out)
    return found


def voted(
    table: str | Path | InMemory,
    place: str | Path | None,
    survey: Survey,
    classes: Classes,
    settings: Settings,
    progress: Progress,
) -> Catalogue:
    """Let the detections of a table vote that is read at once.

    Parameters
    ----------
    place : str or Path, optional
        Where it lies: class shares may stand beside it.
    """
    with recorded() as notes:
        progress(f"reading {table}")
        given = read_probabilities(
            table, survey, settings.source_column, classes, settings.vote_trained
        )
        progress("voting")
        poll = Poll.of(str(table), place, given.classes, survey, settings, given.polled)
        rows = np.flatnonzero(given.votes)
        voting = np.column_stack([given.p, given.beside])
        sources, unique = poll.sources(given.table, voting, rows)
    record = poll.record(given.sha256, given.polled, source_counts(unique), notes)
    result = with_record(
        Catalogue(None, sources, None, record), None, notes, "vote", None, (table,)
    )
    return Catalogue.of(result)


@dataclass(frozen=True, eq=False)
class Poll:
    """How the detections of a table vote.

    Attributes
    ----------
    survey : Survey
    classes : Classes
        Those that the table has columns of.
    settings : Settings
    pool : {"mean", "geometric"}
    rules : Rules
    """

    survey: Survey
    classes: Classes
    settings: Settings
    pool: Pool
    rules: Rules

    @classmethod
    def of(
        cls,
        where: str,
        place: str | Path | None,
        classes: Classes,
        survey: Survey,
        settings: Settings,
        polled: Polled,
    ) -> Poll:
        """Choose the rules; the class shares are those that stand beside the table, if any do.

        Raises
        ------
        SettingError
            If the verdict needs them, and there are none.
        """
        # Only the calibrated method gives "none of these" a share, and it takes this mean.
        is_published = not polled.has_none
        prior = None
        if not is_published and place is not None:
            prior = recorded_prior(_folder_of(Path(place)), classes)
        why = (
            f"no class shares to divide by are known of {where}: give the table of detections in "
            "a folder that run or classify wrote by the calibrated method, whose run.json has them"
        )
        rules = rules_of(classes, settings.verdict, is_published, prior, why)
        return cls(survey, classes, settings, "mean" if is_published else "geometric", rules)

    def sources(
        self, table: pa.Table, p: np.ndarray, rows: np.ndarray, are_whole: bool | None = None
    ) -> tuple[pa.Table, np.ndarray]:
        """Let detections vote.

        Parameters
        ----------
        table : pyarrow.Table
            Names, positions, features.
        p : ndarray of shape (n, columns)
            Of the classes; of none and typicality, where the table has them.
        rows : ndarray of int
            Those that vote.
        are_whole : bool, optional
            As `in_order` takes it, of a part of a table.

        Returns
        -------
        sources : pyarrow.Table
            By name.
        unique : ndarray of bool
            Whether both votes agree on a source.
        """
        n = min(len(self.classes) + 1, p.shape[1])
        rule = self.rules.rule.first(n)
        order = key_order(table, rows, are_whole)
        votes = tally_in_order(table["name"], p, order, n, self.pool, rule)
        features = tuple(f.name for f in self.survey.features if f.name in table.column_names)
        verdict = verdict_columns(votes.mean[:, :n], self.classes, self.rules)
        sources = source_table(table, features, votes, self.classes, verdict)
        return described(sources, self.classes, self.survey, self.rules), votes.unique

    def record(
        self, sha256: str, polled: Polled, counted: Mapping[str, int], notes: list[str]
    ) -> dict[str, Any]:
        """Return what `run.json` says of the table; `notes` get what comes before all else."""
        survey, settings = self.survey, self.settings
        counts = {
            "detections": polled.rows,
            **({"trained": polled.trained} if polled.trained else {}),
            "voting": polled.voting,
            **counted,
        }
        if polled.trained:
            notes.insert(0, vote_of_trained(counts, settings.vote_trained))
        return {
            "input_sha256": sha256,
            # Without a model in the folder nothing else says them.
            "survey": survey.name,
            **({} if surveys.is_shipped(survey) else {"profile": _profile(survey)}),
            "classes": [c.model_dump() for c in self.classes.classes],
            "settings": {
                k: getattr(settings, k) for k in ("source_column", "verdict", "vote_trained")
            },
            "verdict": f"{self.rules.written}, {self.rules.said(self.rules.written)}",
            "counts": counts,
        }


def recorded_sha256(place: str | Path) -> str | None:
    """Return the digest of what may say the class shares of a table; None where nothing does."""
    try:
        return digest(_folder_of(Path(place)).parent / "run.json")
    except (OSError, ValueError):
        return None


def _folder_of(place: Path) -> Path:
    """Return the table of detections whose parts a pattern means."""
    return place.parent if is_pattern(place) and place.parent.name == "detections" else place


def _profile(survey: Survey) -> dict[str, Any]:
    """Return a profile of the user's own as plain data: no folder but this one holds it."""
    return survey.without_query().model_dump(mode="json", exclude_defaults=True)
