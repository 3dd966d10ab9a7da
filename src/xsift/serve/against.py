"""A served catalogue beside the classes of another: columns that say what the other calls a source.

The columns are the sources' own from then on: filters, tables, downloads and plots know them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from xsift.catalogue.folder import open_folder
from xsift.catalogue.tables import NONE
from xsift.catalogue.warnings import recorded
from xsift.compare import Mapping, load_mapping, translate
from xsift.errors import LabelError, SettingError
from xsift.label import Match, match_known
from xsift.read import read_known
from xsift.serve.catalogue import NO_CODE, Served
from xsift.surveys.columns import Column, with_metadata
from xsift.write.provenance import file_name

__all__ = ["AGREEMENT", "against"]

AGREEMENT = ("same group", "another group", "no class there", "not there")
_RADIUS = 1.0
_COLUMNS = {
    "other_class": Column("other_class", "", "src.class", "Class in the other catalogue"),
    "other_group": Column(
        "other_group", "", "src.class", "Group in the other catalogue, in the words of this one"
    ),
    "other_agrees": Column(
        "other_agrees", "", "meta.code", "Whether the other catalogue has the same group"
    ),
}


@dataclass(frozen=True, eq=False)
class _Other:
    """What another catalogue calls our sources: class and group, None where it does not say."""

    name: str
    found: Match
    classes: Sequence[str | None]
    groups: Sequence[str | None]
    merged: dict[str, str]
    title: str


def against(served: Served, other: Path, mapping: str | None = None) -> Served:
    """Add the classes of another catalogue to a served one, as columns.

    Parameters
    ----------
    served : Served
    other : Path
        A folder that `run`, `classify` or `vote` wrote, or a table with a class in each row.
    mapping : str, optional
        Mapping of the table's classes to ours, as in `xsift compare`. A folder needs none.

    Raises
    ------
    XsiftError
        If the other catalogue cannot be read, or has none of the sources.
    """
    with recorded() as notes:
        if other.is_dir():
            if mapping is not None:
                raise SettingError(
                    f"--mapping {mapping!r}: {other} is a folder of xsift's, whose groups are "
                    "compared as they are"
                )
            said = _folder(served, other)
        else:
            said = _table(served, other, mapping or "simbad")
    if not said.found.n_matched:
        raise LabelError(
            f"no source of {served.folder} has a counterpart in {other} ({said.found.how})"
        )
    return _beside(served, said, list(dict.fromkeys(notes)))


def _folder(served: Served, path: Path) -> _Other:
    found = open_folder(path)
    wanted = ["name", "ra", "dec", "class", "group"]
    table = found.read("sources", wanted)
    kept = [n for n in ("name", "ra", "dec") if n in table.column_names]
    known = table.select(kept).append_column("label", table["class"])
    here, there = served.sources["name"], table["name"].cast(served.sources["name"].type)
    has_names = pc.any(pc.is_in(here, value_set=there.combine_chunks())).as_py()
    match = match_known(served.sources, known, "name" if has_names else "auto", _RADIUS)
    group_of = {c.code: c.group for c in found.classes.classes} | {NONE: NONE}
    groups = [None if label is None else group_of.get(label) for label in match.label]
    own = {group: group for group in served.words["group"]}
    return _Other(_called(path), match, match.label, groups, own, "groups as they are")


def _table(served: Served, path: Path, mapping: str) -> _Other:
    rules: Mapping = load_mapping(mapping)
    known = read_known(path, served.survey, rules.class_columns)
    match = match_known(served.sources, known.table, "auto", _RADIUS)
    says = translate(match.label, rules, served.classes, mapping)
    spelled = [None if one is None else says.spelled.get(one, one) for one in match.label]
    merged = {group: rules.merged(group) for group in served.words["group"] if group != NONE}
    return _Other(_called(path), match, spelled, says.group, merged | {NONE: NONE}, rules.title)


def _called(path: Path) -> str:
    return str(file_name(path.resolve()))


def _beside(served: Served, said: _Other, notes: list[str]) -> Served:
    ours = [said.merged.get(word, word) for word in served.words["group"]]
    theirs = sorted({g for g in said.groups if g is not None} - set(ours))
    groups = (*dict.fromkeys(ours), *theirs)
    of_other = np.array(
        [NO_CODE if g is None else groups.index(g) for g in said.groups], dtype=np.uint8
    )
    own = np.full(NO_CODE + 1, NO_CODE, dtype=np.uint8)
    own[: len(ours)] = [groups.index(g) for g in ours]
    mine = own[served.codes["group"]]
    agrees = np.where(mine == of_other, 0, 1).astype(np.uint8)
    agrees[(of_other == NO_CODE) | (mine == NO_CODE)] = AGREEMENT.index("no class there")
    agrees[~said.found.is_matched] = AGREEMENT.index("not there")
    words = {"other_group": groups, "other_agrees": AGREEMENT}
    codes = {"other_group": of_other, "other_agrees": agrees}
    columns = {"other_class": pa.array(list(said.classes), pa.string())}
    columns |= {name: _spelled(codes[name], words[name]) for name in codes}
    # Not of the other's: a column of ours by that name, kept from a table, makes room.
    if kept := [name for name in columns if name in served.sources.column_names]:
        what = f"not served is the catalogue's own {', '.join(kept)}"
        notes = [*notes, f"{what}: what {said.name} says is called so"]
    sources = served.sources.drop_columns(kept)
    for name, column in columns.items():
        sources = sources.append_column(name, column)
    numbers = {name: values for name, values in served.numbers.items() if name not in columns}
    record = {
        "name": said.name,
        "mapping": said.title,
        "how": said.found.how,
        "merged": said.merged,
        "groups": list(groups),
        "notes": notes,
    }
    return replace(
        served,
        sources=with_metadata(sources, _COLUMNS).combine_chunks(),
        numbers=numbers,
        codes=served.codes | codes,
        words=served.words | words,
        against=record,
    )


def _spelled(codes: np.ndarray, words: Sequence[str]) -> pa.Array:
    there = pa.array(codes.astype(np.int32), mask=codes == NO_CODE)
    return pa.array(words).take(there)
