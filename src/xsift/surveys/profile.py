"""Survey profiles: one TOML file per catalogue release, checked when it loads.

A profile says what the columns of a release are called, measured in and mean, which values are
possible, and how features are derived and scaled. Adding a release is adding a file.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from functools import cache
from importlib import resources
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from xsift.errors import SettingError
from xsift.settings import EARLIER_FEATURES
from xsift.surveys.columns import Column

__all__ = ["Feature", "Survey", "SurveyColumn", "load", "names", "survey_of"]

Kind = Literal["text", "integer", "float"]
Scaling = Literal["log-range", "range", "none"]
Formula = Literal["ratio", "midrange-ratio"]
_Identifier = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
# A table's name that ADQL takes without quotes.
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_]*(\.[A-Za-z][A-Za-z0-9_]*)*")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SurveyColumn(_Strict):
    """A column of the release: unit, UCD, meaning and the values that are possible.

    `low` and `high` are inclusive, in `unit`; `above` excludes its own value. None: no bound.
    `period` is the full turn of an angle: values less than a turn outside 0 to `period` wrap.
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    kind: Kind = "float"
    unit: str = ""
    ucd: str = ""
    description: str
    low: float | None = None
    high: float | None = None
    above: float | None = None
    period: float | None = Field(default=None, gt=0)

    def accepts(self, values: np.ndarray) -> np.ndarray:
        """Tell which values are finite and within the bounds."""
        ok = np.isfinite(values)
        if self.low is not None:
            ok &= values >= self.low
        if self.high is not None:
            ok &= values <= self.high
        if self.above is not None:
            ok &= values > self.above
        return np.asarray(ok)

    @property
    def allowed(self) -> str:
        """The possible values in words, for an error message."""
        if self.above is not None:
            text = f"above {self.above:g}" + (
                f", to {self.high:g}" if self.high is not None else ""
            )
        elif self.low is not None and self.high is not None:
            text = f"{self.low:g} to {self.high:g}"
        elif self.low is not None:
            text = f"{self.low:g} and more"
        elif self.high is not None:
            text = f"up to {self.high:g}"
        else:
            text = "any finite number"
        return f"{text} {self.unit}".rstrip()


class Feature(_Strict):
    """A feature of the classifier: where it comes from and how it is scaled.

    Attributes
    ----------
    name : str
        Column of that name, where the table has it.
    formula : {"ratio", "midrange-ratio"}, optional
        How it follows from the columns `inputs` where the table lacks it: first / second, or
        ((first + second) / 2) / third.
    scaling : {"log-range", "range", "none"}
        The paper's transform (its section on features): log and min-max, min-max, or none.
    """

    name: str
    scaling: Scaling
    formula: Formula | None = None
    inputs: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _inputs_fit_formula(self) -> Feature:
        wanted = {None: 0, "ratio": 2, "midrange-ratio": 3}[self.formula]
        if len(self.inputs) != wanted:
            raise ValueError(f"feature {self.name}: {self.formula} takes {wanted} inputs")
        return self

    @property
    def sources(self) -> str:
        """The columns it can come from, in words."""
        if not self.inputs:
            return self.name
        inputs = f"{', '.join(self.inputs[:-1])} and {self.inputs[-1]}"
        return f"{self.name} (or {inputs})"


class FeatureSet(_Strict):
    """A choice among the survey's features, in the survey's order."""

    description: str
    without: tuple[str, ...] = ()


class Query(_Strict):
    """How the archive is asked: where the columns lie, and which detections are taken.

    Attributes
    ----------
    service : str
        Base address of the archive's TAP service.
    schema_name : str
        Of the tables; empty where their names stand alone.
    row_limit : int
        Rows to ask for at most at a time.
    tables : dict of str
        Table of each alias; put into double quotes where it is no plain name.
    columns : dict of (tuple or dict)
        Columns of the survey that each alias has: a list where the archive calls them as we do,
        else our name and the archive's (``{"ra": "RA_ICRS"}``, in that very case).
    joins, cuts : tuple of str
        Conditions in ADQL.
    name_prefix : str
        What the archive leaves off in front of each source's name.
    """

    service: str
    schema_name: str = Field(default="", pattern=r"^([a-z][a-z0-9_]*)?$")
    row_limit: int = Field(gt=0)
    tables: Annotated[dict[_Identifier, str], Field(min_length=1)]
    columns: dict[str, tuple[_Identifier, ...] | dict[_Identifier, str]]
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
            theirs = {n: _delimited(c) for n, c in names.items()} if isinstance(names, dict) else {}
            found |= {n: f"{alias}.{theirs.get(n, n)}" for n in names}
        if self.name_prefix and "name" in found:
            found["name"] = f"'{self.name_prefix}' || {found['name']}"
        return found

    @property
    def sources(self) -> tuple[str, ...]:
        """What is selected from: each table with its alias."""
        schema = f"{self.schema_name}." if self.schema_name else ""
        return tuple(
            f"{schema}{name if _PLAIN.fullmatch(name) else _delimited(name)} {alias}"
            for alias, name in self.tables.items()
        )


def _delimited(name: str) -> str:
    """Write an identifier of ADQL in double quotes, which keep its case and its signs."""
    return '"' + name.replace('"', '""') + '"'


class Survey(_Strict):
    """A catalogue release: its columns, features, keys and cuts.

    `closure` names three hardness ratios: of one spectrum, the inverse hyperbolic tangents of the
    first two sum to that of the third.
    """

    name: str
    title: str
    release: str
    reference: str
    default_features: str
    closure: tuple[str, str, str] | None = None
    query: Query
    columns: Annotated[tuple[SurveyColumn, ...], Field(min_length=1)]
    features: Annotated[tuple[Feature, ...], Field(min_length=1)]
    feature_sets: dict[str, FeatureSet]

    @model_validator(mode="after")
    def _consistent(self) -> Survey:
        columns = [c.name for c in self.columns]
        if len(set(columns)) < len(columns):
            raise ValueError("a column is described twice")
        needed = {f.name for f in self.features} | {i for f in self.features for i in f.inputs}
        if missing := sorted(needed - set(columns)):
            raise ValueError(f"features use columns that are not described: {missing}")
        if odd := sorted(set(self.query.selected) - set(columns)):
            raise ValueError(f"the query selects columns that are not described: {odd}")
        features = {f.name for f in self.features}
        if unknown := set(self.closure or ()) - features:
            raise ValueError(f"closure names unknown features {sorted(unknown)}")
        for name, chosen in self.feature_sets.items():
            if unknown := set(chosen.without) - features:
                raise ValueError(f"feature set {name} leaves out unknown {sorted(unknown)}")
        if self.default_features not in self.feature_sets:
            raise ValueError(f"default feature set {self.default_features} is not described")
        return self

    def column(self, name: str) -> SurveyColumn:
        """Return the description of a column."""
        return next(c for c in self.columns if c.name == name)

    def feature_set(self, name: str, only: Sequence[str] | None = None) -> tuple[Feature, ...]:
        """Return the features of a set, in the survey's order.

        Parameters
        ----------
        name : str
            Also an earlier one.
        only : sequence of str, optional
            Those that a model was trained on, in that order: the others had too few values.

        Raises
        ------
        SettingError
            If the survey has no set of that name, or the set no such features in that order.
        """
        name = EARLIER_FEATURES.get(name, name)
        if name not in self.feature_sets:
            allowed = ", ".join(self.feature_sets)
            raise SettingError(f"--features {name}: survey {self.name} has {allowed}")
        without = self.feature_sets[name].without
        chosen = tuple(f for f in self.features if f.name not in without)
        if only is None:
            return chosen
        kept = tuple(f for f in chosen if f.name in only)
        if [f.name for f in kept] != list(only):
            raise SettingError(f"{', '.join(only)} are not features of {name} in their order")
        return kept

    def described(self) -> dict[str, Column]:
        """Describe the columns as they are written: by name, with unit, UCD and meaning."""
        return {c.name: Column(c.name, c.unit, c.ucd, c.description) for c in self.columns}


def names() -> tuple[str, ...]:
    """List the survey profiles that come with xsift."""
    files = resources.files(__package__).iterdir()
    return tuple(sorted(f.name[:-5] for f in files if f.name.endswith(".toml")))


@cache
def load(name: str) -> Survey:
    """Load and check a survey profile.

    Parameters
    ----------
    name : str
        For example ``"csc20"``.

    Raises
    ------
    SettingError
        If there is no such profile, or the file breaks the schema.
    """
    if name not in names():
        raise SettingError(f"--survey {name}: known surveys are {', '.join(names())}")
    try:
        return Survey.model_validate(_tree(name))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise SettingError(f"survey profile {name}: {where}: {first['msg']}") from error


def survey_of(name: str | None, features: str | None) -> tuple[Survey, str]:
    """Choose the survey profile and the feature set.

    Where only a feature set is named, the survey is the one that has it as its default; where only
    a survey is named, the set is that survey's default; where neither, csc20 with csc20.
    """
    if name is None:
        by_default = {load(n).default_features: n for n in reversed(names())}
        name = by_default.get(features or "", "csc20")
    survey = load(name)
    chosen = features or survey.default_features
    survey.feature_set(chosen)
    return survey, chosen


def _tree(name: str) -> dict[str, Any]:
    text = resources.files(__package__).joinpath(f"{name}.toml").read_text(encoding="utf-8")
    tree = tomllib.loads(text)
    if parent := tree.pop("extends", None):
        # A release that differs from an earlier one in few things says only those.
        earlier = _tree(parent)
        tree = {**earlier, **tree, "query": {**earlier["query"], **tree.get("query", {})}}
    return tree
