"""The first look at a table in parts: what only the whole can say, and the model that fits it."""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError

from xsift.catalogue.warnings import recorded, warn_of_classes, warn_of_unused
from xsift.classes import Classes
from xsift.cluster import Workers
from xsift.errors import TableError, XsiftWarning
from xsift.features import Faintness, warn_of_limits
from xsift.model import Model, model_of
from xsift.model.file import load_model_tree
from xsift.model.look import look_at
from xsift.model.packaged import (
    chandra,
    fitting_model,
    model_by_names,
    packaged_models,
    refuse_other_model,
    twelfth_may_lack,
)
from xsift.model.sample import Sample, read_sample
from xsift.model.schema import ModelTree
from xsift.read import InMemory, Known, Look, Part, Parts, columns_beside
from xsift.read.naming import Naming
from xsift.read.table import asked_for, columns_to_read
from xsift.settings import Settings
from xsift.surveys import Feature, Survey
from xsift.write import Work, environment

__all__ = [
    "Asked",
    "Seen",
    "Tell",
    "Way",
    "fingerprint",
    "first_look",
    "heed_look",
    "quiet",
    "run_length",
    "whole_look",
]

Asked = ModelTree | str | Path | None
"""A model: as data, a file, the name of a packaged one; or none is named."""

Tell = Callable[[str, int, int], None]
"""Told of the step at hand, and of how many rows of how many are done."""

_IN_A_ROW = 4
_FORMAT = 1  # of the files in the folder of a work: another one starts anew
_EMPTY = np.empty(0)


@dataclass(frozen=True)
class Way:
    """How the parts of a table are read.

    Attributes
    ----------
    parts : Parts
    settings : Settings
    survey : Survey
    features : tuple of Feature
    need_all : bool
    classes : Classes, optional
        What detections are labelled with; where None, nothing is labelled.
    known : Known, optional
        Known objects; without them, the label column of the settings is one of the table.
    is_open : bool
        Whether the values are to tell which of Chandra's models fits.
    """

    parts: Parts
    settings: Settings
    survey: Survey
    features: tuple[Feature, ...]
    need_all: bool
    classes: Classes | None = None
    known: Known | None = None
    is_open: bool = False

    @classmethod
    def of(cls, parts: Parts, settings: Settings, tree: ModelTree | None) -> Way:
        """Return the way for a model; without one, that of a table of Chandra's."""
        if tree is None:
            return cls(parts, settings, *chandra(), False, is_open=True)
        survey = tree.survey_profile
        features = survey.feature_set(tree.feature_set, tree.features)
        return cls(parts, settings, survey, features, tree.method == "paper")

    @property
    def columns(self) -> list[str]:
        """The columns to read."""
        return self._columns[0]

    @property
    def called(self) -> dict[str, str]:
        """What the table calls columns of the survey that go by another name in it."""
        return self._columns[1].called

    @property
    def _columns(self) -> tuple[list[str], Naming]:
        more = [*self._beside, *self.settings.keep]
        names, where = list(self.parts.columns), self.parts.path
        with quiet():
            return columns_to_read(names, self.survey, where, self.settings.columns, more)

    @property
    def _beside(self) -> list[str]:
        settings, is_labelled = self.settings, self.classes is not None
        label = settings.label_column if is_labelled and self.known is None else None
        with_types = is_labelled and not self.need_all
        return columns_beside(settings.source_column, label, with_types, settings.type_column)

    @property
    def unlabelled(self) -> Way:
        """The same way without labels, nor columns that are kept."""
        settings = replace(self.settings, keep=())
        return replace(self, settings=settings, classes=None, known=None)

    def sample(self, part: Part, table: InMemory | TableError, look: Look) -> Sample:
        """Return a part as a sample; `look` is at the whole table, or an empty one.

        Raises
        ------
        TableError
            If the part could not be read.
        """
        if isinstance(table, TableError):
            raise table
        with self.parts.located(part):
            return read_sample(
                table,
                *(self.survey, self.features, self.settings, self.classes, self.known),
                need_all=self.need_all,
                look=look,
                heed=False,
            )

    def refuse_unknown(self) -> None:
        """Refuse columns of the user's that the table has not: before the work, not after it.

        Raises
        ------
        MissingColumnsError
        """
        named = self._columns[1]
        now = {actual: name for name, actual in named.called.items()}
        empty = named.apply(self.parts.empty_table)
        asked = [self.settings.label_column, self.settings.type_column]
        asked = [name for name in asked if name in self._beside]
        for name in (*asked, *self.settings.keep):
            if name is not None and name != "all":
                asked_for(empty, self.parts.path, now.get(name, name), empty.column_names)


@dataclass(frozen=True)
class Seen:
    """What the first look found.

    Attributes
    ----------
    way : Way
    look : Look
    tree : ModelTree
    model : Model
    path : Path or None
        The model's file.
    why : str
        Why it is this model, for the user.
    """

    way: Way
    look: Look
    tree: ModelTree
    model: Model
    path: Path | None
    why: str


def first_look(
    parts: Parts, asked: Asked, settings: Settings, work: Work, workers: Workers, tell: Tell
) -> Seen:
    """Look at a whole table, unless an earlier run did, and choose the model.

    Raises
    ------
    TableError
        If the table cannot serve.
    ModelError
        If there is no such model, or it is of another survey or of other features.
    """
    path, why, tree = _named_model(parts, asked, settings)
    way = Way.of(parts, settings, tree)
    look = whole_look(way, work, workers, tell)
    if tree is None:
        assert look.fit is not None
        path, why = fitting_model(look.fit)
        tree = load_model_tree(path)
    refuse_other_model(tree, settings, str(asked) if isinstance(asked, str | Path) else why)
    model = model_of(tree)
    warn_of_unused(look.given, tree.features, tree.survey_profile.feature_set(tree.feature_set))
    warn_of_classes(model)
    return Seen(way, look, tree, model, path, why)


def heed_look(way: Way, look: Look) -> None:
    """Warn of what was met in a whole table.

    Raises
    ------
    TableError
        If the table cannot serve.
    """
    where, source_column = way.parts.path, way.settings.source_column
    if not look.columns["name"].n_values:
        raise TableError(f"{where}: source column {source_column} is empty in every row")
    look.heed(way.survey, way.survey.columns_of(way.features), where)
    columns = [c.name for c in way.survey.columns]
    impossible, outside = (
        {name: found[name] for name in columns if name in found}
        for found in (look.impossible, look.outside)
    )
    warn_of_limits(Faintness(_EMPTY, impossible=impossible, outside=outside), where)


def whole_look(way: Way, work: Work, workers: Workers, tell: Tell) -> Look:
    """Look at the table, unless an earlier run did, and warn of what was met.

    Raises
    ------
    TableError
        If the table cannot serve.
    """
    said = work.done("look")
    try:
        look, notes = Look.model_validate((said or {})["look"]), list((said or {})["notes"])
    except (ValidationError, LookupError, TypeError):
        look, n_done, n_rows, numbers = Look(), 0, way.parts.n_rows, range(len(way.parts.parts))
        with recorded() as notes:
            way.refuse_unknown()
            together = run_length(numbers, workers)
            for n, found in workers.flow(_look_at, way.unlabelled, numbers, together):
                look, n_done = look + found, n_done + n
                tell("looking at the table", n_done, n_rows)
        work.mark("look", {"look": look.model_dump(mode="json"), "notes": notes})
    for note in notes:
        warnings.warn(note, XsiftWarning, stacklevel=2)
    heed_look(way, look)
    return look


def _look_at(way: Way, numbers: Sequence[int]) -> Iterator[tuple[int, Look]]:
    """Look at parts; give the rows of each, and what was found."""
    for part, table in way.parts.read(way.columns, numbers):
        with twelfth_may_lack() if way.is_open else nullcontext():
            look = look_at(way.sample(part, table, Look()))
        yield part.n_rows, look


def run_length(tasks: Sequence[Any], workers: Workers) -> int:
    """Return how many parts in a row a process is given: those of one file are read in turn."""
    return max(1, min(_IN_A_ROW, len(tasks) // (4 * workers.n)))


def _named_model(
    parts: Parts, asked: Asked, settings: Settings
) -> tuple[Path | None, str, ModelTree | None]:
    """Load the model, where the values of the table need not be known for the choice."""
    if isinstance(asked, ModelTree):
        return None, f"model {asked.model_id}, as given", asked
    found = model_by_names(list(parts.columns), asked, settings, parts.path)
    return (None, "", None) if found is None else (*found, load_model_tree(found[0]))


def fingerprint(
    parts: Parts, asked: Asked, settings: Settings, bucket_rows: int, *more: str
) -> str:
    """Return a digest of all that the files of a work depend on."""
    if isinstance(asked, ModelTree):
        by = asked.model_id
    else:
        is_file = asked is not None and Path(asked).exists()
        files = [Path(str(asked))] if is_file else packaged_models().values()
        by = f"{asked} {[_sha256(path) for path in files]}"
    said = [
        _FORMAT,
        parts.sha256,
        parts.parts[0].n_rows,
        bucket_rows,
        settings.as_dict(),
        by,
        [_sha256(Path(str(file))) for file in (settings.survey, settings.prior) if file],
        environment(),
        more,
    ]
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:16]


def _sha256(path: Path) -> str | None:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except (OSError, ValueError):
        return None


@contextmanager
def quiet() -> Iterator[None]:
    """Suppress warnings about a part: they are given for the whole table."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", XsiftWarning)
        yield
