"""The data dictionary: what is in each file, for people and for programs."""

from __future__ import annotations

from typing import Any

from xsift.publish.resource import LICENCES, Resource, printable

__all__ = ["as_json", "as_markdown"]


def as_json(resource: Resource) -> dict[str, Any]:
    """Return the dictionary as plain data."""
    tables = {}
    for table in resource.tables:
        columns = [
            {
                "name": column.name,
                "type": kind,
                "unit": column.unit or None,
                "ucd": column.ucd or None,
                "description": column.description,
                "n_null": n_null,
            }
            for column, kind, n_null in table.columns()
        ]
        tables[table.name] = {
            "file": f"{table.name}.parquet",
            "description": table.title,
            "rows": table.table.num_rows,
            "key": table.key,
            "columns": columns,
        }
    return {
        "title": resource.title,
        "description": resource.description,
        "creator": resource.creator or None,
        "licence": resource.licence or None,
        "licence_url": LICENCES.get(resource.licence),
        "reference": resource.reference or None,
        "created": resource.created,
        "coverage_moc": resource.coverage or None,
        "provenance": resource.provenance,
        "tables": tables,
    }


def as_markdown(resource: Resource) -> str:
    """Return the dictionary as a Markdown page."""
    lines = [f"# {_cell(resource.title)}", "", _cell(resource.description), ""]
    about = {
        "Creator": resource.creator,
        "Licence": resource.licence,
        "X-ray data": resource.reference,
        "Created": resource.created,
        **{key.replace("_", " "): value for key, value in resource.provenance.items()},
    }
    lines += [f"* {_cell(key)}: {_cell(value)}" for key, value in about.items() if value]
    for table in resource.tables:
        lines += [
            "",
            f"## {table.name}.parquet",
            "",
            f"{_cell(table.title)}. {table.table.num_rows:,} rows.",
            "",
            "| column | type | unit | UCD | meaning | missing |",
            "| --- | --- | --- | --- | --- | --- |",
        ]
        for column, kind, n_null in table.columns():
            cells = (column.name, kind, column.unit, column.ucd, column.description, f"{n_null:,}")
            lines.append("| " + " | ".join(_cell(c) for c in cells) + " |")
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    """Escape what a page of Markdown would take for a mark of its own."""
    text = " ".join(printable(text).split())
    for mark in "\\`*_[]|":
        text = text.replace(mark, "\\" + mark)
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
