"""What a survey's archive is asked: its service, tables and conditions."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, model_validator

__all__ = ["Query"]


class Query(BaseModel):
    """The paper's query of the archive: where the columns lie, and which detections it takes.

    Attributes
    ----------
    service : str
        Base address of the archive's TAP service.
    schema_name : str
        Of the tables.
    row_limit : int
        Rows to ask for at most at a time.
    tables : dict of str
        Table of each alias.
    columns : dict of tuple
        Columns of the survey that each alias has.
    joins, cuts : tuple of str
        Conditions in ADQL.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    service: str
    schema_name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    row_limit: int = Field(gt=0)
    tables: dict[str, str]
    columns: dict[str, tuple[str, ...]]
    joins: tuple[str, ...]
    cuts: tuple[str, ...]

    @model_validator(mode="after")
    def _aliases_are_tables(self) -> Query:
        if unknown := sorted(set(self.columns) - set(self.tables)):
            raise ValueError(f"columns of tables that are not named: {unknown}")
        return self

    @property
    def selected(self) -> dict[str, str]:
        """What each column is called in the query, by its name: ``{"ra": "m.ra", ...}``."""
        return {c: f"{alias}.{c}" for alias, names in self.columns.items() for c in names}
