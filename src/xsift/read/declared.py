"""Columns as a header within a table's own metadata describes them: YAML or a VOTable.

ECSV begins with the one, astropy writes it into Parquet, too; VOParquet holds the other. Both come
from strangers: no object is made of them, nothing is opened, and only names and units are taken.
"""

from __future__ import annotations

from collections.abc import Iterator
from xml.parsers import expat

import yaml

from xsift.errors import TableError

__all__ = ["columns_of_votable", "columns_of_yaml"]

# Room for the descriptions of some ten thousand columns.
_LONGEST = 1 << 22
_DEEPEST = 40
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def columns_of_yaml(where: str, text: str) -> list[dict[str, str]]:
    """Return what a header such as ECSV's says of each column: name, unit, datatype, subtype.

    A key of the header itself, such as ``delimiter``, is a column without a name.

    Raises
    ------
    TableError
        If it is no YAML, too long or too deep.
    """
    if len(text) > _LONGEST:
        raise TableError(f"{where}: a header of more than {_LONGEST >> 20} MiB")
    try:
        depth = 0
        for event in yaml.parse(text, Loader=_Loader):  # before anything recurses
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            if depth > _DEEPEST:
                raise TableError(f"{where}: a header nested more than {_DEEPEST} deep")
        # Nodes only: a tag makes no object, and an alias no copy.
        root = yaml.compose(text, Loader=_Loader)
    except yaml.YAMLError as error:
        said = " ".join(str(error).split())[:200]
        raise TableError(f"{where}: the header is not YAML: {said}") from error
    found = []
    for key, node in _entries(root):
        if key == "datatype" and isinstance(node, yaml.SequenceNode):
            found += [_scalars(column) for column in node.value]
        elif isinstance(node, yaml.ScalarNode):
            found.append({key: node.value})
    return found


def columns_of_votable(where: str, content: bytes) -> list[dict[str, str]]:
    """Return name and unit of each FIELD in the header of a VOTable.

    Raises
    ------
    TableError
        If it is no XML, or declares a document type: entities could stand for anything.
    """
    found: list[dict[str, str]] = []

    def refuse(*declaration: object) -> None:
        raise TableError(f"{where}: a VOTable header with a document type: refused as unsafe")

    def start(tag: str, attributes: dict[str, str]) -> None:
        if tag.rpartition(":")[2] == "FIELD":
            found.append(attributes)

    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = refuse
    parser.StartElementHandler = start
    if len(content) > _LONGEST:
        raise TableError(f"{where}: a header of more than {_LONGEST >> 20} MiB")
    try:
        parser.Parse(content, True)
    except (expat.ExpatError, ValueError, LookupError) as error:
        if isinstance(error, TableError):
            raise
        raise TableError(f"{where}: the VOTable header is not XML: {error}") from error
    return found


def _entries(node: yaml.Node | None) -> Iterator[tuple[str, yaml.Node]]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode):
                yield key.value, value


def _scalars(node: yaml.Node) -> dict[str, str]:
    found = {}
    for key, value in _entries(node):
        # Older versions of astropy write `unit: !astropy.units.Unit {unit: keV}`.
        inner = dict(_entries(value)).get(key, value)
        if isinstance(inner, yaml.ScalarNode):
            found[key] = inner.value
    return found
