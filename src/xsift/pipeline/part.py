"""What is said of a part of a table, of a bucket of its sources, and of the whole."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from xsift.catalogue.record import counts, missing_values
from xsift.catalogue.rules import NONE, Rules, rules_of
from xsift.catalogue.tables import Catalogue, described, detection_table, roles, source_table
from xsift.catalogue.verdicts import _stamped, _verdict_of
from xsift.model import Model, PaperModel
from xsift.model.prior import all_shares, under_prior, wanted_prior
from xsift.model.recognise import recognise
from xsift.model.sample import Sample
from xsift.model.schema import ModelTree
from xsift.read import Look
from xsift.settings import Settings
from xsift.vote import Pool, tally

__all__ = ["BucketResult", "PartResult", "Sums", "classify_part", "finished_record", "vote_bucket"]


@dataclass(frozen=True)
class Sums:
    """Counts that add up over parts, in any order."""

    groups: dict[str, dict[str, int]] = field(default_factory=dict)

    def __add__(self, other: Sums) -> Sums:
        found = {name: Counter(group) for name, group in self.groups.items()}
        for name, group in other.groups.items():
            found.setdefault(name, Counter()).update(group)
        return Sums({name: dict(group) for name, group in found.items()})

    def as_dict(self) -> dict[str, Any]:
        """Return them as plain data."""
        return self.groups

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> Sums:
        """Return them from plain data."""
        return cls(plain)


class PartResult(NamedTuple):
    """A part of the detections, what votes of it, and counts."""

    detections: pa.Table
    ballots: pa.Table
    sums: Sums


class BucketResult(NamedTuple):
    """Sources, and counts of them."""

    sources: pa.Table
    sums: Sums


def classify_part(
    sample: Sample,
    model: Model,
    tree: ModelTree,
    settings: Settings,
    look: Look,
    first: int = 0,
) -> PartResult:
    """Classify a part of a table; `look` is at the whole of it."""
    features = sample.features
    seen = recognise(tree.training_rows, sample, look.key_columns)
    said, can_score = model.classify(features), model.can_score(features)
    said = under_prior(said, model, settings.prior)
    rules, prior = _rules(model, settings)
    role, flag = roles(sample, can_score, said.is_scored, said.cluster, seen)
    verdict = np.isin(role, ("trained", "scored")) & said.is_scored
    voting = np.column_stack([said.p, said.p_none, said.typicality])
    voting[~verdict, :-1] = np.nan
    n = len(model.classes)
    said = replace(said, p=voting[:, :n], p_none=voting[:, n])
    in_vote = verdict & sample.named & (settings.vote_trained | (role == "scored"))
    written = _verdict_of(voting, model, rules, prior, features.counts)
    told = None if isinstance(model, PaperModel) else features.counts
    table = detection_table(sample, said, model.classes, written, role, flag, told)
    if look.has_counts and told is not None and "effective_counts" not in table.column_names:
        at = table.column_names.index("n_missing") + 1
        table = table.add_column(at, "effective_counts", pa.nulls(len(table), pa.float64()))
    both = Catalogue(table, table.slice(0, 0), None, {})
    table = described(both, model.classes, features.survey, rules).detections
    assert table is not None
    trained = role == "trained"
    counted = counts(sample, role, in_vote)
    del counted["sources_in"]
    sums = {
        "counts": counted,
        "missing": missing_values(features),
        "in_sample": {
            "by_name": int((trained & seen.by_name).sum()),
            "by_values": int((trained & seen.by_values).sum()),
        },
    }
    columns: dict[str, Any] = {k: sample.keys[k] for k in sample.keys.column_names}
    columns |= {f"_v{j}": pa.array(np.ascontiguousarray(v)) for j, v in enumerate(voting.T)}
    columns |= {f"_x{j}": table[name] for j, name in enumerate(features.names)}
    columns |= {"_counts": pa.array(features.counts), "_votes": pa.array(in_vote)}
    columns["ordinal"] = pa.array(first + np.arange(len(sample)))
    ballots = pa.table(columns)
    for at, field_ in enumerate(sample.kept.schema if sample.kept is not None else ()):
        assert sample.kept is not None
        name = f"_k{at}:{field_.name}"
        ballots = ballots.append_column(field_.with_name(name), sample.kept.column(at))
    ballots = ballots.filter(pa.array((in_vote | trained) & sample.named))
    return PartResult(_stamped(table, tree.model_id), ballots, Sums(sums))


def vote_bucket(
    ballots: pa.Table, model: Model, tree: ModelTree, settings: Settings, look: Look
) -> BucketResult:
    """Let the detections of some sources vote; the ballots are in the order of the table."""
    names = len(pc.unique(ballots["name"]))
    ballots = ballots.filter(ballots["_votes"])
    rules, prior = _rules(model, settings)
    n_columns = len(model.classes) + 2
    voting = np.column_stack([ballots[f"_v{j}"].to_numpy() for j in range(n_columns)])
    rows = np.arange(len(ballots))
    pool: Pool = "mean" if isinstance(model, PaperModel) else "geometric"
    votes = tally(ballots, voting, rows, n_columns - 1, pool, rules.rule, look.names_are_whole)
    owner = np.asarray(pc.index_in(ballots["name"], ballots["name"].take(pa.array(votes.first))))
    brightest = np.zeros(len(votes.first))
    np.maximum.at(brightest, owner, ballots["_counts"].to_numpy())
    verdict = _verdict_of(votes.mean, model, rules, prior, brightest)
    survey = tree.survey_profile
    raw = {n: ballots[n] for n in ("name", "ra", "dec") if n in ballots.column_names}
    raw |= {name: ballots[f"_x{j}"] for j, name in enumerate(model.features)}
    kept = [name for name in ballots.column_names if name.startswith("_k")]
    fields = [ballots.schema.field(k).with_name(k.partition(":")[2]) for k in kept]
    own = None
    if kept:
        own = pa.Table.from_arrays([ballots[k] for k in kept], schema=pa.schema(fields))
    sources = source_table(pa.table(raw), model.features, votes, model.classes, verdict, own)
    sources = described(Catalogue(None, sources, None, {}), model.classes, survey, rules).sources
    n, n_unique = len(votes.first), int(votes.unique.sum())
    found = {
        "counts": {"sources": n, "unique": n_unique, "ambiguous": n - n_unique},
        "in_sample": {"sources_without_a_vote": names - n},
    }
    return BucketResult(_stamped(sources, tree.model_id), Sums(found))


def finished_record(
    sums: Sums,
    model: Model,
    tree: ModelTree,
    settings: Settings,
    input_sha256: str,
    called: Mapping[str, str],
    limits_of: str | None = None,
) -> dict[str, Any]:
    """Return what `run.json` says of the whole table."""
    rules, prior = _rules(model, settings)
    record: dict[str, Any] = {
        "input_sha256": input_sha256,
        "settings": settings.as_dict(),
        "counts": sums.groups["counts"],
        "missing": dict(sorted(sums.groups["missing"].items(), key=lambda pair: -pair[1])),
        "in_sample": sums.groups["in_sample"],
        "verdict": f"{rules.written}, {rules.said(rules.written)}",
    }
    if prior is not None:
        shares = zip([*model.classes.codes, NONE], prior.tolist(), strict=True)
        record["prior"] = dict(shares)
    return record


def _rules(model: Model, settings: Settings) -> tuple[Rules, np.ndarray | None]:
    is_paper = isinstance(model, PaperModel)
    prior = (
        None if isinstance(model, PaperModel) else all_shares(wanted_prior(model, settings.prior))
    )
    why = "the paper's method has no class shares to divide by: probable, or a calibrated model"
    return rules_of(model.classes, settings.verdict, is_paper, prior, why), prior
