"""The sources of a catalogue that a reader should look at first, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from xsift.catalogue.tables import NONE
from xsift.catalogue.view import CatalogueView

__all__ = ["RARE_SHARE", "Highlight", "Highlights", "highlights_of"]

RARE_SHARE = 0.05
"""Of the sources: a class with a smaller expected share is rare."""

_OF_A_CLASS = 2
_MOST = 8
_SURE = 0.5


@dataclass(frozen=True)
class Highlight:
    """A source, and the numbers that make it stand out.

    Attributes
    ----------
    name : str or int
    said : dict
        Its keys depend on the list. Rare: ``class``, ``title``, ``p`` and ``expected`` (sources of
        the class). Atypical: ``typicality``, ``class`` and ``title``. Mislabelled: ``label``,
        ``class``, ``p_label`` and ``p_class``.
    """

    name: Any
    said: dict[str, Any]


@dataclass(frozen=True)
class Highlights:
    """Lists of sources, the most remarkable first, and the reason if a list is empty.

    Attributes
    ----------
    rare, atypical, mislabelled : list of Highlight
        Sources of rare classes with a high probability. The least typical sources. Sources whose
        known label and verdict are of different groups.
    empty : dict of str to str
        Reason for each empty list.
    """

    rare: list[Highlight]
    atypical: list[Highlight]
    mislabelled: list[Highlight]
    empty: dict[str, str]

    @property
    def names(self) -> list[Any]:
        """Return the names of the sources, each once, in the order of the lists."""
        return list(dict.fromkeys(h.name for h in (*self.rare, *self.atypical, *self.mislabelled)))


def highlights_of(view: CatalogueView) -> Highlights:
    """Choose the sources to look at first."""
    wanted = ["name", "class", "typicality", "p_none", *view.classes.columns]
    table = view.found.read("sources", wanted)
    rare, atypical, wrong = _rare(view, table), _atypical(table, view), _mislabelled(view)
    empty = {}
    if not rare:
        empty["rare"] = (
            f"no source has a class with an expected share below {RARE_SHARE:.0%} and a "
            f"probability of {_SURE:g} or more"
        )
    if not atypical:
        empty["atypical"] = "the catalogue has no typicality"
    if isinstance(wrong, str):
        empty["mislabelled"] = wrong
    return Highlights(rare, atypical, wrong if isinstance(wrong, list) else [], empty)


def _rare(view: CatalogueView, table: pa.Table) -> list[Highlight]:
    """Return the sources that are most probably of a rare class, the rarest class first.

    First the best source of each class, then the second ones.
    """
    columns = dict(zip(view.classes.codes, view.classes.columns, strict=True)) | {NONE: "p_none"}
    found = []
    for k, code in enumerate(view.names):
        if columns[code] not in table.column_names:
            continue
        p = np.nan_to_num(_numbers(table, columns[code]))
        if not 0 < (expected := float(p.sum())) < RARE_SHARE * len(p):
            continue
        title = _title(view, code)
        mine = np.flatnonzero((view.code == k) & (p >= _SURE))
        best = mine[np.argsort(-p[mine], kind="stable")[:_OF_A_CLASS]]
        names = table["name"].take(pa.array(best)).to_pylist()
        for rank, (i, name) in enumerate(zip(best, names, strict=True)):
            said = {"class": code, "title": title, "p": float(p[i]), "expected": expected}
            found.append((rank, expected, Highlight(name, said)))
    return [h for *_, h in sorted(found, key=lambda row: row[:2])][:_MOST]


def _atypical(table: pa.Table, view: CatalogueView) -> list[Highlight]:
    if "typicality" not in table.column_names:
        return []
    known = table.filter(pc.is_finite(table["typicality"].cast(pa.float64())))
    order = pc.sort_indices(known, sort_keys=[("typicality", "ascending")])[:_MOST]
    rows = known.select(["name", "typicality", "class"]).take(order).to_pylist()
    for row in rows:
        row["title"] = _title(view, row["class"]) if row["class"] else ""
    return [Highlight(r.pop("name"), r) for r in rows]


def _title(view: CatalogueView, code: str) -> str:
    return "none of these" if code == NONE else view.classes.title_of(code)


def _mislabelled(view: CatalogueView) -> list[Highlight] | str:
    """Return sources of which a detection's verdict is of another group than its label; or why not.

    The least probable label comes first; of a source, the detection with the least.
    """
    if not view.found.has_detections:
        return "the catalogue has no detections, and so no labels"
    classes = view.classes
    columns = ["name", "label", "class", "group", *classes.columns]
    table = view.found.read("detections", [*columns, "p_none"])
    if missing := [c for c in columns if c not in table.column_names]:
        return f"the detections have no {', '.join(missing)}"
    group_of = {t: classes.classes[k].group for t, k in classes.index_of_type.items()}
    labelled = pc.is_in(table["label"].cast(pa.string()), value_set=pa.array(list(group_of)))
    if not pc.any(labelled).as_py():
        return "no detection has a label among the classes"
    table = table.filter(pc.and_(labelled, pc.is_valid(table["group"])))
    by_label = np.array([group_of[t] for t in table["label"].to_pylist()], dtype=object)
    by_verdict = np.array(table["group"].to_pylist(), dtype=object)
    p_label, p_class = (_of_groups(table, group, view) for group in (by_label, by_verdict))
    apart = np.flatnonzero((by_label != by_verdict) & pc.is_valid(table["name"]).to_numpy())
    if not len(apart):
        return "every labelled detection got a class of its label's group"
    found: dict[Any, Highlight] = {}
    chosen = apart[np.argsort(p_label[apart], kind="stable")]
    rows = table.select(["name", "label", "class"])
    for i in chosen:
        row = rows.slice(int(i), 1).to_pylist()[0]
        name = row.pop("name")
        said = row | {"p_label": float(p_label[i]), "p_class": float(p_class[i])}
        found.setdefault(name, Highlight(name, said))
        if len(found) == _MOST:
            break
    return list(found.values())


def _of_groups(table: pa.Table, group: np.ndarray, view: CatalogueView) -> np.ndarray:
    """Return each row's probability of the group that is named for it."""
    columns: dict[str, list[str]] = {NONE: ["p_none"]}
    for c in view.classes.classes:
        columns.setdefault(c.group, []).append(c.column)
    p = np.full(table.num_rows, np.nan)
    for name, of_group in columns.items():
        mine = np.flatnonzero(group == name)
        there = [c for c in of_group if c in table.column_names]
        if len(mine) and there:
            p[mine] = sum(_numbers(table, c)[mine] for c in there)
    return p


def _numbers(table: pa.Table, name: str) -> np.ndarray:
    return np.asarray(table[name].cast(pa.float64()).to_numpy(), dtype=np.float64)
