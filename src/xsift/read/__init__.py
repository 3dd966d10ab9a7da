"""Readers: files to tables that fit their survey's profile.

`read_detections` and `read_known` read what becomes a sample (`xsift.model.sample`); `read_table`
reads any table.
"""

from __future__ import annotations

from pathlib import Path

from xsift.classes import Classes
from xsift.read.detections import Detections, columns_beside, read_detections
from xsift.read.known import Known, read_known
from xsift.read.look import Fit, Look
from xsift.read.memory import InMemory, as_input, is_path, table_in_memory
from xsift.read.parts import Part, Parts, parts_of
from xsift.read.probabilities import (
    Polled,
    Probabilities,
    class_columns,
    hold_part_of_probabilities,
    hold_probabilities,
)
from xsift.read.published import Published, hold_published
from xsift.read.source import Source
from xsift.read.table import offered_columns, read_table, read_whole, wanted_columns
from xsift.surveys import Survey

__all__ = [
    "Detections",
    "Fit",
    "InMemory",
    "Known",
    "Look",
    "Part",
    "Parts",
    "Polled",
    "Probabilities",
    "Published",
    "Source",
    "as_input",
    "class_columns",
    "columns_beside",
    "hold_part_of_probabilities",
    "is_path",
    "offered_columns",
    "parts_of",
    "read_detections",
    "read_known",
    "read_probabilities",
    "read_published",
    "read_table",
    "table_in_memory",
    "wanted_columns",
]


def read_probabilities(
    path: str | Path | InMemory,
    survey: Survey,
    source_column: str,
    classes: Classes,
    vote_trained: bool = False,
) -> Probabilities:
    """Read a table of detections with class probabilities, as published or as `run` wrote it.

    Raises
    ------
    TableError
        As `read_table` and `hold_probabilities` do.
    """
    wanted = [source_column, *classes.columns, *classes.codes]
    table, source = read_whole(path, wanted)
    return hold_probabilities(table, source, survey, source_column, classes, vote_trained)


def read_published(path: str | Path | InMemory, survey: Survey, classes: Classes) -> Published:
    """Read a published table of sources: classes, and probabilities such as ``0.056±0.152``.

    Raises
    ------
    TableError
        As `read_table` and `hold_published` do.
    """
    table, source = read_whole(path, ["name", *classes.codes])
    return hold_published(table, source, survey, classes)
