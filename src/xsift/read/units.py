"""Units as files declare them, and what turns them into the profile's."""

from __future__ import annotations

import re
import warnings

import pyarrow as pa

from xsift.errors import TableError
from xsift.surveys import SurveyColumn

__all__ = ["declared_unit", "plain_name", "unit_factor"]

# "bb_kt [keV]", "ra (deg)": the unit behind the name.
_BRACKETED = re.compile(r"^(?P<name>[^\[(]*\S)\s*[\[(]\s*(?P<unit>[^\])]*?)\s*[\])]$")
# What stands for "has no unit"; compared in lower case.
_NO_UNIT = frozenset(
    ("", "-", "--", "---", "none", "null", "n/a", "na", "unitless", "dimensionless", "no unit")
)
# As people and HEASARC write them, by their lower case. A word is looked up only where astropy
# does not know it as it stands, or where what astropy takes it for does not convert (EV: exavolt).
_SPELLED = {
    **dict.fromkeys(("deg", "degs", "degree", "degrees"), "deg"),
    **dict.fromkeys(("rad", "radian", "radians"), "rad"),
    **dict.fromkeys(("arcmin", "arcmins", "arcminute", "arcminutes"), "arcmin"),
    **dict.fromkeys(("arcsec", "arcsecs", "arcsecond", "arcseconds"), "arcsec"),
    **dict.fromkeys(("hourangle", "hours", "hour"), "hourangle"),
    **dict.fromkeys(("ct", "cts", "count", "counts"), "count"),
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), "s"),
    **dict.fromkeys(("ph", "photon", "photons"), "photon"),
    **dict.fromkeys(("erg", "ergs"), "erg"),
    **dict.fromkeys(("percent", "pct"), "%"),
    **{"ev": "eV", "kev": "keV", "cm": "cm", "m": "m", "cps": "count s-1", "joule": "J"},
    **{"w": "W", "watt": "W", "ks": "ks", "per": "/"},
}
_WORD = re.compile(r"[A-Za-z]+")


def plain_name(name: str) -> str:
    """Return a column's name without blanks around it and without a unit in brackets behind it.

    >>> plain_name(" bb_kt [keV]"), plain_name("ra (deg)"), plain_name("hard_hm")
    ('bb_kt', 'ra', 'hard_hm')
    """
    found = _BRACKETED.match(name.strip())
    return found["name"] if found else name.strip()


def declared_unit(field: pa.Field) -> str:
    """Return the unit that a file declares for a column: its own, else that behind the name."""
    own = (field.metadata or {}).get(b"unit", b"").decode("utf-8", "replace").strip()
    if own.casefold() not in _NO_UNIT:
        return str(own)
    found = _BRACKETED.match(field.name.strip())
    unit = found["unit"] if found else ""
    return "" if unit.casefold() in _NO_UNIT else str(unit)


def unit_factor(unit: str, want: SurveyColumn, where: str) -> float:
    """Return what turns a declared unit into the profile's; 1 where none is declared.

    Raises
    ------
    TableError
        If it does not convert, in any case of its letters.
    """
    if unit in ("", want.unit):
        return 1.0
    # str(): astropy leaves the archive's "count/s" unrecognised in a VOTable 1.2, and reads it
    # well as a generic unit. Undeclared units are the profile's.
    spelled = _WORD.sub(lambda w: _SPELLED.get(w[0].casefold(), w[0]), unit)
    for spelling in dict.fromkeys((unit, spelled)):
        try:
            return _factor(spelling, want.unit)
        except (ValueError, TypeError, ArithmeticError, RecursionError):
            continue
    wanted = want.unit or "no unit"
    raise TableError(
        f"{where}: column {want.name} is in {unit[:40]!r}, which does not convert to {wanted}"
    )


def _factor(unit: str, wanted: str) -> float:
    import astropy.units as u

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", u.UnitsWarning)  # "multiple slashes": well understood
        declared = u.Unit(unit)
        # mag(keV) and its like are no factor of a unit.
        if not isinstance(declared, u.UnitBase):
            raise ValueError("not a factor")
        factor = float(declared.to(u.Unit(wanted or "")))
    if not 0 < factor < float("inf"):
        raise ValueError("not a factor")
    return factor
