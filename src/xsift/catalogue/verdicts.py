"""A model's verdicts on a sample, as a catalogue: what run, classify and vote share."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from xsift.catalogue.record import (
    counts,
    distinct,
    faintness,
    missing_values,
    reasons,
    source_counts,
)
from xsift.catalogue.rules import NONE, Rules, rules_of, set_columns, verdict_columns
from xsift.catalogue.tables import Catalogue, described, detection_table, roles, source_table
from xsift.catalogue.warnings import warn_of_nothing_scored, warn_of_rows
from xsift.model import Model, PaperModel
from xsift.model.answer import Answer
from xsift.model.calibrated import CalibratedModel
from xsift.model.recognise import Recognised
from xsift.model.sample import Sample
from xsift.model.schema import ModelTree, TrainingTree
from xsift.model.sets import group_sets, thresholds_said
from xsift.read import InMemory, is_path
from xsift.score.conformal import RATE
from xsift.settings import Settings
from xsift.vote import Pool, Votes, tally
from xsift.write import environment, finite
from xsift.write.provenance import file_name, now

__all__ = ["catalogue_of", "with_record"]


def catalogue_of(
    sample: Sample,
    model: Model,
    said: Answer,
    settings: Settings,
    seen: Recognised | None = None,
) -> Catalogue:
    """Make a catalogue of what a model says of a sample: each source's detections vote.

    Detections that a trained model has `seen` do not vote, unless the settings let them.
    """
    is_paper = isinstance(model, PaperModel)
    why = "the paper's method has no class shares to divide by: probable, or a calibrated model"
    rules = rules_of(model.classes, settings.verdict, is_paper, said.prior, why)
    table, voting, rows, record = _judge(sample, model, said, rules, settings, seen)
    # The share of none is a ballot, too: under the paper's method it is 0, and never wins.
    pool: Pool = "mean" if is_paper else "geometric"
    votes = tally(sample.keys, voting, rows, len(model.classes) + 1, pool, rules.rule)
    raw = table.select([c for c in table.column_names if c not in model.classes.columns])
    features = sample.features
    verdict = _verdict_of(votes.mean, model, rules, said.prior, _brightest(sample, rows, votes))
    sources = source_table(raw, features.names, votes, model.classes, verdict, sample.kept)
    record["counts"] |= source_counts(votes.unique) | sample.counts
    return described(Catalogue(table, sources, None, record), model.classes, features.survey, rules)


def _judge(
    sample: Sample,
    model: Model,
    answer: Answer,
    rules: Rules,
    settings: Settings,
    seen: Recognised | None,
) -> tuple[pa.Table, np.ndarray, np.ndarray, dict[str, Any]]:
    """Return the table of detections, what is voted on, the rows that vote, and the record."""
    features, labels = sample.features, sample.labels
    warn_of_rows(sample)
    said = answer.said
    role, flag = roles(sample, answer.can_score, said.is_scored, said.cluster, seen)
    warn_of_nothing_scored(role, labels)
    # What is set aside is of a type that the model does not know: it gets no verdict.
    verdict = np.isin(role, ("trained", "scored")) & said.is_scored
    # One array under both tables: its columns are what the table of detections holds.
    voting = np.column_stack([said.p, said.p_none, said.typicality])
    voting[~verdict, :-1] = np.nan
    n_classes = len(model.classes)
    said = replace(said, p=voting[:, :n_classes], p_none=voting[:, n_classes])
    in_vote = verdict & sample.named & (settings.vote_trained | (role == "scored"))
    record = {
        "input_sha256": sample.sha256,
        "settings": settings.as_dict(),
        "counts": counts(sample, role, in_vote),
        "labels": labels.counts(np.ones(len(labels.label), dtype=bool)),
        "set_aside": labels.counts(role == "set_aside"),
        "missing": missing_values(features),
        "unscored": reasons(flag, role == "unscored", features.n_missing == len(features.names)),
        "verdict": f"{rules.written}, {rules.said(rules.written)}",
        **answer.shift,
    }
    if not isinstance(model, PaperModel):
        record["faintness"] = faintness(features)
    if seen is not None:
        record["in_sample"] = _in_sample(sample, seen, role, in_vote)
    if sample.called:
        record["columns"] = dict(sample.called)
    if answer.prior is not None:
        shares = zip([*model.classes.codes, NONE], answer.prior.tolist(), strict=True)
        record["prior"] = dict(shares)
    if isinstance(model, CalibratedModel):
        record["sets"] = {"rate": RATE, "thresholds": thresholds_said(model)}
    written = _verdict_of(voting, model, rules, answer.prior, features.counts)
    told = None if isinstance(model, PaperModel) else features.counts
    table = detection_table(sample, said, model.classes, written, role, flag, told)
    return table, voting, np.flatnonzero(in_vote), record


def _brightest(sample: Sample, rows: np.ndarray, votes: Votes) -> np.ndarray:
    """Return the counts of each source's brightest detection of those that vote."""
    source, counts = sample.source(rows), sample.features.counts
    most = np.zeros(int(source.max(initial=-1)) + 1)
    np.maximum.at(most, source, counts[rows])
    return np.asarray(most[sample.source(votes.first)])


def _in_sample(
    sample: Sample, seen: Recognised, role: np.ndarray, in_vote: np.ndarray
) -> dict[str, int]:
    """Count the detections that trained the model, and the sources that have no others to vote."""
    trained, names = role == "trained", sample.keys["name"]
    n_voting = distinct(names.filter(pa.array(in_vote)))
    return {
        "by_name": int((trained & seen.by_name).sum()),
        "by_values": int((trained & seen.by_values).sum()),
        "sources_without_a_vote": distinct(names.filter(pa.array(trained | in_vote))) - n_voting,
    }


def _verdict_of(
    p: np.ndarray, model: Model, rules: Rules, prior: np.ndarray | None, counts: np.ndarray
) -> dict[str, pa.Array]:
    """Return the columns of the verdict; the first of `p` are the classes, and then none."""
    p = p[:, : len(model.classes) + 1]
    columns = verdict_columns(p, model.classes, rules)
    if isinstance(model, CalibratedModel) and prior is not None:
        members = group_sets(model, p, prior, counts)
        if members is not None:
            columns |= set_columns(members, ~np.isnan(p).any(axis=1), model.classes)
    return columns


def with_record(
    result: Catalogue,
    model: ModelTree | None,
    notes: list[str],
    command: str,
    training: TrainingTree | None,
    inputs: tuple[str | Path | InMemory | None, ...],
) -> Catalogue:
    """Stamp the model's fingerprint on every row, and complete the record.

    Parameters
    ----------
    notes : list of str
        What the user should be wary of.
    inputs : tuple
        What was read, the table first: files among it are never replaced by a result.
    """
    detections, sources = result.detections, result.sources
    name = file_name(str(inputs[0]))
    about = {"input": name, "command": command}
    record = {"command": command, "about": about, "input": name, **result.record}
    if model is not None:
        detections = _stamped(detections, model.model_id) if detections is not None else None
        sources = _stamped(sources, model.model_id)
        about["model_id"] = model.model_id
        record["model"] = {
            "model_id": model.model_id,
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
    files = tuple(Path(file).absolute() for file in inputs if file is not None and is_path(file))
    # The same of everything above gives the same run: what it writes is then the same, too.
    digest = hashlib.sha256(json.dumps(finite(record), sort_keys=True).encode())
    record |= {"run_id": digest.hexdigest()[:16], "created": now()}
    return Catalogue(detections, sources, model, record, files)


def _stamped(table: pa.Table, model_id: str) -> pa.Table:
    at = table.schema.get_field_index("model_id")
    column = pa.repeat(pa.scalar(model_id), table.num_rows)
    return table.set_column(at, table.schema.field(at), column)
