"""A source's page: its card, how the vote went, where it lies, what is near."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from xsift.catalogue.card import Card, card_of
from xsift.classes import Classes
from xsift.errors import TableError
from xsift.serve.catalogue import Served, plain
from xsift.surveys import Survey

__all__ = ["card", "find", "links", "rows", "verdict"]

_DESIGNATION = re.compile(r"[jb]\d{4}")


def find(served: Served, name: str) -> int | str:
    """Find a source by name. Blanks, case and the survey's prefix do not matter.

    Returns
    -------
    int or str
        The index of the source. If none of its detections voted, it has no index; then its name.

    Raises
    ------
    TableError
        If no source matches, or more than one.
    """
    wanted = plain(name).as_py()
    # A designation alone (J004231.1+411621) is met behind any survey's prefix, too.
    ways = [pc.equal, *([pc.ends_with] if _DESIGNATION.match(wanted) else [])]
    for way in ways:
        found = np.flatnonzero(np.asarray(way(served.plain_names, wanted)))
        exact = [i for i in found if _name(served, int(i)) == name]
        found = np.array(exact) if exact else found
        if len(found) > 1:
            some = ", ".join(_name(served, int(i)) for i in found[:5])
            raise TableError(f"{name[:80]} may be {some}: name one")
        if len(found):
            return int(found[0])
    names, plain_names = served.unvoted
    for way in ways:
        found = np.flatnonzero(np.asarray(way(plain_names, wanted)))
        if len(found):
            return str(names[int(found[0])].as_py())
    raise TableError(f"no source {name[:80]!r} in this catalogue")


def card(served: Served, which: int | str) -> Card:
    """Return the card that `xsift show` prints, without the source's place in the catalogue."""
    mine = rows(served, which)
    source = served.sources.slice(which, 1).to_pylist()[0] if isinstance(which, int) else None
    if mine is None or served.model is None:
        return Card(source["name"] if source else which, source, None, served.classes)
    name = source["name"] if source else mine["name"][0].as_py()
    return card_of(name, mine, source, served.model)


def rows(served: Served, which: int | str) -> pa.Table | None:
    """Return the detections of a source, or None if the catalogue has no detections."""
    if served.detections is None:
        return None
    if isinstance(which, int):
        of_source, starts = served.detections_of
        return served.detections.take(of_source[starts[which] : starts[which + 1]])
    names = served.detections["name"].cast(pa.string())
    return served.detections.filter(pc.equal(names, which))


def verdict(card: Card) -> str:
    """Say whether detections of the source trained the model, and how the vote went."""
    first = f"{card.in_sample}. " if card.in_sample else ""
    return first + _vote(card)


def _vote(card: Card) -> str:
    source, classes = card.source, card.classes
    if source is None:
        return "No detection of this source voted: each says why."
    n = source["n_detections"]
    votes = f"{n} detection{'s'[: n != 1]} voted"
    code = source["class"]
    if code is None:
        return f"{votes}, and gave no class."
    title = _title(classes, code)
    p = _probability(source, classes, code)
    said = f"{votes}: {title} ({code})" + ("" if p is None else f" with probability {p:.2f}")
    second = _second(source, classes, code)
    if second is not None:
        # The group is chosen first: a class of another group may be more probable by itself.
        place = "before" if p is None or second[1] <= p else "by its group; by itself"
        said += f", {place} {_title(classes, second[0])} with {second[1]:.2f}"
    if source["status"] == "unique":
        return f"{said}; the mean of the probabilities and the count of votes agree."
    return (
        f"{said}; ambiguous, as the mean of the probabilities says {source['class_soft']} "
        f"and most detections say {source['class_hard']}."
    )


def links(card: Card, survey: Survey) -> list[dict[str, str]]:
    """Return links to more data on a source: for Chandra numbers, those of the archive."""
    out = []
    ra, dec = _position(card)
    if ra is not None and dec is not None:
        at = quote(f"{ra:.6f} {dec:+.6f}")
        out.append(
            {
                "title": "SIMBAD, within 5 arcsec",
                "url": "https://simbad.cds.unistra.fr/simbad/sim-coo?"
                f"Coord={at}&CooFrame=ICRS&Radius=5&Radius.unit=arcsec",
            }
        )
        out.append(
            {
                "title": "ESASky",
                "url": f"https://sky.esa.int/esasky/?target={at}&fov=0.1&cooframe=J2000",
            }
        )
    # A profile of the user's own may extend Chandra's, and have a title of its own.
    if not ("chandra" in survey.title.casefold() or str(card.name).startswith("2CXO")):
        return out
    obsids = dict.fromkeys(row.get("obsid") for row in card.detections or ())
    for obsid in [o for o in obsids if o is not None][:20]:
        url = f"https://cda.harvard.edu/chaser/startViewer.do?menuItem=details&obsid={int(obsid)}"
        out.append({"title": f"Chandra archive, observation {int(obsid)}", "url": url})
    return out


def _position(card: Card) -> tuple[float | None, float | None]:
    row: dict[str, Any] = card.source or (card.detections[0] if card.detections else {})
    return row.get("ra"), row.get("dec")


def _name(served: Served, index: int) -> str:
    return str(served.sources["name"][index].as_py())


def _title(classes: Classes, code: str) -> str:
    return "none of the classes" if code not in classes.codes else classes.title_of(code)


def _probability(source: dict[str, Any], classes: Classes, code: str) -> float | None:
    return dict(_ranked(source, classes)).get(code)


def _second(source: dict[str, Any], classes: Classes, code: str) -> tuple[str, float] | None:
    others = [pair for pair in _ranked(source, classes) if pair[0] != code]
    return others[0] if others and others[0][1] >= 0.005 else None


def _ranked(source: dict[str, Any], classes: Classes) -> Sequence[tuple[str, float]]:
    found = [(c.code, source.get(c.column)) for c in classes.classes]
    found.append(("none", source.get("p_none")))
    pairs = [(code, float(p)) for code, p in found if p is not None]
    return sorted(pairs, key=lambda pair: -pair[1])
