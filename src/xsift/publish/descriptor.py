"""The DaCHS resource descriptor: what `dachs imp` makes tables and services from."""

from __future__ import annotations

import keyword
from xml.etree import ElementTree as ET

import pyarrow.compute as pc

from xsift.publish.resource import LICENCES, Resource, ResourceTable, printable
from xsift.write.hats import positions

__all__ = ["resource_descriptor"]

_TYPES = {"text": "text", "integer": "bigint", "float": "double precision"}
_NULL = str(-(2**63))  # what stands for a missing integer where a format has no null
_RADIUS_DEG = 0.1


def resource_descriptor(resource: Resource) -> str:
    """Return the descriptor: metadata, tables, how to fill them, and a cone search for each table.

    It expects the data in the same folder, as VOTables named after the tables.
    """
    root = ET.Element("resource", schema=resource.schema)
    _add_metadata(root, resource)
    if resource.coverage:
        spatial = ET.SubElement(ET.SubElement(root, "coverage"), "spatial")
        spatial.text = resource.coverage
    for table in resource.tables:
        _add_table(root, table)
    for table in resource.tables:
        _add_import(root, table)
    for table in resource.tables:
        if table.has_positions:
            _add_cone(root, table, resource)
    ET.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(root, "unicode") + "\n"


def _add_metadata(root: ET.Element, resource: Resource) -> None:
    _meta(root, "title", resource.title)
    _meta(root, "description", resource.description)
    _meta(root, "creationDate", resource.created)
    for subject in ("x-ray-sources", "classification", "catalogs"):
        _meta(root, "subject", subject)
    if resource.creator:
        _meta(root, "creator", resource.creator)
    if resource.reference:
        _meta(root, "source", resource.reference)
    _meta(root, "type", "Catalog")
    _meta(root, "contentLevel", "Research")
    _meta(root, "coverage.waveband", "X-ray")
    if resource.licence:
        _meta(root, "rights", resource.licence)
        _meta(root, "rights.rightsURI", LICENCES[resource.licence])
    said = "\n".join(
        f"{key.replace('_', ' ')}: {value}" for key, value in resource.provenance.items()
    )
    _meta(root, "_longdoc", f"Provenance\n\n{said}")


def _add_table(root: ET.Element, table: ResourceTable) -> None:
    element = ET.SubElement(root, "table", id=table.name, onDisk="True", adql="True")
    if table.key:
        element.set("primary", table.key)
    if table.has_positions:
        element.set("mixin", "//scs#q3cindex")
    _meta(element, "description", table.title)
    if "name" in table.table.column_names and table.key != "name":
        ET.SubElement(element, "index", columns="name")
    for column, kind, n_null in table.columns():
        said = {"name": column.name, "type": _TYPES[kind]}
        if kind == "text" and _not_ascii(table, column.name):
            said["type"] = "unicode"
        texts = {"unit": column.unit, "ucd": column.ucd, "description": column.description}
        said |= {key: _text(value) for key, value in texts.items() if value}
        if column.name == table.key:
            said["required"] = "True"
        field = ET.SubElement(element, "column", said)
        if kind == "integer":
            if n_null == 0:
                field.set("required", "True")
            else:
                ET.SubElement(field, "values", nullLiteral=_NULL)


def _add_import(root: ET.Element, table: ResourceTable) -> None:
    data = ET.SubElement(root, "data", id=f"import_{table.name}")
    ET.SubElement(data, "sources").text = f"{table.name}.vot"
    ET.SubElement(data, "voTableGrammar")
    make = ET.SubElement(data, "make", table=table.name)
    rowmaker = ET.SubElement(make, "rowmaker", idmaps="*")
    for name in table.table.column_names:
        if keyword.iskeyword(name):
            # DaCHS reads such a column under another name, and would leave it empty.
            ET.SubElement(rowmaker, "map", key=name).text = f"@{name}_"


def _add_cone(root: ET.Element, table: ResourceTable, resource: Resource) -> None:
    service = ET.SubElement(root, "service", id=f"cone_{table.name}", allowed="scs.xml,form,static")
    _meta(service, "shortName", f"xsift {table.name}"[:16])
    _meta(service, "title", f"{resource.title}: {table.name}")
    ra, dec, _ = positions(table.table)
    test = ET.SubElement(service, "meta", name="testQuery")
    for key, value in (("ra", ra[0]), ("dec", dec[0]), ("sr", _RADIUS_DEG)):
        _meta(test, key, f"{value:.8f}")
    ET.SubElement(service, "publish", render="scs.xml", sets="local")
    core = ET.SubElement(service, "scsCore", queriedTable=table.name)
    ET.SubElement(core, "FEED", source="//scs#coreDescs")


def _not_ascii(table: ResourceTable, name: str) -> bool:
    return not pc.all(pc.string_is_ascii(table.table[name])).as_py()


def _meta(parent: ET.Element, name: str, value: str) -> None:
    ET.SubElement(parent, "meta", name=name).text = _text(value)


def _text(value: str) -> str:
    # A backslash begins a macro in a descriptor, and what a file says must not call one.
    return printable(value).replace("\\", "/")
