"""What a survey says of a measurement: its column, its limits, and how faint they show it to be."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import NormalDist
from typing import Annotated, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

__all__ = ["NAME", "CountsWay", "Name", "Strict", "SurveyColumn", "Text", "refuse_unmeasured"]

Kind = Literal["text", "integer", "float"]
Way = Literal["hardness", "flux", "fit", "counts", "significance", "likelihood"]

NAME = r"^[a-z][a-z0-9_]*$"
Name = Annotated[str, Field(pattern=NAME, max_length=64)]
Text = Annotated[str, Field(max_length=2000)]
Band = Annotated[str, Field(pattern=r"^[ -~]+$", max_length=64)]


class Strict(BaseModel):
    """A part of a profile: no key but those it names."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class SurveyColumn(Strict):
    """A column of the release: unit, UCD, meaning, possible values and limits.

    `low` and `high` are inclusive, in `unit`; `above` excludes its own value. None: no bound.
    `period` is the full turn of an angle: values less than a turn outside 0 to `period` wrap.
    `also` are other names of the column, in the survey's releases or at VizieR: the first that a
    table has serves where the table has no column `name`.

    A measurement has limits (`lolim` and `hilim`), one error (`error`), or one in each direction
    (`error_up`, `error_down`; their signs do not matter): these are columns, too. They are 1 sigma
    (68.27 %), or hold the value with probability `confidence`. `bands` makes a column a hardness
    ratio (a - b) / (a + b), and names the bands a and b. `needs` are the counts below which the
    survey gives no value, or one that says nothing.
    """

    name: Name
    kind: Kind = "float"
    unit: Text = ""
    ucd: Text = ""
    description: Text
    low: float | None = None
    high: float | None = None
    above: float | None = None
    period: float | None = Field(default=None, gt=0)
    also: tuple[Text, ...] = Field(default=(), max_length=50)
    bands: tuple[Band, Band] | None = None
    lolim: Name | None = None
    hilim: Name | None = None
    error: Name | None = None
    error_up: Name | None = None
    error_down: Name | None = None
    confidence: float | None = Field(default=None, gt=0, lt=1)
    needs: float | None = Field(default=None, gt=0, allow_inf_nan=False)

    @model_validator(mode="after")
    def _one_kind_of_limits(self) -> SurveyColumn:
        pairs = (self.lolim, self.hilim), (self.error_up, self.error_down)
        given = [pair for pair in (*pairs, (self.error,)) if any(pair)]
        if len(given) > 1 or not all(all(pair) for pair in given):
            raise ValueError("limits: give lolim and hilim, or error, or error_up and error_down")
        if self.confidence is not None and not given:
            raise ValueError("confidence says nothing where there are neither limits nor errors")
        if self.kind == "text" and (given or self.bands):
            raise ValueError("a column of text has neither limits nor bands")
        return self

    @property
    def limits(self) -> tuple[str, ...]:
        """The columns of its limits or errors, the lower ones first; empty where it has none."""
        named = (self.lolim, self.hilim, self.error, self.error_down, self.error_up)
        return tuple(name for name in named if name is not None)

    @property
    def sigmas(self) -> float:
        """Distance of the limits or errors, in standard deviations."""
        return 1.0 if self.confidence is None else NormalDist().inv_cdf((1 + self.confidence) / 2)

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


class CountsWay(Strict):
    """A rule for the effective counts of a detection: n = `factor` q ** `power`.

    Effective counts are those without background that know the spectrum as well as the detection
    does. With the value x of a column and the half-width s of its limits, or its error, q is

    ============  ===================================================================
    `way`         q
    ============  ===================================================================
    hardness      the counts that the limits of all `columns` together tell (`counts`)
    flux          (x / s) ** 2
    fit           1 / s ** 2; (x / s) ** 2 where `relative`
    counts        x
    significance  x ** 2
    likelihood    x
    ============  ===================================================================

    Of several `columns` the first that gives a number serves, but for hardness ratios.
    """

    way: Way
    columns: tuple[Name, ...] = Field(min_length=1, max_length=20)
    factor: float = Field(default=1.0, gt=0, allow_inf_nan=False)
    power: float = Field(default=1.0, gt=0, le=10)
    relative: bool = False


def refuse_unmeasured(columns: Sequence[SurveyColumn], counts: Sequence[CountsWay]) -> None:
    """Refuse limits and ways to counts that name no fitting columns.

    Raises
    ------
    ValueError
    """
    of = {c.name: c for c in columns}
    named = {n for c in columns for n in c.limits} | {n for way in counts for n in way.columns}
    if unknown := sorted(named - set(of)):
        said = ", ".join(unknown)
        raise ValueError(f"limits and counts use columns that are not described: {said}")
    if texts := sorted(n for n in named if of[n].kind == "text"):
        raise ValueError(f"limits and counts use columns of text: {', '.join(texts)}")
    for way in counts:
        for name in way.columns:
            if way.way in ("hardness", "flux", "fit") and not of[name].limits:
                raise ValueError(f"counts by {way.way}: {name} has neither limits nor an error")
            if way.way == "hardness" and of[name].bands is None:
                raise ValueError(f"counts by hardness: {name} does not name its bands")
