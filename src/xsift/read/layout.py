"""Which Parquet files a table in parts has: a file, a folder, a pattern, a HATS catalogue."""

from __future__ import annotations

import glob
from pathlib import Path

from xsift.errors import TableError
from xsift.read.places import Place, is_address, place_of, reached

__all__ = ["INDEX", "files_of", "is_pattern"]

INDEX = "_healpix_29"
"""Column by which HATS sorts its rows; no column of the table."""

_PROPERTIES_BYTES = 1_000_000


def is_pattern(path: str | Path) -> bool:
    """Tell whether a path is a pattern such as ``night-*.parquet``, and no file of that name."""
    return glob.has_magic(str(path)) and (is_address(path) or not Path(path).exists())


def files_of(path: str | Path) -> tuple[list[Place], bool]:
    """Find the files of a table, sorted by name: their order is that of its rows.

    Parameters
    ----------
    path : str or Path
        A file; a folder or a pattern of Parquet files; the folder of a HATS catalogue, or of a
        HATS collection, whose primary table is meant; or the address of one of these.

    Returns
    -------
    files : list of Path, or of UPath
    is_hats : bool

    Raises
    ------
    TableError
        If there is none.
    """
    with reached(str(path)):
        if is_pattern(path):
            found = [place for place in _matching(path) if place.is_file()]
            if not found:
                raise TableError(f"{path}: no file has such a name")
            return sorted(found, key=str), False
        folder = place_of(path)
        if not folder.is_dir():
            return [folder], False
        if (folder / "collection.properties").is_file():
            folder = _primary_table(folder)
        properties = _properties(folder / "hats.properties") or _properties(folder / "properties")
        if properties.get("dataproduct_type") in ("margin", "index", "association"):
            raise TableError(
                f"{folder}: the {properties['dataproduct_type']} of a HATS catalogue: give the "
                "catalogue itself"
            )
        is_hats = (folder / "dataset").is_dir() and bool(properties)
        found = _hats_files(folder / "dataset") if is_hats else _parquet_files(folder)
    if not found:
        raise TableError(f"{folder}: no Parquet files here: give a table file, or a folder of such")
    return found, is_hats


def _matching(pattern: str | Path) -> list[Place]:
    if not is_address(pattern):
        return [Path(p) for p in glob.glob(str(pattern), recursive=True)]
    place = place_of(str(pattern))
    return [place_of(place.fs.unstrip_protocol(p)) for p in place.fs.glob(place.path)]


def _hats_files(dataset: Place) -> list[Place]:
    files = _parquet_files(dataset)
    return [f for f in files if any(p.startswith("Npix=") for p in f.relative_to(dataset).parts)]


def _parquet_files(folder: Place) -> list[Place]:
    found = [
        path
        for path in folder.rglob("*.parquet")
        if path.is_file()
        and not any(part.startswith((".", "_")) for part in path.relative_to(folder).parts)
    ]
    return sorted(found, key=str)


def _primary_table(collection: Place) -> Place:
    name = _properties(collection / "collection.properties").get("hats_primary_table_url", "")
    folder = collection / name
    is_inside = folder.resolve().is_relative_to(collection.resolve())
    if not name or not is_inside or not folder.is_dir():
        raise TableError(
            f"{collection / 'collection.properties'}: hats_primary_table_url {name[:80]!r} names "
            "no folder in the collection"
        )
    return folder


def _properties(path: Place) -> dict[str, str]:
    """Read ``key = value`` lines; nothing where there is no such file."""
    if not path.is_file() or path.stat().st_size > _PROPERTIES_BYTES:
        return {}
    lines = path.read_text("utf-8", "replace").splitlines()
    pairs = (line.partition("=") for line in lines if not line.lstrip().startswith("#"))
    return {key.strip(): value.strip() for key, _, value in pairs}
