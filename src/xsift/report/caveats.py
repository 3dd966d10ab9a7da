"""What a reader of this very catalogue should know before using it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pyarrow.compute as pc

from xsift.catalogue.view import CatalogueView
from xsift.model.faint import BRIGHT, EDGES
from xsift.model.schema import ModelTree
from xsift.score.none import NONE_SHARE

__all__ = ["FEWEST_TRAINED", "Caveat", "caveats_of", "faint_share"]

FEWEST_TRAINED = 50
"""Training detections below which a class is called rare in training."""

_ATYPICAL = 0.05  # expected share of detections with a typicality below that
_FAINT = 0.1
_MISSING = 0.1
_AMBIGUOUS = 0.1
_UNLIKE = "this table is unlike the training table"
_REPEATED = {
    "shift": (_UNLIKE,),
    "in-sample": ("in-sample:", "sources without a vote"),
    "untrained": ("no labelled detections of ",),
    "unscored": ("detections without any feature",),
}
"""How the warnings begin that a caveat of a kind repeats."""


class Caveat(NamedTuple):
    """A kind of caveat, such as ``shift``, and a sentence or two."""

    kind: str
    text: str


def caveats_of(view: CatalogueView) -> list[Caveat]:
    """Return the caveats that apply to a catalogue, the most serious first.

    Caveats from the record, the model and the tables come first. Further warnings of the run
    follow.
    """
    tree = view.found.tree
    found = [
        *_method(view),
        *([Caveat("in-sample", str(view.in_sample))] if view.in_sample.trained else []),
        *_shift(view.record),
        *_faint(view),
        *([] if tree is None else _few_trained(view, tree)),
        *([] if tree is None else _none(tree)),
        *_missing(view.record),
        *_ambiguous(view),
    ]
    kinds = {c.kind for c in found}
    return found + [Caveat("warning", _sentence(w)) for w in _warnings(view.record, kinds)]


def _method(view: CatalogueView) -> Iterator[Caveat]:
    if view.method == "paper":
        yield Caveat(
            "method",
            "The probabilities of the paper's method are overconfident: read them as ranks. The "
            "expected numbers and their intervals are too sure, too.",
        )


def _shift(record: dict[str, Any]) -> Iterator[Caveat]:
    """Say how the table differs from the training table, where the run warned of it."""
    said = record.get("shift")
    if not isinstance(said, dict) or not any(w.startswith(_UNLIKE) for w in _all_warnings(record)):
        return
    figures = {k: v for k, v in said.items() if isinstance(v, int | float)}
    share = figures.pop("atypical", None)
    if share is None:
        return
    most = sorted(figures, key=lambda name: -figures[name])[:3]
    named = ", ".join(f"{name} ({figures[name]:.2f})" for name in most)
    differ = f" Features that differ most, by their largest distance (0 to 1): {named}."
    yield Caveat(
        "shift",
        f"This table differs from the training table: {share:.0%} of its detections have a "
        f"typicality below {_ATYPICAL:g}, where {_ATYPICAL:.0%} are expected. The probabilities "
        f"may be off.{differ * bool(most)}",
    )


def faint_share(view: CatalogueView) -> tuple[float, int, int]:
    """Return the share and number of faint detections, and the number of all; 0 if unknown."""
    if not view.found.has_detections:
        return 0.0, 0, 0
    table = view.found.read("detections", ["effective_counts"])
    if "effective_counts" not in table.column_names or not table.num_rows:
        return 0.0, 0, table.num_rows
    n = int(pc.sum(pc.less(table["effective_counts"], EDGES[BRIGHT - 1])).as_py() or 0)
    return n / table.num_rows, n, table.num_rows


def _faint(view: CatalogueView) -> Iterator[Caveat]:
    share, n, n_all = faint_share(view)
    if share > _FAINT:
        yield Caveat(
            "faint",
            f"{share:.0%} of the detections ({n:,} of {n_all:,}) are faint: fewer than "
            f"{EDGES[BRIGHT - 1]:g} effective counts. Their probabilities are less decided.",
        )


def _few_trained(view: CatalogueView, tree: ModelTree) -> Iterator[Caveat]:
    """Name classes of few training detections that sources were given, and those without any."""
    n = np.bincount(view.code[view.code >= 0], minlength=len(view.names))
    trained = {c: tree.training.class_counts.get(c, 0) for c in view.classes.codes}
    given = dict(zip(view.names, n.tolist(), strict=True))
    few = [
        f"{c} ({trained[c]:,} in training, {given[c]:,} source{'s'[: given[c] != 1]} here)"
        for c in view.classes.codes
        if 0 < trained[c] < FEWEST_TRAINED and given.get(c)
    ]
    if few:
        yield Caveat(
            "few",
            f"Classes with fewer than {FEWEST_TRAINED} training detections are recognised poorly: "
            f"{', '.join(few)}.",
        )
    if without := [c for c in view.classes.codes if not trained[c]]:
        yield Caveat(
            "untrained",
            f"No source can be given these classes, as training had none of them: "
            f"{', '.join(without)}.",
        )


def _none(tree: ModelTree) -> Iterator[Caveat]:
    part = tree.calibrated
    if part is not None and part.scorers[-1].opened is None:
        yield Caveat(
            "none",
            "The model has learned nothing of other kinds of source. The share of none of the "
            f"classes is stated, not learned: {NONE_SHARE:.0%}.",
        )


def _missing(record: dict[str, Any]) -> Iterator[Caveat]:
    counts = _counts(record)
    n, lacking, unscored = (
        counts.get(k, 0) for k in ("detections", "with_missing_features", "unscored")
    )
    if n and unscored:
        yield Caveat("unscored", f"{unscored:,} of {n:,} detections could not be classified.")
    if n and lacking > _MISSING * n:
        yield Caveat(
            "missing",
            f"{lacking / n:.0%} of the detections ({lacking:,}) lack a feature. Faint detections "
            "lack more, so these detections differ from the others.",
        )


def _ambiguous(view: CatalogueView) -> Iterator[Caveat]:
    n = int((view.code >= 0).sum())
    ambiguous = int(((view.code >= 0) & ~view.is_unique).sum())
    if ambiguous > _AMBIGUOUS * n:
        yield Caveat(
            "ambiguous",
            f"{ambiguous / n:.0%} of the sources ({ambiguous:,}) are ambiguous: the class by the "
            "mean probabilities is not the most frequent class of the detections.",
        )


def _counts(record: dict[str, Any]) -> dict[str, int]:
    said = record.get("counts")
    return {k: v for k, v in said.items() if type(v) is int} if isinstance(said, dict) else {}


def _all_warnings(record: dict[str, Any]) -> list[str]:
    warned = record.get("warnings")
    return [w for w in warned if isinstance(w, str)] if isinstance(warned, list) else []


def _warnings(record: dict[str, Any], kinds: set[str]) -> Iterator[str]:
    """Give the warnings of the run that no caveat repeats."""
    repeated = tuple(
        begin for kind, begins in _REPEATED.items() if kind in kinds for begin in begins
    )
    yield from (w for w in _all_warnings(record) if not w.startswith(repeated))


def _sentence(warning: str) -> str:
    text = warning.strip()
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")
