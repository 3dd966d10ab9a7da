"""Options and arguments that several commands share."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any

import typer

from xsift.errors import SettingError
from xsift.settings import CATALOGUE_FORMATS, FORMATS, Settings, column_pairs, help_of

__all__ = [
    "CATALOGUE_HELP",
    "DEFAULT",
    "CatalogueFolder",
    "ClassesFile",
    "Columns",
    "Dask",
    "Device",
    "Features",
    "Formats",
    "Json",
    "Keep",
    "LabelColumn",
    "Labels",
    "Match",
    "Out",
    "Prior",
    "Radius",
    "Seed",
    "Source",
    "Survey",
    "TableFile",
    "TableFormats",
    "TableOrFolder",
    "Types",
    "Verdict",
    "VoteTrained",
    "Workers",
    "chosen_classes",
    "chosen_formats",
    "option",
    "path_or_address",
    "settings_of",
]

DEFAULT = Settings()

CATALOGUE_HELP = "Folder that run, classify or vote wrote."


def option(name: str) -> Any:
    """Return the option of a setting: its name and its help."""
    return typer.Option("--" + name.replace("_", "-"), help=help_of(name))


def _formats(of: str, default: str, allowed: tuple[str, ...] = FORMATS) -> Any:
    return typer.Option(
        "--format",
        help=f"Format of the {of} beside Parquet: {', '.join(allowed[1:])}; may be repeated. "
        f"[default: {default}]",
        show_default=False,
    )


def path_or_address(text: str) -> Any:
    """Return a path; or an address such as ``s3://bucket/table`` as it is."""
    return text if "://" in text else Path(text)


TableFile = Annotated[
    Path, typer.Argument(metavar="TABLE", help="VOTable, FITS, Parquet or CSV (also .gz).")
]
TableOrFolder = Annotated[
    Path,
    typer.Argument(
        metavar="TABLE",
        parser=path_or_address,
        help="VOTable, FITS, Parquet or CSV (also .gz); or a folder, a 'pattern' or a HATS "
        "catalogue of Parquet files, here or at an address such as s3://bucket/table.",
    ),
]
CatalogueFolder = Annotated[Path, typer.Argument(metavar="DIR", help=CATALOGUE_HELP)]

Out = Annotated[Path, typer.Option("--out", help="Folder for the results.", show_default=False)]
Formats = Annotated[list[str] | None, _formats("tables", "votable", CATALOGUE_FORMATS)]
TableFormats = Annotated[list[str] | None, _formats("table", "csv")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON in place of the summary.")]
Labels = Annotated[
    Path | None,
    typer.Option("--labels", help="Known objects: a table of types with names or positions."),
]
ClassesFile = Annotated[
    Path | None,
    typer.Option(
        "--classes",
        help="Classes: wide, paper, xmm, muwclass, or a TOML file. [default: the survey's]",
    ),
]

Workers = Annotated[
    int | None,
    typer.Option("--workers", help="Processes on this machine. [default: 1]", show_default=False),
]
Dask = Annotated[
    str | None,
    typer.Option(
        "--dask",
        metavar="ADDRESS",
        help="Address of your Dask scheduler, such as tcp://host:8786.",
    ),
]
Device = Annotated[
    str,
    typer.Option(
        "--device",
        help="Where mixtures are fitted: cpu, gpu, or auto: on a GPU if there is one and 100,000 "
        "detections or more take part.",
    ),
]

Features = Annotated[str | None, option("features")]
Columns = Annotated[
    list[str] | None,
    typer.Option("--column", metavar="NAME=COLUMN", help=help_of("columns"), show_default=False),
]
Keep = Annotated[
    list[str] | None,
    typer.Option("--keep", metavar="COLUMN", help=help_of("keep"), show_default=False),
]
LabelColumn = Annotated[str | None, option("label_column")]
Match = Annotated[str, option("match")]
Prior = Annotated[str, option("prior")]
Radius = Annotated[float, option("radius")]
Seed = Annotated[int, option("seed")]
Source = Annotated[str, option("source_column")]
Survey = Annotated[str | None, option("survey")]
Types = Annotated[str | None, option("type_column")]
Verdict = Annotated[str, option("verdict")]
VoteTrained = Annotated[bool, typer.Option("--vote-trained", help=help_of("vote_trained"))]


def settings_of(context: typer.Context) -> Settings:
    """Return the settings: the command's parameters that bear the name of one."""
    given = {**context.params}
    if "columns" in given:
        given["columns"] = column_pairs(given["columns"] or ())
    if "keep" in given:
        given["keep"] = given["keep"] or ()
    return Settings(**{f.name: given[f.name] for f in fields(Settings) if f.name in given})


def chosen_classes(path: Path | None) -> Any:
    """Return the classes of that name or file; None where none are named."""
    from xsift.classes import named_classes

    return named_classes(str(path)) if path else None


def chosen_formats(
    formats: list[str] | None, *default: str, allowed: tuple[str, ...] = FORMATS
) -> tuple[str, ...]:
    """Return the formats that were asked for, or the usual ones."""
    chosen = tuple(formats) if formats else default
    if unknown := sorted(set(chosen) - set(allowed)):
        raise SettingError(f"--format {unknown[0]}: allowed are {', '.join(allowed)}")
    return chosen
