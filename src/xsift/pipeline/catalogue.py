"""A classified catalogue with its cards, anomalies and figures."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from xsift.catalogue import tables
from xsift.catalogue.anomalies import Anomalies, anomalies
from xsift.catalogue.card import SourceCard, source_card
from xsift.catalogue.folder import CatalogueFolder, open_folder, opened
from xsift.catalogue.summary import Shown, Summary, SummaryTable
from xsift.catalogue.view import view_catalogue
from xsift.classes import Classes
from xsift.errors import SettingError, TableError, nearest, need
from xsift.model.progress import parts_of
from xsift.pipeline.model import TrainedModel
from xsift.report.drawing import Drawing, NotDrawn
from xsift.report.report import compose, make_figure
from xsift.surveys import Survey
from xsift.write import Staging

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Catalogue", "Figures", "open_catalogue", "open_streamed"]


class Catalogue(tables.Catalogue):
    """A classified catalogue: the result of `run`, `classify`, `vote_table` and `open_catalogue`.

    Attributes
    ----------
    detections : pyarrow.Table or None
        All rows of the input, in its order; None in a catalogue of votes.
    sources : pyarrow.Table
        A row per source, sorted by name.
    model : TrainedModel or None
        None in a catalogue of votes.
    record : dict
        Provenance and counts: the content of `run.json`.
    """

    @classmethod
    def of(cls, found: tables.Catalogue) -> Catalogue:
        """Return a catalogue with all that is made of it."""
        model = None if found.model is None else TrainedModel.of(found.model)
        return cls(found.detections, found.sources, model, found.record, found.inputs)

    @property
    def survey(self) -> Survey:
        """The profile of its survey: columns, units, features."""
        return self._opened.survey

    @property
    def classes(self) -> Classes:
        """The classes of its model."""
        return self._opened.classes

    def card(self, source_name: str) -> SourceCard:
        """Return one source: its verdict, probabilities and detections.

        Parameters
        ----------
        source_name : str
            As in the catalogue; blanks, case and the survey's prefix do not matter.

        Raises
        ------
        TableError
            If the catalogue has no such source.
        """
        return source_card(source_name, self)

    def anomalies(self, most: int = 20) -> Anomalies:
        """Rank the detections, the least typical first (`xsift.anomalies`)."""
        return anomalies(self, most)

    @property
    def figures(self) -> Figures:
        """The figures of the report by name; each is drawn when you ask for it."""
        return self._figures

    def figure(self, name: str) -> Figure:
        """Draw a figure of the report: ``figures`` lists them.

        Raises
        ------
        SettingError
            If there is no figure of this name.
        TableError
            If the catalogue lacks the columns of the figure.
        MissingPackageError
            If Matplotlib is not installed.
        """
        return self._figures[name]

    def __getstate__(self) -> dict[str, Any]:
        # A drawing holds what no pickle takes, and is made again in no time.
        return {k: v for k, v in self.__dict__.items() if k not in ("_opened", "_figures")}

    @cached_property
    def _opened(self) -> CatalogueFolder:
        return opened(self)

    @cached_property
    def _figures(self) -> Figures:
        return Figures(self)


class _Written(Catalogue):
    """A catalogue in a folder: each part is read when it is asked for, and kept."""

    def __init__(self, folder: CatalogueFolder) -> None:
        self.__dict__["_folder"] = folder

    @property
    def _in_folder(self) -> CatalogueFolder:
        found: CatalogueFolder = self.__dict__["_folder"]
        return found

    @cached_property
    def sources(self) -> pa.Table:
        return self._in_folder.read("sources")

    @cached_property
    def detections(self) -> pa.Table | None:
        found = self._in_folder
        return found.read("detections") if found.has_detections else None

    @cached_property
    def model(self) -> TrainedModel | None:
        tree = self._in_folder.tree
        return None if tree is None else TrainedModel.of(tree)

    @cached_property
    def record(self) -> dict[str, Any]:
        return self._in_folder.record

    @property
    def folder(self) -> Path:
        return self._in_folder.path

    @cached_property
    def inputs(self) -> tuple[Path, ...]:
        return tuple(path for path in sorted(self.folder.absolute().iterdir()) if path.is_file())

    def stage(
        self, staging: Staging, formats: tuple[str, ...] = ("parquet", "votable")
    ) -> dict[str, Any]:
        if not isinstance(self.record.get("about"), dict) or "run_id" not in self.record:
            raise TableError(
                f"{self.folder}: no run.json that can be read: nothing says what made the tables"
            )
        return super().stage(staging, formats)


class Figures(Shown, Mapping[str, "Figure"]):
    """The figures of a catalogue's report by name: Matplotlib Figures, drawn on demand."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    @cached_property
    def _found(self) -> dict[str, Drawing | NotDrawn]:
        return {d.stem: d for d in compose(view_catalogue(self._catalogue))[0]}

    def __getitem__(self, name: str) -> Figure:
        need("matplotlib", "no figures")
        found = self._found.get(name)
        if isinstance(found, Drawing):
            return make_figure(found)
        if found is not None:
            raise TableError(f"no figure {name} of this catalogue: {found.why}")
        near = nearest(str(name), self._found)
        hint = f"did you mean {near}?" if near else f"there are {', '.join(self)}"
        raise SettingError(f"figure {name!r}: {hint}")

    def __contains__(self, name: object) -> bool:
        return isinstance(self._found.get(str(name)), Drawing)

    def __iter__(self) -> Iterator[str]:
        return (name for name, found in self._found.items() if isinstance(found, Drawing))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def _ipython_key_completions_(self) -> list[str]:
        return list(self)

    def summary(self) -> Summary:
        """Return the names and titles, and the reasons for figures that are left out."""
        drawn = [[n, d.title] for n, d in self._found.items() if isinstance(d, Drawing)]
        others = [d for d in self._found.values() if isinstance(d, NotDrawn)]
        lines = [f"{name}: {title}" for name, title in drawn]
        lines += [f"not drawn: {d.stem}: {d.why}" for d in others]
        table = SummaryTable("By name", ["", "shows"], drawn)
        return Summary(f"{len(drawn)} figures", lines, [table])

    def _repr_html_(self) -> str:
        found = self.summary()
        lines = [line for line in found.lines if line.startswith("not drawn")]
        return Summary(found.title, lines, found.tables).html()


def open_streamed(
    job: Callable[..., Any],
    table: str | Path,
    out: str | Path | None,
    workers: int | str | None,
    progress: Callable[[str], None],
) -> Catalogue:
    """Do a job on a table in parts, into a folder, and open what it wrote.

    Parameters
    ----------
    job : callable
        Takes ``out``, ``workers`` and ``tell``.
    table : str or Path
    out : str or Path, optional
        The folder: a table in parts needs one.
    workers, progress
        As `classify` takes them.

    Raises
    ------
    SettingError
        If there is no folder.
    """
    if out is None:
        raise SettingError(
            f"{table}: a table that is read in parts, whose results are written part by part: "
            "give --out, a folder for them"
        )
    job(out=out, workers=workers, tell=parts_of(progress))
    return open_catalogue(out)


def open_catalogue(folder: str | Path) -> Catalogue:
    """Open the folder of a catalogue; a table is read when you ask for it.

    Parameters
    ----------
    folder : str or Path
        Folder that `run`, `classify`, `vote` or `demo` wrote.

    Raises
    ------
    TableError
        If the folder holds no catalogue, or files of two runs.
    ModelError
        If its model cannot be used.
    """
    return _Written(open_folder(folder))
