"""`xsift compare`: a catalogue of ours against the classes of another."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from xsift import plots, read, write
from xsift.catalogue.columns import output_columns
from xsift.catalogue.summary import Shown, Summary, SummaryTable
from xsift.catalogue.tables import Catalogue
from xsift.catalogue.tabular import Tabular
from xsift.catalogue.warnings import recorded, warn_of_no_figures
from xsift.compare import (
    NONE,
    Mapping,
    agreement,
    by_confidence,
    load_mapping,
    translate,
)
from xsift.compare.ours import OurSources, read_ours
from xsift.errors import LabelError, SettingError
from xsift.label import Match, match_known
from xsift.model.progress import Progress, silent
from xsift.read import InMemory, as_input, is_path
from xsift.report import comparison_page
from xsift.report.evaluation_figures import svg_of
from xsift.surveys.columns import Column, with_metadata
from xsift.write import Staging
from xsift.write.provenance import file_name, now
from xsift.write.tables import SUFFIXES

__all__ = ["Comparison", "compare", "in_sample_note"]

SCOPES = ("all", "comparable")


@dataclass(frozen=True, eq=False, repr=False)
class Comparison(Shown, Tabular):
    """The comparison of two catalogues. Read as a table, it lists the disagreements.

    Attributes
    ----------
    record : dict
        Content of `comparison.json`.
    disagreements : pyarrow.Table
        The matched sources on which the catalogues differ. The sources with our highest
        probability come first. The sources that trained the model come last.
    inputs : tuple of Path
        The files that were read. A result never replaces one of them.
    """

    record: dict[str, Any]
    disagreements: pa.Table
    inputs: tuple[Path, ...] = ()

    def to_arrow(self) -> pa.Table:
        """Return the disagreements."""
        return self.disagreements

    def summary(self) -> Summary:
        """Return the counts, the agreement with its intervals, and the warnings, as text."""
        n = self.record["counts"]
        title = f"{self.record['catalogue']} against {self.record['other']}"
        first = in_sample_note(self.record["in_sample"], n["matched"])
        lines = [
            *(f"Warning: {note}" for note in first),
            f"{n['matched']:,} of {n['sources']:,} sources match; {n['compared']:,} compared, "
            f"{self.disagreements.num_rows:,} disagree",
        ]
        measures = ("accuracy", "balanced_accuracy", "kappa")
        found = {scope: self.record[scope] for scope in SCOPES}
        found |= {f"in-sample, {s}": self.record["in_sample"][s] for s in SCOPES if first}
        rows = [[s, f["n"], *(f[m] for m in measures)] for s, f in found.items()]
        for scope, count, *figures in rows:
            said = ", ".join(
                f"{m} {f['value']:.3f}" for m, f in zip(measures, figures, strict=True)
            )
            lines.append(f"{scope} ({count:,}): {said}")
        lines += [f"Warning: {w}" for w in self.record["warnings"] if w not in first]
        table = SummaryTable("Agreement, with 95 % intervals", ["", "n", *measures], rows)
        return Summary(title, lines, [table])

    def write(self, folder: str | Path, formats: Sequence[str] = ("parquet", "csv")) -> None:
        """Write `comparison.json`, `comparison.html` and the table of disagreements.

        Raises
        ------
        OutputError
            If the folder cannot be written. Its files then stay unchanged.
        """
        with place(folder, self.inputs) as staging:
            self.stage(staging, formats)

    def stage(self, staging: Staging, formats: Sequence[str]) -> None:
        """Write the files into a staging folder, so that all of them appear at the same time."""
        about = {"creator": f"xsift {write.environment()['xsift']}", "command": "compare"}
        figures = {scope: _figure(self.record[scope]) for scope in SCOPES}
        if self.record["in_sample"]["compared"]:
            more = self.record["in_sample"]
            figures |= {f"in_sample_{scope}": _figure(more[scope]) for scope in SCOPES}
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
    catalogue: Any,
    other: Any,
    mapping: str | Path = "simbad",
    class_column: str | None = None,
    where: Sequence[str] = (),
    match: str = "auto",
    radius: float = 1.0,
    unique: bool = False,
    seed: int = 42,
    progress: Progress | None = None,
) -> Comparison:
    """Compare the classes of a catalogue with those of another, source by source.

    Sources with a training detection are counted and compared separately. If all detections of a
    source trained the model, the training detections vote.

    Parameters
    ----------
    catalogue : Catalogue, str, Path or table in memory
        A catalogue in memory, or a folder that `run`, `classify`, `vote` or `demo` wrote. Or a
        published table of sources, as a file or in memory.
    other : Catalogue, str, Path or table in memory
        A catalogue, or any table with a class per row and a name or a position per row.
    mapping : str or Path
        Mapping of the other classes to ours: a mapping that comes with xsift, or a TOML file.
    class_column : str, optional
        Column of the other table that holds the class. [default: the column that the mapping
        names]
    where : sequence of str
        Conditions on the rows of the other table, such as ``CT>=2``.
    match : {"auto", "sky", "name"}
    radius : float
        arcsec.
    unique : bool
        Whether to compare only sources whose two votes agree.
    seed : int
        Seed of the bootstrap.

    Raises
    ------
    XsiftError
        If a table or the mapping cannot be used, or nothing matches.
    """
    progress = progress or silent
    if match not in ("auto", "sky", "name"):
        raise SettingError(f"--match {match!r}: sky, name or auto")
    if not 0 < radius <= 3600:
        raise SettingError(f"--radius {radius}: allowed is above 0, to 3600 arcsec")
    rules = load_mapping(mapping)
    with recorded() as notes:
        given = catalogue if isinstance(catalogue, Catalogue) else as_input(catalogue)
        name = _called(given)
        progress(f"reading {name}")
        ours = read_ours(given)
        if unique:
            ours = ours.keep(np.array(ours.table["status"].to_pylist()) == "unique")
        reference = _reference(other)
        other_name = _called(other if is_path(other) else reference)
        progress(f"reading {other_name}")
        known = read.read_known(reference, ours.survey, class_column or rules.class_columns, where)
        progress("matching")
        found = match_known(ours.table, known.table, match, radius)
        warn_of_no_figures()
    if not found.n_matched:
        raise LabelError(
            f"no source of {name} has a counterpart in {other_name} ({found.how}): try --radius "
            "or --match"
        )
    says = translate(found.label, rules, ours.classes, str(mapping))
    group = [rules.merged(g) if g != NONE else g for g in ours.group]
    confidence = _confidence(ours, rules)
    paired = np.array([g is not None for g in says.group])
    groups = rules.groups(ours.classes.groups)
    new = ~ours.in_sample
    in_sample = {
        **_counts(found, paired, ours.in_sample),
        "without_a_vote": len(ours.group) - ours.n_voted,
        **_figures(says.group, group, confidence, groups, seed, ours.in_sample),
    }
    counts = {
        **_counts(found, paired, new),
        "other_rows": known.table.num_rows,
        "other_rows_matched": found.n_used,
    }
    record = {
        "command": "compare",
        "catalogue": file_name(Path(name).resolve()),
        "catalogue_sha256": ours.sha256,
        "other": file_name(Path(other_name).resolve()),
        "other_sha256": known.sha256,
        "verdict": ours.verdict,
        "mapping": {"name": file_name(mapping), **rules.model_dump(mode="json")},
        "settings": {
            "class_column": class_column,
            "where": list(where),
            "match": match,
            "radius": radius,
            "unique": unique,
            "seed": seed,
        },
        "counts": counts,
        "matched_how": found.how,
        **_figures(says.group, group, confidence, groups, seed, new),
        "by_class": _by_class(found.label, group, says.spelled, paired & new),
        "in_sample": in_sample,
        "warnings": [*in_sample_note(in_sample, counts["matched"]), *dict.fromkeys(notes)],
        "environment": write.environment(),
        "created": now(),
    }
    table = _disagreements(ours, group, confidence, found, says.group, says.spelled)
    files = tuple(Path(given).absolute() for given in (given, reference) if is_path(given))
    return Comparison(record, table, files)


def in_sample_note(in_sample: dict[str, Any], n_new: int) -> list[str]:
    """Say how many matched sources trained the model, if any did.

    Parameters
    ----------
    in_sample : dict
        Entry ``in_sample`` of the record.
    n_new : int
        Number of matched sources that did not train the model.
    """
    if not (n := in_sample["matched"]):
        return []
    if not n_new:
        return [
            f"in-sample: all {n:,} sources that match trained the model: their agreement says "
            "nothing of new sources"
        ]
    return [
        f"in-sample: {n:,} of the {n + n_new:,} sources that match trained the model: they are "
        "compared apart"
    ]


def _counts(found: Match, paired: np.ndarray, rows: np.ndarray) -> dict[str, int]:
    """Count some of the sources: those that match, and what becomes of them."""
    n_matched = int(found.is_matched[rows].sum())
    n_classed = sum(c is not None for c, mine in zip(found.label, rows, strict=True) if mine)
    n_compared = int(paired[rows].sum())
    return {
        "sources": int(rows.sum()),
        "matched": n_matched,
        "matched_without_a_class": n_matched - n_classed,
        "ignored": n_classed - n_compared,
        "compared": n_compared,
    }


def _called(given: Any) -> str:
    """Return what an input is called."""
    if isinstance(given, Catalogue):
        return str(given.folder or "the catalogue")
    return str(given)


def _reference(other: Any) -> str | Path | InMemory:
    """Return the table with the other's classes; of a catalogue, that of its sources."""
    if isinstance(other, Catalogue):
        return as_input(other.sources, role=" of sources")
    given = as_input(other)
    if isinstance(given, InMemory) or not Path(given).is_dir():
        return given
    write.check_of_one_run(Path(given))
    return Path(given) / "sources.parquet"


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
    takes_part: np.ndarray,
) -> dict[str, Any]:
    """Return the figures of the pairs that take part, and of those whose class ours can name."""
    mine = zip(theirs, ours, confidence, takes_part.tolist(), strict=True)
    pairs = [(t, o, p) for t, o, p, wanted in mine if wanted and t is not None]
    found: dict[str, Any] = {}
    for scope in SCOPES:
        chosen = pairs if scope == "all" else [pair for pair in pairs if pair[0] != NONE]
        t, o = [pair[0] for pair in chosen], [pair[1] for pair in chosen]
        rows = [*groups, *([NONE] if NONE in t else [])]
        columns = [*groups, *([NONE] if NONE in ours else [])]
        found[scope] = agreement(t, o, rows, columns, seed).as_dict()
        p = np.array([pair[2] for pair in chosen], dtype=np.float64)
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
    at = at[np.lexsort((-confidence[at], ours.in_sample[at]))]
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
        "in_sample": pa.array(["no", "yes"]).take(pa.array(ours.in_sample[at].astype(np.int8))),
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
        "in_sample": Column(
            "in_sample", "", "meta.code", "yes: a detection of it trained the model"
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
