"""The parameters that a simulated survey is drawn from, and the space that they live in.

`populations.json` was fitted to real Chandra tables by ``tools/fit_populations.py``. It holds
parameters only (weights, means, covariances, rates), never a row of a real table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from xsift.classes import PAPER_CLASSES, code_of
from xsift.classes.text_file import read_text_file
from xsift.errors import ModelError

__all__ = [
    "CONSTANT_RATIO",
    "NEWQ_STRETCH",
    "Component",
    "MissingPattern",
    "Population",
    "Populations",
    "SkyPart",
    "Z",
    "draw_z",
    "features_from_z",
    "load_populations",
    "z_from_features",
]

Z = (
    "atanh_hm",
    "atanh_ms",
    "powlaw_gamma",
    "ln_bb_kt",
    "logit_prob_b",
    "ln_ratio_b",
    "logit_prob_h",
    "ln_ratio_h",
    "logit_prob_s",
    "ln_ratio_s",
)
"""The ten coordinates z of a detection, in their order. hard_hs follows from hm and ms."""

CONSTANT_RATIO = 1e-17
"""sigma / mean that stands for a constant light curve: what rounding leaves of 0 in the archive."""

NEWQ_STRETCH = 1e-3
"""ln(var_newq_b) over this, under asinh: most light curves lie within it of 0."""

_HARDNESS_LIMIT = 0.9995
_PROB_LIMIT = 1e-6  # closer to 0 or 1 counts as this; 1 - 1e-6 and above comes back as exactly 1
_RATIO_FLOOR = 1e-8  # rounding residues (1e-17) lie far below, real scatter above

Share = Annotated[float, Field(ge=0, le=1)]
Matrix = NDArray[np.float64]


class _Frozen(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Component(_Frozen):
    """A Gaussian component with a weight.

    Attributes
    ----------
    weight : float
    mean : tuple of float, length d
    covariance : tuple of float, length d (d + 1) / 2
        Lower triangle, row by row.
    """

    weight: Share
    mean: tuple[float, ...] = Field(min_length=1, max_length=50)
    covariance: tuple[float, ...]

    @model_validator(mode="after")
    def _positive(self) -> Component:
        d = len(self.mean)
        if len(self.covariance) != d * (d + 1) // 2:
            raise ValueError(f"a lower triangle of {d} dimensions has {d * (d + 1) // 2} numbers")
        if np.linalg.eigvalsh(self.matrix()).min() <= 0:
            raise ValueError("a covariance is not positive definite")
        return self

    def matrix(self) -> Matrix:
        """Return the covariance, (d, d)."""
        d = len(self.mean)
        lower = np.zeros((d, d))
        lower[np.tril_indices(d)] = self.covariance
        return lower + np.tril(lower, -1).T


class SkyPart(_Frozen):
    """A part of the sky where a share of a class lives.

    Attributes
    ----------
    kind : {"away", "plane", "bulge", "field"}
        ``away``: isotropic beyond `size_deg` from the Galactic plane. ``plane``: any longitude,
        latitude exponential with the scale `size_deg`. ``bulge``: normal in both about the
        Galactic centre. ``field``: normal about (`l_deg`, `b_deg`), e.g. a nearby galaxy.
    weight : float
    size_deg : float
    l_deg, b_deg : float
        Galactic, deg; used by ``field``.
    """

    kind: Literal["away", "plane", "bulge", "field"]
    weight: Share
    size_deg: float = Field(ge=0, le=90)
    l_deg: float = Field(default=0, ge=-180, le=360)
    b_deg: float = Field(default=0, ge=-90, le=90)


def _sum_to_one(weights: list[float], what: str) -> None:
    if abs(sum(weights) - 1) > 1e-3:
        raise ValueError(f"{what} sum to {sum(weights):.4g}, not to 1")


class Population(_Frozen):
    """One type of source: the distribution of its features and its place on the sky.

    Attributes
    ----------
    code : str
        SIMBAD code.
    spellings : tuple of str
        How catalogues write the type.
    share : float
        Share among the sources of its list.
    table, n_rows, n_sources
        What it was fitted to.
    components : tuple of Component
        Mixture of one detection's z (`Z`): the variability states of the class.
    sky : tuple of SkyPart
    """

    code: str
    spellings: tuple[str, ...] = Field(min_length=1)
    share: Share
    table: str
    n_rows: int = Field(ge=1)
    n_sources: int = Field(ge=1)
    components: tuple[Component, ...] = Field(min_length=1, max_length=20)
    sky: tuple[SkyPart, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _consistent(self) -> Population:
        if {code_of(s) for s in self.spellings} != {self.code}:
            raise ValueError(f"{self.spellings} are not spellings of {self.code}")
        if {len(c.mean) for c in self.components} != {len(Z)}:
            raise ValueError(f"{self.code}: components need {len(Z)} dimensions")
        _sum_to_one([c.weight for c in self.components], f"{self.code}: component weights")
        _sum_to_one([part.weight for part in self.sky], f"{self.code}: sky weights")
        return self


class MissingPattern(_Frozen):
    """Feature groups that are missing together, and how often."""

    missing: tuple[Literal["hm", "hs", "ms", "var_b", "var_h", "var_s"], ...]
    share: Share


class Populations(_Frozen):
    """The populations of a simulated survey.

    Attributes
    ----------
    package, inputs
        Version that fitted it and the SHA-256 of each table it was fitted to.
    intraclass : tuple of float, length 10
        Share of a component's variance in each z that lies between sources; the rest scatters
        from detection to detection.
    persistence : float
        Probability that a detection is in its source's own component; else one is drawn anew.
    newq : tuple of Component
        Mixture of (logit_prob_b, ln_ratio_b, asinh(ln(var_newq_b) / 1e-3)); var_newq_b is
        drawn given the first two.
    n_detections : tuple of float
        Probabilities of one and of two detections, and the exponent of the power law of more.
    max_detections : int
    ln_rate : tuple of float
        Mean and standard deviation of ln(var_mean_b / (count/s)), and the share of its variance
        between sources.
    sqrt_theta : tuple of Component
        Mixture of the square root of the off-axis angle (arcmin).
    closure : float
        Robust scatter of atanh(hm) + atanh(ms) - atanh(hs) in the archive.
    multi_obi : float
        Share of the detections that share obsid with another of the same source.
    missing : tuple of MissingPattern
    classes, others : tuple of Population
        The ten classes, and types that are none of them.
    """

    package: str
    inputs: dict[str, str]
    z: tuple[str, ...]
    intraclass: tuple[Share, ...] = Field(min_length=len(Z), max_length=len(Z))
    persistence: Share
    newq: tuple[Component, ...] = Field(min_length=1)
    n_detections: tuple[Share, Share, float]
    max_detections: int = Field(ge=3, le=1000)
    ln_rate: tuple[float, float, Share]
    sqrt_theta: tuple[Component, ...] = Field(min_length=1)
    closure: float = Field(ge=0, le=0.1)
    multi_obi: Share
    missing: tuple[MissingPattern, ...] = Field(min_length=1)
    classes: tuple[Population, ...]
    others: tuple[Population, ...] = Field(min_length=1)

    @field_validator("z")
    @classmethod
    def _same_space(cls, z: tuple[str, ...]) -> tuple[str, ...]:
        if z != Z:
            raise ValueError(f"fitted in the space {z}, this version draws in {Z}")
        return z

    @model_validator(mode="after")
    def _complete(self) -> Populations:
        if tuple(p.code for p in self.classes) != PAPER_CLASSES.codes:
            raise ValueError("the classes are not the paper's ten")
        if {p.code for p in self.others} & set(PAPER_CLASSES.codes):
            raise ValueError("a type of `others` is one of the ten classes")
        for what in (self.classes, self.others):
            _sum_to_one([p.share for p in what], "shares of the classes")
        _sum_to_one([m.share for m in self.missing], "shares of the missing patterns")
        return self


def load_populations(path: str | Path | None = None) -> Populations:
    """Read and check population parameters.

    Parameters
    ----------
    path : str or Path, optional
        A JSON file; the packaged one where none is given.

    Raises
    ------
    ModelError
        If the file cannot be read or holds parameters that make no sense.
    """
    packaged = resources.files("xsift.simulate").joinpath("populations.json")
    try:
        text = packaged.read_text(encoding="utf-8") if path is None else read_text_file(path)
        return Populations.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ModelError(
            f"{path or packaged}: not population parameters: {where}: {first['msg']}"
        ) from error
    except (OSError, ValueError) as error:
        raise ModelError(f"{path or packaged}: cannot be read: {error}") from error


def z_from_features(features: Mapping[str, Matrix]) -> Matrix:
    """Take detections to the space in which the populations are Gaussian mixtures.

    Parameters
    ----------
    features : mapping of name to array (n,)
        hard_hm, hard_ms, powlaw_gamma, bb_kt (keV) and var_prob_X, var_ratio_X for X in b, h, s.

    Returns
    -------
    array (n, 10)
        Columns as in `Z`. NaN stays NaN.
    """
    columns = [
        np.arctanh(np.clip(features["hard_hm"], -_HARDNESS_LIMIT, _HARDNESS_LIMIT)),
        np.arctanh(np.clip(features["hard_ms"], -_HARDNESS_LIMIT, _HARDNESS_LIMIT)),
        np.asarray(features["powlaw_gamma"]),
        np.log(features["bb_kt"]),
    ]
    for band in "bhs":
        prob = np.clip(features[f"var_prob_{band}"], _PROB_LIMIT, 1 - _PROB_LIMIT)
        columns.append(np.log(prob / (1 - prob)))
        columns.append(np.log(np.maximum(features[f"var_ratio_{band}"], _RATIO_FLOOR)))
    return np.column_stack(columns)


def features_from_z(z: Matrix) -> dict[str, Matrix]:
    """Take points of z back to features, inside their physical ranges.

    Parameters
    ----------
    z : array (n, 10)
        Columns as in `Z`.

    Returns
    -------
    dict of name to array (n,)
        The inputs of `z_from_features` and hard_hs, which closes the triangle
        atanh(hs) = atanh(hm) + atanh(ms). A ratio at the floor is `CONSTANT_RATIO`.
    """
    limit = np.arctanh(_HARDNESS_LIMIT)
    hm, ms = np.clip(z[:, 0], -limit, limit), np.clip(z[:, 1], -limit, limit)
    features = {
        "hard_hm": np.tanh(hm),
        "hard_hs": np.tanh(hm + ms),
        "hard_ms": np.tanh(ms),
        "powlaw_gamma": np.clip(z[:, 2], -5.0, 10.0),
        "bb_kt": np.exp(np.clip(z[:, 3], np.log(0.01), np.log(999.0))),
    }
    for i, band in enumerate("bhs"):
        prob = 1 / (1 + np.exp(-np.clip(z[:, 4 + 2 * i], -30, 30)))
        ratio = np.exp(np.clip(z[:, 5 + 2 * i], None, np.log(50.0)))
        features[f"var_prob_{band}"] = np.where(prob >= 1 - _PROB_LIMIT, 1.0, prob)
        features[f"var_ratio_{band}"] = np.where(ratio <= _RATIO_FLOOR, CONSTANT_RATIO, ratio)
    return features


def draw_z(
    kinds: Sequence[Population],
    kind: NDArray[np.int64],
    source: NDArray[np.int64],
    intraclass: Sequence[float] | Matrix,
    persistence: float,
    rng: np.random.Generator,
) -> Matrix:
    """Draw each detection's point in z.

    A source has a component of its class and an offset in standard deviations; a detection stays
    in that component with the probability `persistence`, and adds an offset of its own, so that
    the share `intraclass` of a component's variance lies between sources.

    Parameters
    ----------
    kinds : sequence of Population
    kind : array of int, (n_sources,)
        Population of each source.
    source : array of int, (n,)
        Source of each detection.
    intraclass : sequence of float, (10,)
    persistence : float

    Returns
    -------
    array (n, 10)
    """
    n, d = len(source), len(intraclass)
    of_source = rng.standard_normal((len(kind), d))[source]
    of_detection = rng.standard_normal((n, d))
    state, anew = rng.uniform(size=len(kind))[source], rng.uniform(size=n)
    quantile = np.where(rng.uniform(size=n) < persistence, state, anew)
    between = np.sqrt(np.asarray(intraclass))
    within = np.sqrt(1 - between**2)
    z = np.empty((n, d))
    for k in np.unique(kind):
        rows = np.flatnonzero(kind[source] == k)
        weight = np.array([c.weight for c in kinds[k].components])
        which = np.searchsorted(np.cumsum(weight / weight.sum())[:-1], quantile[rows])
        for i, component in enumerate(kinds[k].components):
            mine = rows[which == i]
            # The symmetric root keeps the meaning of a source's offset in every component.
            values, vectors = np.linalg.eigh(component.matrix())
            root = (vectors * np.sqrt(values)) @ vectors.T
            offset = between * (of_source[mine] @ root) + within * (of_detection[mine] @ root)
            z[mine] = np.array(component.mean) + offset
    return z
