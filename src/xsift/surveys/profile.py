"""Survey profiles: what a survey's columns are called, measured in and mean, and its features.

A profile is data, checked when it loads (`xsift.surveys.load`): adding a survey is adding a file.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from xsift.classes import PAPER_CLASSES, Classes
from xsift.errors import SettingError
from xsift.settings import EARLIER_FEATURES
from xsift.surveys.columns import Column
from xsift.surveys.formulas import FORMULAS
from xsift.surveys.measured import (
    NAME,
    CountsWay,
    Name,
    Strict,
    SurveyColumn,
    Text,
    refuse_unmeasured,
)
from xsift.surveys.query import Query

__all__ = ["OWN", "Feature", "FeatureSet", "Query", "Survey", "identifier"]

Scaling = Literal["log-range", "range", "none"]

OWN = "own"
"""Name of the feature set of a list of columns (`Survey.with_features`)."""


def identifier(name: str) -> str:
    """Return a column's name as xsift writes it: lower case, letters, digits and ``_``.

    >>> identifier("CSCv2_S/N"), identifier("W1-W2"), identifier("2MASS_J")
    ('cscv2_s_n', 'w1_w2', 'c_2mass_j')
    """
    safe = re.sub(r"[^a-z0-9]+", "_", name.casefold()).strip("_")[:60]
    return safe if re.match(NAME, safe) else f"c_{safe}".rstrip("_")


class Feature(Strict):
    """A feature of the classifier: its columns, formula and scaling.

    Attributes
    ----------
    name : str
        Column of that name, where the table has it.
    formula : str, optional
        How it follows from `inputs` where the table lacks it: one of `FORMULAS`.
    inputs : tuple of str
        Columns, or other features.
    scaling : {"log-range", "range", "none"}
        The paper's transform (its section on features): log and min-max, min-max, or none. Figures
        draw log-range on a logarithmic axis.
    label : str
        What figures call it in words; where empty, its name.
    symbol : str
        Its symbol, with an index after an underscore: ``HR_hs``. It follows the label.
    """

    name: Name
    scaling: Scaling = "range"
    formula: str | None = None
    inputs: tuple[Name, ...] = ()
    label: Text = ""
    symbol: Text = ""

    @field_validator("formula")
    @classmethod
    def _known(cls, formula: str | None) -> str | None:
        if formula is not None and formula not in FORMULAS:
            raise ValueError(f"unknown formula {formula!r}: allowed are {', '.join(FORMULAS)}")
        return formula

    @model_validator(mode="after")
    def _inputs_fit_formula(self) -> Feature:
        n = len(self.inputs)
        if self.formula is None:
            if n:
                raise ValueError(f"{n} inputs and no formula: allowed are {', '.join(FORMULAS)}")
            return self
        formula = FORMULAS[self.formula]
        if not formula.least <= n <= formula.most:
            wanted = f"{formula.least}" + f" to {formula.most}" * (formula.most > formula.least)
            raise ValueError(f"{self.formula} takes {wanted} inputs, not {n}")
        return self

    @property
    def sources(self) -> str:
        """The columns it can come from, in words."""
        if not self.inputs:
            return self.name
        if len(self.inputs) == 1:
            return f"{self.name} (or {self.inputs[0]})"
        inputs = f"{', '.join(self.inputs[:-1])} and {self.inputs[-1]}"
        return f"{self.name} (or {inputs})"

    @property
    def said(self) -> str:
        """Its formula in words; empty where it is a column."""
        return FORMULAS[self.formula].in_words(self.inputs) if self.formula else ""


class FeatureSet(Strict):
    """A choice among the survey's features, in the survey's order.

    `only` names those that belong to it, where it is not empty; `without` those that do not.
    """

    description: Text = ""
    only: tuple[Name, ...] = ()
    without: tuple[Name, ...] = ()

    def holds(self, name: str) -> bool:
        """Tell whether a feature belongs to the set."""
        return name not in self.without and (not self.only or name in self.only)


class Survey(Strict):
    """A survey: its columns, features, keys and cuts.

    Attributes
    ----------
    classes : Classes
        What a model of the survey tells apart, unless the user names others.
    closure : tuple of three str, optional
        Hardness ratios: of one spectrum, the inverse hyperbolic tangents of the first two sum to
        that of the third.
    planes : tuple of pairs of str
        Features that figures draw against each other.
    field : float, optional
        Size of a field on the sky, deg, whose sources are alike. Training then calibrates on fields
        that it has not seen; None where sources are as good as independent.
    faint_copies : bool
        Whether training adds detections again as they would be with fewer counts: `bands` and
        `needs` of the columns, and the spectral fits of `counts`, say what those do.
    query : Query, optional
        Of the archive; None where there is none.
    counts : tuple of CountsWay
        Ways to a detection's effective counts, the most trusted first.
    """

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=64)
    title: Text
    release: Text = ""
    reference: Text = ""
    default_features: str = "all"
    classes: Classes = PAPER_CLASSES
    closure: tuple[Name, Name, Name] | None = None
    planes: tuple[tuple[Name, Name], ...] = Field(default=(), max_length=100)
    field: float | None = Field(default=None, gt=0, le=30)
    faint_copies: bool = False
    query: Query | None = None
    counts: tuple[CountsWay, ...] = Field(default=(), max_length=50)
    columns: tuple[SurveyColumn, ...] = Field(min_length=1, max_length=5000)
    features: tuple[Feature, ...] = Field(min_length=1, max_length=200)
    feature_sets: dict[str, FeatureSet] = Field(
        default_factory=lambda: {"all": FeatureSet(description="all features")}
    )

    @model_validator(mode="after")
    def _consistent(self) -> Survey:
        columns, features = [c.name for c in self.columns], [f.name for f in self.features]
        _refuse_twice("column", columns)
        _refuse_twice("feature", features)
        _refuse_twice("column", [s for c in self.columns for s in {c.name, *map(_fold, c.also)}])
        needed = {f.name for f in self.features} | {i for f in self.features for i in f.inputs}
        _refuse_unknown("features use columns that are not described", needed, columns)
        if self.query is not None:
            selected = self.query.selected
            _refuse_unknown("the query selects columns that are not described", selected, columns)
        refuse_unmeasured(self.columns, self.counts)
        _refuse_unknown("closure names unknown features", self.closure or (), features)
        for plane in self.planes:
            _refuse_unknown("planes name unknown features", plane, features)
        for name, chosen in self.feature_sets.items():
            named = (*chosen.only, *chosen.without)
            _refuse_unknown(f"feature set {name} names unknown features", named, features)
            if not any(map(chosen.holds, features)):
                raise ValueError(f"feature set {name} has no feature")
        if self.default_features not in self.feature_sets:
            raise ValueError(f"default feature set {self.default_features} is not described")
        self._refuse_circle()
        return self

    def _refuse_circle(self) -> None:
        """Raise ValueError where a feature follows from itself."""
        inputs = {f.name: f.inputs for f in self.features}

        def follow(name: str, way: tuple[str, ...]) -> None:
            if name in way:
                raise ValueError(f"a feature follows from itself: {' <- '.join([*way, name])}")
            for one in inputs.get(name, ()):
                follow(one, (*way, name))

        for name in inputs:
            follow(name, ())

    def need_query(self) -> Query:
        """Return the query of the archive.

        Raises
        ------
        SettingError
            If the profile has none.
        """
        if self.query is None:
            raise SettingError(f"survey {self.name} has no archive: its profile has no [query]")
        return self.query

    def column(self, name: str) -> SurveyColumn:
        """Return the description of a column."""
        return next(c for c in self.columns if c.name == name)

    def feature(self, name: str) -> Feature | None:
        """Return the feature of that name, None where there is none."""
        return next((f for f in self.features if f.name == name), None)

    def gives(self, name: str, is_there: Callable[[str], bool]) -> bool:
        """Tell whether a table gives a column or feature: its own, or all that it follows from.

        Parameters
        ----------
        name : str
        is_there : callable
            Tells whether the table has a column.
        """
        if is_there(name):
            return True
        feature = self.feature(name)
        inputs = feature.inputs if feature else ()
        return bool(inputs) and all(self.gives(i, is_there) for i in inputs)

    def columns_of(self, features: Sequence[Feature]) -> set[str]:
        """Return the names of features, and of all that they follow from."""
        names: set[str] = set()
        for feature in features:
            further = [self.feature(i) for i in feature.inputs]
            names |= {feature.name, *feature.inputs}
            names |= self.columns_of([f for f in further if f is not None])
        return names

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
            raise SettingError(
                f"--features {name}: survey {self.name} has the sets {allowed}; or name columns, "
                "separated by commas"
            )
        chosen = tuple(f for f in self.features if self.feature_sets[name].holds(f.name))
        if only is None:
            return chosen
        kept = tuple(f for f in chosen if f.name in only)
        if [f.name for f in kept] != list(only):
            raise SettingError(f"{', '.join(only)} are not features of {name} in their order")
        return kept

    def with_features(self, names: Sequence[str]) -> Survey:
        """Return the survey with one more feature set, `OWN`, in the order given.

        Parameters
        ----------
        names : sequence of str
            Features or columns of the survey, or any other columns of numbers.

        Raises
        ------
        SettingError
            If a name is given twice, or is that of a column without numbers.
        """
        columns, features = list(self.columns), list(self.features)
        chosen: list[str] = []
        for given in names:
            column = self._named(given)
            if column is None:
                column = SurveyColumn(
                    name=identifier(given),
                    description=f"Column {given} of the table",
                    also=(given,) if given != identifier(given) else (),
                )
                columns.append(column)
            if column.kind == "text":
                raise SettingError(f"--features: {given} is a column of text: features are numbers")
            if column.name in chosen:
                raise SettingError(f"--features: {given} is named twice")
            if self.feature(column.name) is None:
                features.append(Feature(name=column.name))
            chosen.append(column.name)
        # What others follow from stays, behind them.
        order = sorted(features, key=lambda f: chosen.index(f.name) if f.name in chosen else 999)
        return self._changed(
            columns=tuple(columns),
            features=tuple(order),
            feature_sets={OWN: FeatureSet(description="columns of one's own", only=tuple(chosen))},
            default_features=OWN,
        )

    def _named(self, given: str) -> SurveyColumn | None:
        plain = given.casefold()
        for names in (lambda c: (c.name,), lambda c: map(_fold, c.also)):
            found = next((c for c in self.columns if plain in names(c)), None)
            if found is not None:
                return found
        return None

    def without_query(self) -> Survey:
        """Return the survey without its query, as a model file holds it."""
        return self._changed(query=None)

    def _changed(self, **parts: Any) -> Survey:
        return type(self).model_validate(
            {**{n: getattr(self, n) for n in type(self).model_fields}, **parts}
        )

    def described(self) -> dict[str, Column]:
        """Describe the columns as they are written: by name, with unit, UCD and meaning."""
        return {c.name: Column(c.name, c.unit, c.ucd, c.description) for c in self.columns}


def _fold(name: str) -> str:
    return name.strip().casefold()


def _refuse_twice(what: str, names: Sequence[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise ValueError(f"{what} {name} is described twice")
        seen.add(name)


def _refuse_unknown(what: str, names: Any, known: Sequence[str]) -> None:
    if unknown := sorted(set(names) - set(known)):
        raise ValueError(f"{what}: {', '.join(unknown)}")
