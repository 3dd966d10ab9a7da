"""`xsift compare`: a catalogue of ours against the classes of another."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from xsift import plots, read, surveys, write
from xsift.catalogue.columns import output_columns
from xsift.catalogue.folder import open_catalogue
from xsift.catalogue.warnings import recorded, warn_of_no_figures
from xsift.classes import PAPER_CLASSES, Classes
from xsift.compare import (
    NONE,
    Mapping,
    agreement,
    by_confidence,
    load_mapping,
    translate,
)
from xsift.errors import LabelError, MissingColumnsError, SettingError
from xsift.label import Match, match_known
from xsift.report import comparison_page
from xsift.report.evaluation_figures import svg_of
from xsift.surveys import Survey
from xsift.surveys.columns import Column, with_metadata
from xsift.write import Staging
from xsift.write.provenance import file_name, now
from xsift.write.tables import SUFFIXES

__all__ = ["Comparison", "OurSources", "compare", "read_ours"]

Progress = Callable[[str], None]
SCOPES = ("all", "comparable")


@dataclass(frozen=True, eq=False)
class OurSources:
    """The sources of a catalogue, each with its verdict.

    Attributes
    ----------
    path, sha256 : str
    table : pyarrow.Table
        name, ra and dec where known, n_detections, status and class.
    survey : Survey
    classes : Classes
    group : list of str
        Of each source: a group, or ``none``.
    p : ndarray of shape (n, C)
        Probabilities of the classes.
    p_none : ndarray of shape (n,)
    """

    path: str
    sha256: str
    table: pa.Table
    survey: Survey
    classes: Classes
    group: list[str]
    p: np.ndarray
    p_none: np.ndarray

    def keep(self, rows: np.ndarray) -> OurSources:
        """Return some of the sources."""
        chosen = np.arange(len(self.group))[rows]
        return replace(
            self,
            table=self.table.take(pa.array(chosen)),
            group=[self.group[i] for i in chosen],
            p=self.p[rows],
            p_none=self.p_none[rows],
        )


@dataclass(frozen=True, eq=False)
class Comparison:
    """Two catalogues beside each other.

    Attributes
    ----------
    record : dict
        What `comparison.json` holds.
    disagreements : pyarrow.Table
        The matched sources on which they differ, those that ours is surest of first.
    inputs : tuple of Path
        The files that were read: none of them is ever replaced by a result.
    """

    record: dict[str, Any]
    disagreements: pa.Table = field(repr=False)
    inputs: tuple[Path, ...] = ()

    def write(self, folder: str | Path, formats: Sequence[str] = ("parquet", "csv")) -> None:
        """Write `comparison.json`, `comparison.html` and the table of disagreements.

        Raises
        ------
        OutputError
            If the folder cannot be written; what was there is then unchanged.
        """
        with place(folder, self.inputs) as staging:
            self.stage(staging, formats)

    def stage(self, staging: Staging, formats: Sequence[str]) -> None:
        """Write the files to where `place` lets them appear together."""
        about = {"creator": f"xsift {write.environment()['xsift']}", "command": "compare"}
        figures = {scope: _figure(self.record[scope]) for scope in SCOPES}
        for form in dict.fromkeys(("parquet", *formats)):
            path = staging.path("disagreements" + SUFFIXES[form])
            write.write_table(self.disagreements, path, form, about)
        write.write_json(self.record, staging.path("comparison.json"))
        worst = self.disagreements.slice(0, 50).to_pylist()
        page = comparison_page(self.record, worst, figures)
        staging.path("comparison.html").write_text(page, "utf-8")


def place(folder: str | Path, inputs: Iterable[str | Path] = ()) -> Staging:
    """Return where a comparison is written: for the whole time of the work."""
    names = ["comparison.json", "comparison.html"]
    names += ["disagreements" + suffix for suffix in SUFFIXES.values()]
    return Staging(folder, names, "comparison", inputs)


def compare(
    catalogue: str | Path,
    other: str | Path,
    mapping: str | Path = "simbad",
    class_column: str | None = None,
    where: Sequence[str] = (),
    match: str = "auto",
    radius: float = 1.0,
    unique: bool = False,
    seed: int = 42,
    progress: Progress = lambda step: None,
) -> Comparison:
    """Compare the classes of a catalogue with those of another, source by source.

    Parameters
    ----------
    catalogue : str or Path
        A folder that `run`, `classify`, `vote` or `demo` wrote, or a published table of sources.
    other : str or Path
        Any table with a class and a name or a position per row, or such a folder.
    mapping : str or Path
        What its classes are called here: one that comes with xsift, or a TOML file.
    class_column : str, optional
        Of the other table; where None, the mapping's.
    where : sequence of str
        Conditions on the rows of the other table, such as ``CT>=2``.
    match : {"auto", "sky", "name"}
    radius : float
        arcsec.
    unique : bool
        Only sources whose two votes agree.
    seed : int
        Of the bootstrap.

    Raises
    ------
    XsiftError
        Where a table or the mapping cannot serve, or nothing matches.
    """
    if match not in ("auto", "sky", "name"):
        raise SettingError(f"--match {match!r}: sky, name or auto")
    if not 0 < radius <= 3600:
        raise SettingError(f"--radius {radius}: allowed is above 0, to 3600 arcsec")
    rules = load_mapping(mapping)
    with recorded() as notes:
        progress(f"reading {catalogue}")
        ours = read_ours(catalogue)
        if unique:
            ours = ours.keep(np.array(ours.table["status"].to_pylist()) == "unique")
        progress(f"reading {other}")
        path = Path(other)
        if path.is_dir():
            write.check_of_one_run(path)
            path = path / "sources.parquet"
        known = read.read_known(path, ours.survey, class_column or rules.class_columns, where)
        progress("matching")
        found = match_known(ours.table, known.table, match, radius)
        warn_of_no_figures()
    if not found.n_matched:
        raise LabelError(
            f"no source of {catalogue} has a counterpart in {other} ({found.how}): try --radius or "
            "--match"
        )
    says = translate(found.label, rules, ours.classes.groups, str(mapping))
    group = [rules.merged(g) if g != NONE else g for g in ours.group]
    confidence = _confidence(ours, rules)
    paired = np.array([g is not None for g in says.group])
    record = {
        "command": "compare",
        "catalogue": file_name(Path(catalogue).resolve()),
        "catalogue_sha256": ours.sha256,
        "other": file_name(Path(other).resolve()),
        "other_sha256": known.sha256,
        "mapping": {"name": file_name(mapping), **rules.model_dump(mode="json")},
        "settings": {
            "class_column": class_column,
            "where": list(where),
            "match": match,
            "radius": radius,
            "unique": unique,
            "seed": seed,
        },
        "counts": {
            "sources": len(ours.group),
            "other_rows": known.table.num_rows,
            "matched": found.n_matched,
            "other_rows_matched": found.n_used,
            "matched_without_a_class": found.n_matched - sum(c is not None for c in found.label),
            "ignored": sum(c is not None for c in found.label) - int(paired.sum()),
            "compared": int(paired.sum()),
        },
        "matched_how": found.how,
        **_figures(says.group, group, confidence, rules.groups(ours.classes.groups), seed),
        "by_class": _by_class(found.label, group, says.spelled, paired),
        "warnings": list(dict.fromkeys(notes)),
        "environment": write.environment(),
        "created": now(),
    }
    table = _disagreements(ours, group, confidence, found, says.group, says.spelled)
    return Comparison(record, table, (Path(catalogue).absolute(), path.absolute()))


def read_ours(path: str | Path) -> OurSources:
    """Read the sources of a catalogue that xsift wrote, or of a published table.

    Raises
    ------
    TableError
        If it is neither.
    """
    path = Path(path)
    if not path.is_dir():
        # The published tables of sources are the paper's.
        survey = surveys.load("csc20")
        given = read.read_published(path, survey, PAPER_CLASSES)
        kept = [k for k in ("name", "ra", "dec") if k in given.table.column_names]
        is_unique = "soft_master_class" not in read.read_table(path)[0].column_names
        table = given.table.select(kept).append_column("class", pa.array(given.code))
        table = table.append_column("n_detections", pa.array(given.n_detections))
        status = ["unique" if is_unique else "ambiguous"] * len(given.code)
        table = table.append_column("status", pa.array(status))
        groups = [PAPER_CLASSES.group_of(c) for c in given.code]
        nothing = np.zeros(len(groups))
        return OurSources(
            str(path), given.sha256, table, survey, PAPER_CLASSES, groups, given.p, nothing
        )
    found = open_catalogue(path)
    file, classes = found.sources, found.classes
    table, source = read.read_table(file)
    needed = ["name", "class", "group", "status", "n_detections", *classes.columns]
    if missing := [name for name in needed if name not in table.column_names]:
        raise MissingColumnsError(str(file), missing, table.column_names, "Write it anew")
    p = np.column_stack([_column(table, name) for name in classes.columns])
    p_none = _column(table, "p_none") if "p_none" in table.column_names else np.zeros(len(p))
    wanted = ("name", "ra", "dec", "class", "n_detections", "status")
    kept = [k for k in wanted if k in table.column_names]
    groups = table["group"].to_pylist()
    return OurSources(
        str(path), source.sha256, table.select(kept), found.survey, classes, groups, p, p_none
    )


def _column(table: pa.Table, name: str) -> np.ndarray:
    return np.asarray(np.nan_to_num(table[name].to_numpy().astype(np.float64)))


def _confidence(ours: OurSources, rules: Mapping) -> np.ndarray:
    """Return the probability of each source's group, merged as the mapping merges."""
    merged = np.array([rules.merged(group) for group in ours.group])
    of_class = np.array([rules.merged(c.group) for c in ours.classes.classes])
    out = ours.p_none.copy()
    for name in set(merged.tolist()) - {NONE}:
        rows = merged == name
        out[rows] = ours.p[np.ix_(rows, of_class == name)].sum(axis=1)
    return np.asarray(np.minimum(out, 1.0))


def _figures(
    theirs: Sequence[str | None],
    ours: Sequence[str],
    confidence: np.ndarray,
    groups: Sequence[str],
    seed: int,
) -> dict[str, Any]:
    """Return the figures of all pairs, and of those whose class ours can name."""
    pairs = [(t, o, p) for t, o, p in zip(theirs, ours, confidence, strict=True) if t is not None]
    found: dict[str, Any] = {}
    for scope in SCOPES:
        chosen = pairs if scope == "all" else [pair for pair in pairs if pair[0] != NONE]
        t, o = [pair[0] for pair in chosen], [pair[1] for pair in chosen]
        rows = [*groups, *([NONE] if NONE in t else [])]
        columns = [*groups, *([NONE] if NONE in ours else [])]
        found[scope] = agreement(t, o, rows, columns, seed).as_dict()
        p = np.array([pair[2] for pair in chosen])
        same = np.array([a == b for a, b in zip(t, o, strict=True)], dtype=bool)
        found[scope]["by_confidence"] = by_confidence(p, same)
    return found


def _by_class(
    labels: Sequence[str | None],
    ours: Sequence[str],
    spelled: dict[str, str],
    paired: np.ndarray,
) -> dict[str, dict[str, int]]:
    """Count our groups by the other's class, before the mapping: most frequent first."""
    counted: dict[str, dict[str, int]] = {}
    for label, group, takes_part in zip(labels, ours, paired, strict=True):
        if label is not None and takes_part:
            row = counted.setdefault(spelled.get(label, label), {})
            row[group] = row.get(group, 0) + 1
    return dict(sorted(counted.items(), key=lambda item: (-sum(item[1].values()), item[0])))


def _disagreements(
    ours: OurSources,
    group: Sequence[str],
    confidence: np.ndarray,
    found: Match,
    theirs: Sequence[str | None],
    spelled: dict[str, str],
) -> pa.Table:
    def said(label: str | None) -> str | None:
        return None if label is None else spelled.get(label, label)

    rows = np.array([t is not None and t != o for t, o in zip(theirs, group, strict=True)])
    at = np.flatnonzero(rows)
    at = at[np.argsort(-confidence[at], kind="stable")]
    table = ours.table.take(pa.array(at))
    separation = found.separation_arcsec[at]
    chosen = at.tolist()
    columns = {name: table[name] for name in table.column_names}
    columns |= {
        "group": pa.array([group[i] for i in chosen], type=pa.string()),
        "p_group": pa.array(confidence[at]),
        "other_class": pa.array([said(found.label[i]) for i in chosen], type=pa.string()),
        "other_group": pa.array([theirs[i] for i in chosen], type=pa.string()),
        "separation": pa.array(separation, mask=np.isnan(separation)),
    }
    about = {
        **ours.survey.described(),
        **output_columns(ours.classes),
        "p_group": Column("p_group", "", "stat.probability", "Probability of our group"),
        "other_class": Column("other_class", "", "src.class", "Class in the other catalogue"),
        "other_group": Column(
            "other_group", "", "src.class", "Its group here; none: ours cannot name it"
        ),
        "separation": Column(
            "separation", "arcsec", "pos.angDistance", "Distance to the other's position"
        ),
    }
    return with_metadata(pa.table(columns), about)


def _figure(found: dict[str, Any]) -> str | None:
    counts = np.array(found["confusion"])
    width = 2.2 + 0.7 * counts.shape[1]
    return svg_of(
        lambda ax: plots.cross_table(
            ax, counts, found["rows"], found["columns"], "other catalogue", "ours"
        ),
        (width, 1.6 + 0.6 * counts.shape[0]),
    )
