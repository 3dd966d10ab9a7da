"""The columns that xsift adds to a catalogue: unit, UCD and meaning of each."""

from __future__ import annotations

from xsift.catalogue.rules import Rules
from xsift.classes import Classes
from xsift.score.conformal import RATE
from xsift.surveys.columns import Column

__all__ = ["output_columns"]


def output_columns(classes: Classes, rules: Rules | None = None) -> dict[str, Column]:
    """Describe the columns that xsift adds to a catalogue, by name.

    Parameters
    ----------
    classes : Classes
    rules : Rules, optional
        Of the verdicts, where they are known.
    """
    columns = [
        Column("cluster", "", "meta.code", "Mixture component that the detection belongs to"),
        Column("p_none", "", "stat.probability", "Probability that it is none of the classes"),
        *_verdicts(rules),
        Column(
            "group_set",
            "",
            "src.class",
            f"Groups that may be the true one: {100 * RATE:g} % of each group have it here",
        ),
        Column("n_group_set", "", "meta.number", "Number of groups in group_set"),
        Column(
            "typicality",
            "",
            "stat.probability",
            "Share of the training detections that are less ordinary than this one",
        ),
        Column("label", "", "src.class", "Type of the known object matched to the detection"),
        Column(
            "label_separation",
            "arcsec",
            "pos.angDistance",
            "Distance on the sky between the detection and its known object",
        ),
        Column("role", "", "meta.code", "trained, scored, set_aside or unscored"),
        Column("flag", "", "meta.note", "Why the detection has this role"),
        Column(
            "effective_counts",
            "count",
            "phot.count",
            "Background-free counts that give the same precision; null: taken as exact",
        ),
        Column("n_missing", "", "meta.number", "Number of features without a usable value"),
        Column("model_id", "", "meta.id", "Fingerprint of the model that classified it"),
        Column("n_detections", "", "meta.number", "Number of detections that voted"),
        Column(
            "class_soft", "", "src.class", "Class by the pooled probabilities of the detections"
        ),
        Column("class_hard", "", "src.class", "Most frequent class of the detections"),
        Column("status", "", "meta.code", "unique: both votes agree; ambiguous: they do not"),
    ]
    for c in classes.classes:
        what = c.title or c.code
        columns.append(Column(c.column, "", "stat.probability", f"Probability of {what}"))
    for column in [*classes.columns, "p_none"]:
        columns.append(
            Column(
                f"{column}_std",
                "",
                "stat.stdev;stat.probability",
                f"Population standard deviation of {column} over the detections",
            )
        )
    return {c.name: c for c in columns}


def _verdicts(rules: Rules | None) -> list[Column]:
    """Describe the verdicts, each with its rule."""
    said = {"": "the verdict"}
    if rules is not None:
        said = {"": rules.said(rules.written)}
        said |= {f"_{name}": rules.said(name) for name in rules.known}
    found = []
    for ending, rule in said.items():
        found.append(Column(f"class{ending}", "", "src.class", f"SIMBAD type code: {rule}"))
        found.append(Column(f"group{ending}", "", "src.class", f"Group of class{ending}: {rule}"))
    return found
