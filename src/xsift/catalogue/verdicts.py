"""A model's verdicts, as a catalogue: detections of a part, whole sources, and the record of all.

What run, classify and vote share. A table that is read as a whole is its only part.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from xsift.catalogue.ballots import Ballots, ballots_of
from xsift.catalogue.record import (
    by_number,
    counts,
    faintness,
    in_sample,
    missing_values,
    source_counts,
)
from xsift.catalogue.rules import NONE, Rules, rules_of, set_columns, verdict_columns
from xsift.catalogue.sums import Sums, sums_of, verdicts_of
from xsift.catalogue.tables import Catalogue, described, detection_table, roles, source_table
from xsift.catalogue.warnings import warn_of_nothing_scored, warn_of_rows
from xsift.model import Model, PaperModel
from xsift.model.answer import Answer, trust, wanted_shares
from xsift.model.calibrated import CalibratedModel
from xsift.model.recognise import Recognised
from xsift.model.sample import Sample
from xsift.model.schema import ModelTree, TrainingTree
from xsift.model.sets import group_sets, thresholds_said
from xsift.read import InMemory, is_path
from xsift.score.conformal import RATE
from xsift.settings import Settings
from xsift.vote import Pool, tally_in_order
from xsift.write import environment, finite
from xsift.write.provenance import file_name, now

__all__ = ["Judge", "catalogue_of", "completed", "with_record"]


@dataclass(frozen=True, eq=False)
class Judge:
    """A model with the rules and the class shares under which its verdicts are written.

    Attributes
    ----------
    model : Model
    settings : Settings
    rules : Rules
    prior : ndarray of shape (C + 1,), or None
        Wanted class shares, of none of the classes last; None: the paper's method.
    model_id : str or None
        Fingerprint of the model; None where it is not known yet.
    """

    model: Model
    settings: Settings
    rules: Rules
    prior: np.ndarray | None
    model_id: str | None

    @classmethod
    def of(cls, model: Model, settings: Settings, model_id: str | None = None) -> Judge:
        """Return the judge that the settings want.

        Raises
        ------
        SettingError
            As `under_prior` and `rules_of` do.
        """
        is_paper, prior = isinstance(model, PaperModel), wanted_shares(model, settings.prior)
        why = "the paper's method has no class shares to divide by: probable, or a calibrated model"
        rules = rules_of(model.classes, settings.verdict, is_paper, prior, why)
        return cls(model, settings, rules, prior, model_id)

    def detections(
        self,
        sample: Sample,
        answer: Answer,
        seen: Recognised | None = None,
        first: int = 0,
        has_counts: bool | None = None,
    ) -> tuple[pa.Table, pa.Table, Sums]:
        """Return the detections of a part as a table, their ballots, and their sums.

        Parameters
        ----------
        sample : Sample
        answer : Answer
        seen : Recognised, optional
            Detections that a trained model has seen: they do not vote, unless the settings let
            them.
        first : int
            Place of the first of them in the whole table.
        has_counts : bool, optional
            Whether the whole table tells effective counts; where None, the part is all of it.
        """
        features, classes, said = sample.features, self.model.classes, answer.said
        role, flag = roles(sample, answer.can_score, said.is_scored, said.cluster, seen)
        # What is set aside is of a type that the model does not know: it gets no verdict.
        verdict = np.isin(role, ("trained", "scored")) & said.is_scored
        # One array under both tables: its columns are what the table of detections holds.
        p = np.column_stack([said.p, said.p_none, said.typicality])
        p[~verdict, :-1] = np.nan
        said = replace(said, p=p[:, : len(classes)], p_none=p[:, len(classes)])
        in_vote = verdict & sample.named & (self.settings.vote_trained | (role == "scored"))
        sums = sums_of(sample, answer.sums, role, flag, in_vote, seen)
        told = None if isinstance(self.model, PaperModel) else features.counts
        if told is not None and not (np.isfinite(told).any() if has_counts is None else has_counts):
            told = None
        written = self._verdict(p, features.counts)
        table = detection_table(sample, said, classes, written, role, flag, told, self.model_id)
        ballots = ballots_of(sample, table, p, in_vote, role == "trained", first)
        return described(table, classes, features.survey, self.rules), ballots, sums

    def sources(self, ballots: pa.Table, are_whole: bool | None = None) -> tuple[pa.Table, Sums]:
        """Let the detections of whole sources vote: return the sources by name, and their sums.

        Parameters
        ----------
        ballots : pyarrow.Table
            Of all detections of some sources, in any order.
        are_whole : bool, optional
            Whether all names of the whole table are whole numbers, as `in_order` takes it.
        """
        given, classes = Ballots.of(ballots, are_whole), self.model.classes
        # The share of none is a ballot, too: under the paper's method it is 0, and never wins.
        pool: Pool = "mean" if isinstance(self.model, PaperModel) else "geometric"
        names, n_ballots = given.detections["name"], len(classes) + 1
        votes = tally_in_order(names, given.p, given.rows, n_ballots, pool, self.rules.rule)
        # The sets of a source are those of its brightest detection.
        starts = np.cumsum(votes.n_detections) - votes.n_detections
        most = np.maximum.reduceat(given.counts[given.rows], starts) if len(starts) else starts
        verdict = self._verdict(votes.mean, most)
        of, kept = given.detections, given.kept
        table = source_table(of, given.features, votes, classes, verdict, kept, self.model_id)
        counted = given.counted | source_counts(votes.unique)
        sums = Sums(sources=counted, repeated=given.repeated, verdicts=verdicts_of(table))
        return described(table, classes, self.model.survey, self.rules), sums

    def record(self, sums: Sums, input_sha256: str, called: Mapping[str, str]) -> dict[str, Any]:
        """Return what `run.json` says of a whole table.

        Parameters
        ----------
        sums : Sums
            Of all its detections and sources.
        input_sha256 : str
        called : mapping of str to str
            What the table calls columns of the survey that go by another name in it.

        Warns
        -----
        XsiftWarning
            Of what a reader should be wary of.
        """
        model, survey = self.model, self.model.survey
        trusted = {}
        if isinstance(model, CalibratedModel) and sums.said is not None:
            trusted = trust(sums.said, model)
        warn_of_rows(sums, model.features, survey)
        warn_of_nothing_scored(sums)
        record = {
            "input_sha256": input_sha256,
            "settings": self.settings.as_dict(),
            "counts": counts(sums),
            "labels": by_number(sums.labels),
            "set_aside": by_number(sums.set_aside),
            "missing": missing_values(sums),
            "unscored": sums.unscored.first(),
            "verdict": f"{self.rules.written}, {self.rules.said(self.rules.written)}",
            **trusted,
        }
        if isinstance(model, CalibratedModel):
            record["faintness"] = faintness(sums.faintness, survey)
        if sums.in_sample is not None:
            record["in_sample"] = in_sample(sums)
        if called:
            record["columns"] = dict(called)
        if self.prior is not None:
            shares = zip([*model.classes.codes, NONE], self.prior.tolist(), strict=True)
            record["prior"] = dict(shares)
            if isinstance(model, CalibratedModel) and model.scorers[-1].opened is None:
                record["none"] = (
                    "'none of these' (p_none) is not learned, as training had too few detections "
                    f"of other types: it has the stated share of {self.prior[-1]:g}"
                )
        if isinstance(model, CalibratedModel):
            record["sets"] = {"rate": RATE, "thresholds": thresholds_said(model)}
        return record

    def _verdict(self, p: np.ndarray, counts: np.ndarray) -> dict[str, pa.Array]:
        """Return the columns of the verdict; the first of `p` are the classes, and then none."""
        model = self.model
        p = p[:, : len(model.classes) + 1]
        columns = verdict_columns(p, model.classes, self.rules)
        if isinstance(model, CalibratedModel) and self.prior is not None:
            members = group_sets(model, p, self.prior, counts)
            if members is not None:
                columns |= set_columns(members, ~np.isnan(p).any(axis=1), model.classes)
        return columns


def catalogue_of(
    sample: Sample, judge: Judge, answer: Answer, seen: Recognised | None = None
) -> Catalogue:
    """Make a catalogue of what a model says of a sample: each source's detections vote."""
    detections, ballots, of_detections = judge.detections(sample, answer, seen)
    sources, of_sources = judge.sources(ballots)
    record = judge.record(of_detections + of_sources, sample.sha256, sample.called)
    record["counts"] |= sample.counts
    return Catalogue(detections, sources, None, record)


def with_record(
    result: Catalogue,
    model: ModelTree | None,
    notes: list[str],
    command: str,
    training: TrainingTree | None,
    inputs: tuple[str | Path | InMemory | None, ...],
) -> Catalogue:
    """Complete the record of a catalogue, as `completed` does; no result replaces an input."""
    record = completed(result.record, model, notes, command, training, str(inputs[0]))
    files = tuple(Path(file).absolute() for file in inputs if file is not None and is_path(file))
    return Catalogue(result.detections, result.sources, model, record, files)


def completed(
    record: dict[str, Any],
    model: ModelTree | None,
    notes: list[str],
    command: str,
    training: TrainingTree | None,
    table: str,
) -> dict[str, Any]:
    """Complete a record: what was read, by which model, with which programs, and when.

    Parameters
    ----------
    record : dict
    model : ModelTree or None
    notes : list of str
        What the user should be wary of.
    command : str
    training : TrainingTree or None
        Of a model that was trained just now.
    table : str
        What was read.
    """
    name = file_name(table)
    about = {"input": name, "command": command}
    record = {"command": command, "about": about, "input": name, **record}
    if model is not None:
        about["model_id"] = model_id = model.model_id
        record["model"] = {
            "model_id": model_id,
            "method": model.method,
            "survey": model.survey,
            "feature_set": model.feature_set,
            "features": model.features,
            "trained_on": model.training.input,
            "class_counts": model.training.class_counts,
        }
    if training is not None:
        record |= {"labels_file": training.labels, "labels_sha256": training.labels_sha256}
    record |= {"warnings": notes, "environment": environment()}
    # The same of everything above gives the same run: what it writes is then the same, too.
    digest = hashlib.sha256(json.dumps(finite(record), sort_keys=True).encode())
    return record | {"run_id": digest.hexdigest()[:16], "created": now()}
