"""A column of a table that xsift reads or writes: its name, unit, UCD and meaning."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from xsift.classes import Classes

__all__ = ["KEYS", "Column", "describe", "output_columns", "with_metadata"]

KEYS = ("name", "obsid", "obi")
"""What tells one detection from another, in the order in which ties are decided."""


@dataclass(frozen=True)
class Column:
    """A column: what it is called, measured in, and means.

    Attributes
    ----------
    name : str
    unit : str
        As VOUnits write it; empty for numbers without a unit and for text.
    ucd : str
        UCD1+ words of the IVOA's controlled vocabulary; empty where no word fits.
    description : str
    """

    name: str
    unit: str = ""
    ucd: str = ""
    description: str = ""


def output_columns(classes: Classes) -> dict[str, Column]:
    """Describe the columns that xsift adds to a catalogue, by name."""
    columns = [
        Column("cluster", "", "meta.code", "Mixture component that the detection belongs to"),
        Column("p_none", "", "stat.probability", "Probability that it is none of the classes"),
        Column("class", "", "src.class", "Most probable class (SIMBAD type code)"),
        Column("group", "", "src.class", "Group of the class"),
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
        Column("n_missing", "", "meta.number", "Number of features without a usable value"),
        Column("model_id", "", "meta.id", "Fingerprint of the model that classified it"),
        Column("n_detections", "", "meta.number", "Number of detections that voted"),
        Column("class_soft", "", "src.class", "Class of the highest mean probability"),
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


def with_metadata(table: pa.Table, columns: dict[str, Column]) -> pa.Table:
    """Attach unit, UCD and description to the fields of an Arrow table."""
    fields = []
    for field in table.schema:
        column = columns.get(field.name)
        if column is None:
            fields.append(field)
            continue
        said = {"unit": column.unit, "ucd": column.ucd, "description": column.description}
        fields.append(field.with_metadata({k: v for k, v in said.items() if v}))
    return table.cast(pa.schema(fields, metadata=table.schema.metadata))


def describe(field: pa.Field) -> Column:
    """Read unit, UCD and description back from an Arrow field."""
    said = {k.decode(): v.decode() for k, v in (field.metadata or {}).items()}
    return Column(
        field.name, said.get("unit", ""), said.get("ucd", ""), said.get("description", "")
    )
