"""What a model file holds: plain data, checked against this schema when it loads."""

from __future__ import annotations

import hashlib
import json
from typing import Literal

import numpy as np
from pydantic import Field, model_validator

from xsift import surveys
from xsift.classes import Classes
from xsift.errors import ModelError
from xsift.model.faint import EDGES
from xsift.model.schema_parts import (
    Array,
    LevelTree,
    MixtureTree,
    OpenScorerTree,
    PaperTree,
    Strict,
    in_digest,
    want,
    want_index,
    want_rising,
)
from xsift.model.training_rows import TrainingRowsTree
from xsift.model.validation import ValidationTree
from xsift.surveys import Survey

__all__ = ["MAX_BYTES", "VERSION", "CalibratedTree", "ModelTree", "TrainingTree"]

MAX_BYTES = 128 * 1024**2
VERSION = 5  # 4 knew no faint detections, and no kinds beside the plain classes
_MOST = 100_000


class CalibratedTree(Strict):
    """The calibrated method; d features, with the mismatch of hardness where that is kept."""

    closing: Literal["keep", "remove"]
    closure: list[int] | None
    knots: Array
    value: Array
    score: Array
    mixtures: list[MixtureTree] = Field(min_length=1, max_length=20)
    levels: list[LevelTree] = Field(min_length=1, max_length=20)
    scorers: list[OpenScorerTree] = Field(min_length=1, max_length=2)

    def n_judged(self, classes: Classes) -> int:
        """Return how many kinds the class mixtures tell apart."""
        return classes.n_plain if self.scorers[-1].opened is None else len(classes) + 1

    def check(self, n_raw: int, classes: Classes) -> None:
        """Raise ValueError where shapes or numbers cannot be a model's."""
        if self.closure is not None:
            want("closure", len(self.closure), 3)
            want_index("closure", np.array(self.closure), n_raw)
            want("closure", len(set(self.closure)), 3)
        d = n_raw + (self.closure is not None and self.closing == "keep")
        want("knots", self.knots.shape, (d,))
        if self.knots.dtype.kind != "i" or not 1 <= self.knots.min() <= self.knots.max() <= _MOST:
            raise ValueError(f"knots are to be whole numbers from 1 to {_MOST}")
        for name in ("value", "score"):
            want(name, getattr(self, name).shape, (int(self.knots.sum()),))
        for j, part in enumerate(np.split(self.value, np.cumsum(self.knots)[:-1])):
            if (np.diff(part) <= 0).any():
                raise ValueError(f"the knots of feature {j} are to rise")
        for j, part in enumerate(np.split(self.score, np.cumsum(self.knots)[:-1])):
            want_rising(f"the scores of feature {j}", part)
        for k, mixture in enumerate(self.mixtures):
            mixture.check(f"mixtures.{k}", d)
        if len(self.levels) not in (1, len(EDGES) + 1):
            raise ValueError(f"levels are to be 1 or {len(EDGES) + 1}")
        n_judged = self.n_judged(classes)
        for k, level in enumerate(self.levels):
            level.check(f"levels.{k}", d, n_judged)
        takes_counts = len(self.levels) > 1
        d += takes_counts  # trees see how faint a detection is
        n_responsibilities = sum(len(m.weights) for m in self.mixtures)
        want("scorers", len(self.scorers), 1 + takes_counts)
        for k, scorer in enumerate(self.scorers):
            scorer.check(f"scorers.{k}", d, n_responsibilities, classes, takes_counts)
            want(f"scorers.{k}.opened", scorer.opened is None, self.scorers[-1].opened is None)


class TrainingTree(Strict):
    """What the model was trained on, and how.

    `gaps` is what was measured of missing features, and done about them.
    """

    input: str
    input_sha256: str
    labels: str | None
    labels_sha256: str | None
    settings: dict[str, str | int | float | bool | list[str] | dict[str, str] | None]
    counts: dict[str, int]
    class_counts: dict[str, int]
    warnings: list[str]
    environment: dict[str, str]
    created: str
    gaps: dict[str, str | float | int] | None = None


class ModelTree(Strict):
    """Everything that classifies a detection, as plain data.

    `profile` is the survey's where it is not one that comes with xsift. `validation` is empty in
    files of earlier models.
    """

    format: Literal["xsift-model"] = "xsift-model"
    version: Literal[5] = 5
    method: Literal["paper", "calibrated"]
    survey: str
    release: str
    feature_set: str
    profile: Survey | None = None
    features: list[str] = Field(min_length=1, max_length=200)
    classes: Classes
    paper: PaperTree | None = None
    calibrated: CalibratedTree | None = None
    training: TrainingTree
    training_rows: TrainingRowsTree = Field(default_factory=TrainingRowsTree)
    evaluation: dict[str, float] | None = None
    validation: list[ValidationTree] = Field(default_factory=list, max_length=2)

    @model_validator(mode="after")
    def _sound(self) -> ModelTree:
        if (self.method == "paper") != (self.paper is not None) or (
            self.method == "calibrated"
        ) != (self.calibrated is not None):
            raise ValueError(f"a model of method {self.method} holds that method's part alone")
        part = self.paper or self.calibrated
        assert part is not None
        part.check(len(self.features), self.classes)
        return self

    @property
    def survey_profile(self) -> Survey:
        """The survey that the model was trained for.

        Raises
        ------
        ModelError
            If it is none that comes with this xsift, and the file does not hold it.
        """
        if self.profile is not None:
            return self.profile
        if self.survey not in surveys.names():
            raise ModelError(f"trained for survey {self.survey!r}, which this xsift knows not")
        return surveys.load(self.survey)

    @property
    def digest(self) -> str:
        """SHA-256 of all that the file says, however it is written there."""
        plain = self.model_dump(mode="python")
        if not plain["validation"]:
            del plain["validation"]  # earlier files do not have it, and keep their digest
        text = json.dumps(plain, sort_keys=True, default=in_digest)
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def model_id(self) -> str:
        """Fingerprint of what decides a classification: same numbers, same name.

        Input files, times, versions and the rows that trained do not enter: the same detections
        from a VOTable and from a FITS file train the same model.
        """
        digest = hashlib.sha256()
        text = [self.method, self.survey, *self.features]
        text += [*self.classes.codes, *self.classes.columns]
        if self.profile is not None:
            text += [f"{f.name} = {f.said}" for f in self.profile.features]
            text += [way.model_dump_json() for way in self.profile.counts]
        if self.paper is not None:
            text += [*self.paper.scaling.scaling, str(self.paper.min_members)]
        if self.calibrated is not None:
            text += [self.calibrated.closing]
        digest.update("\n".join(text).encode())
        part = self.paper or self.calibrated
        assert part is not None
        for array in part.arrays():
            digest.update(array.tobytes())
        return digest.hexdigest()[:12]
