"""Every setting of the main job: its default and its help, in one place.

The command line builds its options from this table, `run.json` records the values, and a test
holds the documentation to it.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from xsift.errors import SettingError, XsiftWarning

__all__ = [
    "CATALOGUE_FORMATS",
    "EARLIER_FEATURES",
    "EXPERIMENTS",
    "FORMATS",
    "METHODS",
    "SCORERS",
    "VERDICTS",
    "EvaluationSettings",
    "Settings",
    "column_pairs",
    "help_of",
]

SCORERS = ("paper", "calibrated")
VERDICTS = ("probable", "balanced")
FORMATS = ("parquet", "votable", "fits", "csv")
CATALOGUE_FORMATS = (*FORMATS, "hats")
EARLIER_FEATURES = {"csc12": "all", "csc11": "without-newq"}
"""What feature sets were called once, as models and catalogues of that time still say."""


def _setting(default: Any, doc: str) -> Any:
    if isinstance(default, dict):
        return field(default_factory=dict, metadata={"help": doc})
    return field(default=default, metadata={"help": doc})


@dataclass(frozen=True)
class Settings:
    """How a table of detections is classified.

    `help_of` a field is what the command line prints for it.
    """

    method: str = _setting(
        "calibrated",
        "'calibrated' gives calibrated probabilities and scores incomplete detections; 'paper' is "
        "the published method.",
    )
    features: str | None = _setting(
        None,
        "Feature set of the survey, such as all or without-newq; or numeric columns, separated by "
        "commas, such as hard_hs,powlaw_gamma,log_flux. [default: the survey's own set]",
    )
    survey: str | None = _setting(
        None,
        "Survey profile: csc20, csc21, 4xmm, erass1, 2sxps, or a TOML file of your own. [default: "
        "csc20, or csc21 with --features without-newq]",
    )
    columns: Mapping[str, str] = _setting(
        {}, "Use column COLUMN of TABLE as NAME of the survey, such as hard_hs=HS; may be repeated."
    )
    keep: Sequence[str] = _setting(
        (), "Copy this column of TABLE into the results; all: every column; may be repeated."
    )
    source_column: str = _setting(
        "name", "Column with the source name: detections with the same name are one source."
    )
    label_column: str | None = _setting(
        None, "Column of labels: of the labels file if you give one, else of TABLE."
    )
    type_column: str | None = _setting(
        None,
        "Column of SIMBAD types: detections of other types teach what is none of the classes. "
        "[default: otype, if TABLE has it]",
    )
    match: str = _setting(
        "auto", "Match labels by position (sky), by name, or auto: sky if both have positions."
    )
    radius: float = _setting(1.0, "Match radius on the sky, arcsec.")
    clusters: int = _setting(6, "Paper only: number of Gaussian components, K.")
    seed: int = _setting(42, "Seed of every random number.")
    min_members: int = _setting(
        12, "Paper only: labelled detections that a class needs in a cluster to be scored there."
    )
    closing: str = _setting(
        "auto",
        "Calibrated only: mismatch of the three hardness ratios. 'keep' it as a feature; 'remove' "
        "it, to classify other tables; 'auto': remove it if TABLE has limits or counts.",
    )
    missing: str = _setting(
        "auto",
        "Calibrated only: information in which features are missing. 'keep' it; 'remove' it; "
        "'auto': remove it if labelled detections lack other features than the rest.",
    )
    prior: str = _setting(
        "train",
        "Calibrated only: class shares of TABLE: 'train' (as in the training set), 'uniform', or a "
        "TOML file with a share for each class code and for 'none'.",
    )
    verdict: str = _setting(
        "probable",
        "Rule that chooses the class: 'probable' takes the most probable group, then class; "
        "'balanced' (calibrated only) takes the highest p / prior, so it finds more rare classes.",
    )
    vote_trained: bool = _setting(
        False, "Let training detections vote, too. Their probabilities are in-sample: too good."
    )

    def __post_init__(self) -> None:
        if self.features is not None and not isinstance(self.features, str):
            object.__setattr__(self, "features", ",".join(self.features))
        if self.survey is not None:
            object.__setattr__(self, "survey", str(self.survey))
        object.__setattr__(self, "columns", dict(self.columns))
        keep = (self.keep,) if isinstance(self.keep, str) else tuple(self.keep)
        object.__setattr__(self, "keep", keep)
        if self.features in EARLIER_FEATURES:
            now = EARLIER_FEATURES[self.features]
            warnings.warn(
                f"--features {self.features} is called {now} now", XsiftWarning, stacklevel=3
            )
            object.__setattr__(self, "features", now)
        _require(
            self.method in SCORERS, f"--method {self.method!r}: allowed are {', '.join(SCORERS)}"
        )
        _require(
            self.closing in ("auto", "keep", "remove"),
            f"--closing {self.closing!r}: auto, keep or remove",
        )
        _require(
            self.missing in ("auto", "keep", "remove"),
            f"--missing {self.missing!r}: auto, keep or remove",
        )
        _require(
            self.verdict in VERDICTS,
            f"--verdict {self.verdict!r}: allowed are {', '.join(VERDICTS)}",
        )
        _require(
            self.match in ("auto", "sky", "name"), f"--match {self.match!r}: sky, name or auto"
        )
        _require(1 <= self.clusters <= 1000, f"--clusters {self.clusters}: allowed is 1 to 1000")
        _require(0 <= self.seed < 2**32, f"--seed {self.seed}: allowed is 0 to 4294967295")
        _require(
            2 <= self.min_members <= 2**31,  # the model file's bound
            f"--min-members {self.min_members}: allowed is 2 to {2**31}",
        )
        _require(
            0 < self.radius <= 3600, f"--radius {self.radius}: allowed is above 0, to 3600 arcsec"
        )

    def as_dict(self) -> dict[str, Any]:
        """Return the values as plain data, for `run.json` and the model file."""
        return {**asdict(self), "keep": list(self.keep)}


def help_of(name: str) -> str:
    """Return the help text of the setting `name`."""
    return next(str(f.metadata["help"]) for f in fields(Settings) if f.name == name)


def column_pairs(said: Sequence[str]) -> dict[str, str]:
    """Read ``NAME=COLUMN`` pairs, as ``--column`` takes them.

    Raises
    ------
    SettingError
        If one is no pair, or gives a column of the survey again.
    """
    columns: dict[str, str] = {}
    for pair in said:
        name, equals, column = (part.strip() for part in pair.partition("="))
        if not (name and equals and column):
            raise SettingError(f"--column {pair}: give NAME=COLUMN, such as hard_hs=HS")
        if name in columns:
            raise SettingError(f"--column {pair}: {name} is {columns[name]} already")
        columns[name] = column
    return columns


def _require(ok: bool, message: str) -> None:
    if not ok:
        raise SettingError(message)


METHODS = (*SCORERS, "forest", "boosting", "svc")
EXPERIMENTS = ("folds", "sky", "shares", "missing", "none", "open", "faint")


@dataclass(frozen=True)
class EvaluationSettings:
    """How `xsift evaluate` validates, beside the `Settings` of what is validated.

    `fold_by` is a column of the table: sources with the same value stand on one side of each split.
    """

    methods: tuple[str, ...] = METHODS
    experiments: tuple[str, ...] = ("folds", "sky")
    folds: int = 5
    draws: int = 20
    fold_by: str | None = None

    def __post_init__(self) -> None:
        for option, chosen, allowed in (
            ("--methods", self.methods, METHODS),
            ("--experiments", self.experiments, EXPERIMENTS),
        ):
            unknown = [name for name in chosen if name not in allowed]
            said = f"{option} {','.join(chosen)}: allowed are {', '.join(allowed)}, each once"
            _require(bool(chosen) and not unknown and len(set(chosen)) == len(chosen), said)
        _require(2 <= self.folds <= 20, f"--folds {self.folds}: allowed is 2 to 20")
        _require(1 <= self.draws <= 1000, f"--draws {self.draws}: allowed is 1 to 1000")

    def as_dict(self) -> dict[str, Any]:
        """Return the values as plain data, for `evaluation.json`."""
        return asdict(self)
