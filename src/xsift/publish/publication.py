"""A written catalogue becomes a resource that others can serve or read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
from pydantic import BaseModel, ValidationError

from xsift import publish as vo
from xsift import write
from xsift.catalogue.folder import CatalogueFolder, open_folder
from xsift.errors import SettingError, TableError, need
from xsift.model.progress import Progress, silent
from xsift.read import read_table
from xsift.write.hats import hats_names, in_one, positions, stage_hats
from xsift.write.provenance import now

__all__ = ["Published", "publish"]

_TABLES = {"sources": "Classified X-ray sources", "detections": "Classified X-ray detections"}
_METHODS = {
    "paper": (
        "the detections are clustered without labels. Each detection is scored against the known "
        "objects in its cluster. A source has the mean probability of its detections."
    ),
    "calibrated": (
        "the classes are learned from known objects. Each detection gets a probability for every "
        "class and for none of them, calibrated on held-out sources. A source has the normalised "
        "geometric mean of its detections' probabilities."
    ),
}
_RECORD_BYTES = 10_000_000


@dataclass(frozen=True)
class Published:
    """The files that `publish` wrote.

    Attributes
    ----------
    folder : Path
    files : tuple of str
        Names of the files in the folder.
    resource : Resource
    notes : tuple of str
        Notes for the reader: what is missing, and what was left out.
    """

    folder: Path
    files: tuple[str, ...]
    resource: vo.Resource
    notes: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return everything as plain data, for JSON."""
        rows = {table.name: table.table.num_rows for table in self.resource.tables}
        return {
            "schema": self.resource.schema,
            "title": self.resource.title,
            "rows": rows,
            "files": list(self.files),
            "notes": list(self.notes),
        }


class _Model(BaseModel):
    model_id: str = ""
    method: str = ""
    feature_set: str = ""
    trained_on: str = ""


class _Record(BaseModel):
    """What `run.json` says that a reader of the catalogue wants to know."""

    command: str
    input: str
    input_sha256: str
    labels_file: str | None = None
    labels_sha256: str | None = None
    model: _Model = _Model()
    environment: dict[str, str] = {}
    created: str

    def provenance(self) -> dict[str, str]:
        said = {
            "made_by": f"xsift {self.environment.get('xsift', '')} {self.command}".strip(),
            "made": self.created,
            "detections_from": f"{self.input} (sha256 {self.input_sha256})",
            "model": self.model.model_id,
            "method": self.model.method,
            "feature_set": self.model.feature_set,
            "trained_on": self.model.trained_on,
        }
        if self.labels_file:
            digest = f" (sha256 {self.labels_sha256})" if self.labels_sha256 else ""
            said["known_objects_from"] = self.labels_file + digest
        return {key: value for key, value in said.items() if value}


def publish(
    folder: str | Path,
    out: str | Path,
    schema: str = "xsift",
    title: str | None = None,
    creator: str = "",
    licence: str = "",
    static: bool = False,
    progress: Progress = silent,
) -> Published:
    """Write a catalogue as a DaCHS resource, or as static files.

    Parameters
    ----------
    folder : str or Path
        Folder that `run`, `classify` or `vote` wrote. From `vote`, only the sources are published.
    out : str or Path
        Folder to write: ``q.rd``, and the tables as VOTables. With `static`: the tables as Parquet,
        their dictionary, and a HATS collection for each table with positions.
    schema : str
        Schema of the tables in a TAP service.
    title, creator, licence : str
        Metadata. `licence` is one of ``publish.LICENCES``.
    static : bool
        Whether to write static files instead of a DaCHS resource.
    progress : callable
        Called with a description of each step as it begins.

    Raises
    ------
    XsiftError
        If the catalogue or a setting cannot be used, or if `out` cannot be written.
    """
    folder, out = Path(folder), Path(out)
    if out.exists() and folder.exists() and out.samefile(folder):
        raise SettingError(f"--out {out} is the catalogue itself: give another folder")
    if static:
        need("hats", "cannot publish")
    progress(f"reading {folder}")
    found = open_folder(folder)
    record = _record(folder)
    tables = tuple(_tables(found))
    progress("mapping the sky coverage")
    survey = found.survey
    resource = vo.Resource(
        schema=schema,
        title=vo.printable(title or "") or f"Classes of X-ray sources in {survey.title}",
        description=_description(record, tables, found),
        creator=vo.printable(creator),
        licence=licence,
        reference=survey.reference,
        created=now(),
        provenance=record.provenance(),
        tables=tables,
        coverage=vo.coverage(tables[-1].table),
    )
    progress(f"writing {out}")
    with _place(out, static) as staging:
        files = (_write_static if static else _write_resource)(resource, staging)
    return Published(out, files, resource, tuple(_notes(resource, static)))


def _place(out: Path, static: bool) -> write.Staging:
    if not static:
        return write.Staging(out, ["q.rd", *(f"{name}.vot" for name in _TABLES)], "service")
    tables = [f"{name}.parquet" for name in _TABLES]
    names = ["dictionary.json", "README.md", *tables, *hats_names(out)]
    return write.Staging(out, names, "static files")


def _record(folder: Path) -> _Record:
    path = folder / "run.json"
    try:
        if path.stat().st_size > _RECORD_BYTES:
            raise TableError(f"{path}: larger than {_RECORD_BYTES:,} bytes: not a record of xsift")
        record = _Record.model_validate_json(path.read_bytes())
    except OSError as error:
        said = error.strerror
        raise TableError(
            f"{path}: {said}: give a folder that run, classify or vote wrote"
        ) from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise TableError(f"{path}: {where}: {first['msg']}: write the catalogue anew") from error
    return record


def _tables(found: CatalogueFolder) -> list[vo.ResourceTable]:
    found.refuse_parts("publish a catalogue")
    paths = {"sources": found.sources}
    if not found.is_voted:
        paths["detections"] = found.need_detections("they are published, too")
    tables = []
    for name, path in paths.items():
        table, _ = read_table(path)
        table = vo.published(table, str(path))
        if not {"name", "class"} <= set(table.column_names):
            raise TableError(f"{path}: no columns name and class: write the catalogue anew")
        is_key = name == "sources" and not table["name"].null_count
        is_key = is_key and pc.count_distinct(table["name"]).as_py() == table.num_rows
        tables.append(vo.ResourceTable(name, _TABLES[name], table, "name" if is_key else None))
    return tables


def _description(
    record: _Record, tables: tuple[vo.ResourceTable, ...], found: CatalogueFolder
) -> str:
    counts = " and ".join(f"{t.table.num_rows:,} {t.name}" for t in tables)
    what = f"Class probabilities for {counts} of X-rays in {found.survey.title}, from"
    if found.is_voted:
        return (
            f"{what} the class probabilities of their detections in {record.input}: the "
            "detections of a source vote."
        )
    if found.tree is None:
        return f"{what} {record.input}."
    features = found.tree.features
    measured = f"{len(features)} feature{'s'[: len(features) != 1]} ({', '.join(features)})"
    return (
        f"{what} {measured}: {_METHODS[found.tree.method]} "
        f"Method: {record.model.method or 'not stated'}; model: "
        f"{record.model.model_id or 'not stated'}."
    )


def _about(resource: vo.Resource) -> dict[str, str]:
    """Say in each file what it is, for the day that it is on its own."""
    said = {"title": resource.title, "creator": resource.creator, "licence": resource.licence}
    return {key: value for key, value in said.items() if value} | resource.provenance


def _write_resource(resource: vo.Resource, staging: write.Staging) -> tuple[str, ...]:
    about = _about(resource)
    for table in resource.tables:
        write.write_table(table.table, staging.path(f"{table.name}.vot"), "votable", about)
    staging.path("q.rd").write_text(vo.resource_descriptor(resource), "utf-8")
    return ("q.rd", *(f"{t.name}.vot" for t in resource.tables))


def _write_static(resource: vo.Resource, staging: write.Staging) -> tuple[str, ...]:
    about = _about(resource)
    files: list[str] = []

    def place(name: str) -> Path:
        files.append(name)
        return staging.path(name)

    for table in resource.tables:
        write.write_table(table.table, place(f"{table.name}.parquet"), "parquet", about)
        if table.has_positions:
            kind, said = "object" if table.key else "source", vo.hats_properties(resource, table)
            files += stage_hats(staging, table.name, in_one(table.table), kind, said)[1]
    write.write_json(vo.as_json(resource), place("dictionary.json"))
    place("README.md").write_text(vo.as_markdown(resource), "utf-8")
    return tuple(files)


def _notes(resource: vo.Resource, static: bool) -> list[str]:
    notes = []
    if len(resource.tables) < len(_TABLES):
        notes.append("xsift vote wrote the catalogue: it has no detections, and sources alone")
    for table in resource.tables:
        if not table.has_positions:
            what = "not cut for HATS" if static else "no cone search"
            notes.append(f"{table.name} have no positions: {what}")
        elif static and (n := int((~positions(table.table)[2]).sum())):
            total = f"{table.table.num_rows:,} {table.name}"
            notes.append(f"{n:,} of {total} have no position: they are not in hats")
    if not resource.creator:
        notes.append("no creator is stated: give --creator 'Last, F.; Last, F.'")
    if not resource.licence:
        notes.append("no licence is stated, so nobody may pass the data on: give --licence")
    return notes
