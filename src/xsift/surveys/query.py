"""How a survey's archive is asked: its service, tables and conditions."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

__all__ = ["Query"]

_Identifier = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
_Theirs = Annotated[str, Field(pattern=r"^[ -~]+$", max_length=128)]
# A table's name that ADQL takes without quotes.
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_]*(\.[A-Za-z][A-Za-z0-9_]*)*")


class Query(BaseModel):
    """How a survey's archive is asked: where the columns lie, and which detections are taken.

    Attributes
    ----------
    service : str
        Base address of the archive's TAP service.
    schema_name : str
        Of the tables; empty where their names stand alone.
    row_limit : int
        Rows to ask for at most at a time.
    tables : dict of str
        Table of each alias; the query quotes a name that is not plain (``IX/69/xmm4d13s``).
    columns : dict of (tuple or dict)
        Columns of the survey that each alias has: a list where the archive calls them as we do,
        else our name and the archive's, in that very case (``{"ra": "RA_ICRS"}``).
    joins, cuts : tuple of str
        Conditions in ADQL.
    name_prefix : str
        What the archive leaves off in front of each source's name.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    service: str
    schema_name: str = Field(default="", pattern=r"^([a-z][a-z0-9_]*)?$")
    row_limit: int = Field(gt=0)
    tables: dict[_Identifier, _Theirs] = Field(min_length=1)
    columns: dict[str, tuple[_Identifier, ...] | dict[_Identifier, _Theirs]]
    joins: tuple[str, ...] = ()
    cuts: tuple[str, ...] = ()
    name_prefix: str = Field(default="", pattern=r"^[A-Za-z0-9 ]*$")

    @model_validator(mode="after")
    def _aliases_are_tables(self) -> Query:
        if unknown := sorted(set(self.columns) - set(self.tables)):
            raise ValueError(f"columns of tables that are not named: {unknown}")
        return self

    @property
    def selected(self) -> dict[str, str]:
        """What each column is called in the query, by its name: ``{"ra": "m.ra", ...}``."""
        found: dict[str, str] = {}
        for alias, names in self.columns.items():
            theirs = {n: _quoted(c) for n, c in names.items()} if isinstance(names, dict) else {}
            found |= {n: f"{alias}.{theirs.get(n, n)}" for n in names}
        if self.name_prefix and "name" in found:
            found["name"] = f"'{self.name_prefix}' || {found['name']}"
        return found

    @property
    def sources(self) -> tuple[str, ...]:
        """What is selected from: each table with its alias."""
        schema = f"{self.schema_name}." if self.schema_name else ""
        return tuple(
            f"{schema}{name if _PLAIN.fullmatch(name) else _quoted(name)} {alias}"
            for alias, name in self.tables.items()
        )


def _quoted(name: str) -> str:
    """Write an identifier of ADQL in double quotes, which keep its case and its signs."""
    return '"' + name.replace('"', '""') + '"'
