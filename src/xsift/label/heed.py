"""Known objects that match nothing, and types that are no class: said in words, with examples."""

from __future__ import annotations

import difflib
import warnings
from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from xsift.classes import Classes, in_vocabulary
from xsift.errors import LabelError, XsiftWarning
from xsift.label.match import Match, separations
from xsift.label.sort import Labels

__all__ = ["heed_matches", "refuse_no_class"]

_COMPARED = 5000


def heed_matches(
    detections: pa.Table, known: pa.Table, match: Match, where: str, radius_arcsec: float
) -> None:
    """Refuse known objects if none matches a detection; warn if few match by name.

    Parameters
    ----------
    detections, known : pyarrow.Table
        As given to `match_known`.
    match : Match
    where : str
        The file of known objects, for messages.
    radius_arcsec : float

    Raises
    ------
    LabelError
        If none matches; says what stands against what.
    """
    n = known.num_rows
    if match.n_used == 0:
        said = []
        if "sky" in match.how:
            said.append(_on_the_sky(detections, known, radius_arcsec))
        if "name" in match.how:
            said.append(_by_name(detections, known))
        raise LabelError(
            f"{where}: none of {n:,} known objects matches a detection: " + "; ".join(said)
        )
    if match.how == "name" and match.n_used < n / 2:
        warnings.warn(
            f"{where}: only {match.n_used:,} of {n:,} known objects match a detection by name",
            XsiftWarning,
            stacklevel=2,
        )


def refuse_no_class(labels: Labels, classes: Classes, where: str, column: str) -> None:
    """Refuse labels if none is a class; warn of words that are no SIMBAD types.

    Raises
    ------
    LabelError
        Names the types that were found.
    """
    if (labels.y >= 0).any():
        _warn_of_own_words(labels, where, column)
        return
    found = labels.counts(np.ones(len(labels.label), dtype=bool))
    shown = ", ".join(f"{code} ({n:,})" for code, n in list(found.items())[:5]) or "no type at all"
    more = ", ..." if len(found) > 5 else ""
    raise LabelError(
        f"{where}: column {column}: no type is one of the classes {', '.join(classes.codes)}; "
        f"found {shown}{more}: name the column of types with --label-column, or other classes "
        "with --classes"
    )


def _warn_of_own_words(labels: Labels, where: str, column: str) -> None:
    """Warn of labels that are neither classes nor types of SIMBAD: a spelling may hide a class."""
    found = labels.counts(labels.is_other)
    words = {c: n for c, n in found.items() if not in_vocabulary(c)}
    if words:
        shown = ", ".join(f"{word!r} ({n:,})" for word, n in list(words.items())[:5])
        more = ", ..." if len(words) > 5 else ""
        warnings.warn(
            f"{where}: column {column}: no SIMBAD types, and no classes of the model: "
            f"{shown}{more}: these detections are set aside",
            XsiftWarning,
            stacklevel=3,
        )


def _on_the_sky(detections: pa.Table, known: pa.Table, radius_arcsec: float) -> str:
    nearest = separations(detections, known)
    if not np.isfinite(nearest).any():
        return "one of the tables has no position"
    closest = np.nanmin(nearest)
    far = f"{closest:.3g} arcsec" if closest < 3600 else f"{closest / 3600:.3g} deg"
    text = f"the nearest pair is {far} apart (--radius {radius_arcsec:g} arcsec)"
    ra, ours = (np.nanmax(np.asarray(t["ra"].to_numpy(), dtype=float)) for t in (known, detections))
    if ra <= 24 < ours:
        text += f"; right ascensions of the known objects end at {ra:.3g}: are they hours?"
    return text


def _by_name(detections: pa.Table, known: pa.Table) -> str:
    names = [n for n in known["name"].to_pylist() if n]
    ours = list(dict.fromkeys(n for n in detections["name"].to_pylist() if n))
    if not names or not ours:
        return "one of the tables has no names"
    near = _closest(names[0], ours[:_COMPARED])
    return f"{names[0]!r} against {near!r}"


def _closest(name: str, names: Sequence[str]) -> str:
    found = difflib.get_close_matches(name, names, n=1, cutoff=0.0)
    return found[0] if found else names[0]
