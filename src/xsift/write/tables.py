"""Tables with units, UCDs and descriptions, in the formats that people use."""

from __future__ import annotations

import io
import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from xsift.errors import OutputError
from xsift.surveys.columns import Column, describe

__all__ = ["SUFFIXES", "write_table"]

SUFFIXES = {"parquet": ".parquet", "votable": ".vot", "fits": ".fits", "csv": ".csv"}
"""File name ending of each format."""

_ROWS = 50_000
# Control characters cannot stand in XML at all, not even escaped.
_NOT_XML = "[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]"
_ENTITIES = (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("\r", "&#13;"))
_VOTABLE_TYPES = {"double": "double", "float": "float", "int64": "long", "int32": "int"}


def write_table(table: pa.Table, path: Path, form: str, about: dict[str, str]) -> None:
    """Write an Arrow table whose fields carry unit, ucd and description.

    Parameters
    ----------
    table : pyarrow.Table
        Numbers and text; null where missing.
    path : Path
    form : {"parquet", "votable", "fits", "csv"}
    about : dict of str
        Provenance for the file's own header; CSV has no place for it.

    Raises
    ------
    OutputError
        If the format is not known.
    OSError
        If the file cannot be written.
    """
    writers = {
        "parquet": _write_parquet,
        "votable": _write_votable,
        "fits": _write_fits,
        "csv": _write_csv,
    }
    if form not in writers:
        raise OutputError(f"--format {form}: allowed are {', '.join(writers)}")
    # A file name can hold bytes that are no text; XML knows no control characters.
    about = {key: re.sub(_NOT_XML, "", _utf8(value)) for key, value in about.items()}
    writers[form](table, path, about)


def _write_parquet(table: pa.Table, path: Path, about: dict[str, str]) -> None:
    """Write Parquet whose units are where pyarrow, astropy and readers of VOParquet look."""
    lengths = _text_lengths(table)
    header = {**about, **_astropy_header(table, lengths)}
    if all(_is_in_votable(field.type) for field in table.schema):
        head, tail = _votable_frame(table, about, lengths)
        header["IVOA.VOTable-Parquet.version"] = "1.0"
        header["IVOA.VOTable-Parquet.type"] = "Parquet-local-XML"
        header["IVOA.VOTable-Parquet.encoding"] = "utf-8"
        header["IVOA.VOTable-Parquet.content"] = head + tail
    described = table.replace_schema_metadata(header)
    with open(path, "wb") as file:  # a name with a colon would be read as an address
        pa.parquet.write_table(described, file, compression="zstd", row_group_size=2 * _ROWS)


def _text_lengths(table: pa.Table) -> dict[str, int]:
    """Return how many characters the text columns need, with room for astropy's "None"."""
    return {
        field.name: max(pc.max(pc.utf8_length(column)).as_py() or 0, len("None"))
        for field, column in zip(table.schema, table.columns, strict=True)
        if pa.types.is_string(field.type)
    }


def _astropy_header(table: pa.Table, lengths: dict[str, int]) -> dict[str, str]:
    """Describe the columns as `astropy.table.Table.read` wants them described.

    Without the length of the longest text it fails on a null. With it, it reads a null text as
    "None": only a further column of masks would tell it better, which all other readers would see.
    """
    import yaml

    columns = []
    for field in table.schema:
        said = describe(field)
        kind = "string" if field.name in lengths else str(field.type)
        one = {"name": field.name, "datatype": kind, "unit": said.unit}
        one["description"] = said.description
        columns.append({key: value for key, value in one.items() if value})
    header = {f"table::len::{name}": str(length) for name, length in lengths.items()}
    header["table_meta_yaml"] = yaml.safe_dump({"datatype": columns}, sort_keys=False)
    return header


def _write_csv(table: pa.Table, path: Path, about: dict[str, str]) -> None:
    with open(path, "wb") as file:
        pa.csv.write_csv(table, file)


def _write_votable(table: pa.Table, path: Path, about: dict[str, str]) -> None:
    """Write a VOTable 1.4 with TABLEDATA.

    astropy writes the header; the cells are formatted by Arrow, column by column: astropy's own
    writer formats cell by cell, 40 times slower on the tables of this size.
    """
    head, tail = _votable_frame(table, about)
    with open(path, "w", encoding="utf-8") as file:
        file.write(head + "    <DATA>\n     <TABLEDATA>\n")
        for batch in table.to_batches(max_chunksize=_ROWS):
            cells = [_cells(column) for column in batch.columns]
            rows = pc.binary_join_element_wise("<TR>", *cells, "</TR>", "")
            file.write("\n".join(rows.to_pylist()))
            file.write("\n")
        file.write("     </TABLEDATA>\n    </DATA>\n   " + tail)


def _cells(column: pa.Array) -> pa.Array:
    if pa.types.is_string(column.type):
        text = pc.replace_substring_regex(column, _NOT_XML, "")
        for character, entity in _ENTITIES:
            text = pc.replace_substring(text, character, entity)
    else:
        text = column.cast(pa.string())
        for arrow, votable in (("nan", "NaN"), ("^inf", "+Inf"), ("^-inf", "-Inf")):
            text = pc.replace_substring_regex(text, arrow, votable)
    inside = pc.binary_join_element_wise("<TD>", text, "</TD>", "")
    return pc.fill_null(inside, "<TD/>")


def _is_in_votable(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or str(kind) in _VOTABLE_TYPES


def _votable_frame(
    table: pa.Table, about: dict[str, str], lengths: dict[str, int] | None = None
) -> tuple[str, str]:
    """Return a VOTable without data: up to where they belong, and from there on."""
    from astropy.io.votable.exceptions import W50
    from astropy.io.votable.tree import Info, Resource, TableElement, VOTableFile

    document = VOTableFile(version="1.4")
    resource = Resource(type="results")
    document.resources.append(resource)
    for key, value in about.items():
        # Not the name as ID, as astropy would have it: a column may be called the same.
        resource.infos.append(Info(ID=f"about_{key}", name=key, value=value))
    element = TableElement(document)
    resource.tables.append(element)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", W50)  # astropy takes 'erg', which is deprecated, for wrong
        for at, field in enumerate(table.schema):
            length = (lengths or {}).get(field.name, "*")
            element.fields.append(_votable_field(document, at, field, str(length)))
    element.create_arrays(0)
    written = io.BytesIO()
    document.to_xml(written, tabledata_format="tabledata")
    text = written.getvalue().decode("utf-8")
    head, middle, tail = text.partition("</TABLE>")
    return head.rstrip(" "), middle + tail


def _votable_field(document: Any, at: int, field: pa.Field, length: str) -> Any:
    from astropy.io.votable.tree import Field

    said = describe(field)
    text = pa.types.is_string(field.type)
    kind = "unicodeChar" if text else _VOTABLE_TYPES[str(field.type)]
    # A name may hold what no ID may.
    is_plain = re.fullmatch(r"[A-Za-z_][\w.-]*", field.name, re.ASCII)
    options: dict[str, Any] = {
        "name": re.sub(_NOT_XML, "", field.name),
        "ID": field.name if is_plain else f"column_{at}",
        "datatype": kind,
    }
    if text:
        options["arraysize"] = length
    if said.unit:
        options["unit"] = said.unit
    if said.ucd:
        options["ucd"] = said.ucd
    element = Field(document, **options)
    element.description = said.description or None
    return element


def _write_fits(table: pa.Table, path: Path, about: dict[str, str]) -> None:
    from astropy.io import fits
    from astropy.io.fits.verify import VerifyWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", VerifyWarning)  # names with more than letters: allowed
        columns = [_fits_column(table.column(i), describe(f)) for i, f in enumerate(table.schema)]
        hdu = fits.BinTableHDU.from_columns(columns)
    for i, field in enumerate(table.schema, start=1):
        if ucd := describe(field).ucd:
            hdu.header.set(f"TUCD{i}", ucd)
        if description := describe(field).description:
            hdu.header.set(f"TCOMM{i}", _ascii(description)[:60])
    for key, value in about.items():
        hdu.header.add_history(f"{key}: {_ascii(value)}")
    with open(path, "wb") as file:
        hdu.writeto(file)


def _fits_column(column: pa.ChunkedArray, said: Column) -> Any:
    from astropy.io import fits

    kind, name = column.type, _ascii(said.name)
    if pa.types.is_string(kind):
        values = np.array([_ascii(v or "") for v in column.to_pylist()], dtype="S")
        width = max(1, values.dtype.itemsize)
        return fits.Column(name, f"{width}A", array=values)
    if pa.types.is_integer(kind):
        null = -(2**63)
        values = column.cast(pa.int64()).fill_null(null).to_numpy()
        return fits.Column(name, "K", null=null, unit=said.unit or None, array=values)
    values = column.cast(pa.float64()).to_numpy()
    return fits.Column(name, "D", unit=said.unit or None, array=values)


def _ascii(text: str) -> str:
    # A FITS header and its A columns hold printable ASCII only.
    return re.sub("[^ -~]", "?", re.sub(r"\s", " ", text))


def _utf8(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8")
