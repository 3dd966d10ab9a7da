"""What the paper reports of its classes, as statements that data can refute.

From its section on what the classes look like: the unified model of active galaxies (type 2 and
obscured ones are harder), young stars in the Galactic plane, and variability within an observation
(small accretors vary, large ones do not).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

__all__ = ["NOT_JUDGED", "STATEMENTS", "Population", "Statement", "statements_for"]


@dataclass(frozen=True)
class Population:
    """Sources of some classes, optionally only the very soft ones or only the others.

    Attributes
    ----------
    name : str
        Plural, as used in a sentence.
    codes : tuple of str
        Classes (SIMBAD codes).
    soft : bool, optional
        True: only sources with hard_hm and hard_hs at or below -0.5. False: only the others.
    """

    name: str
    codes: tuple[str, ...]
    soft: bool | None = None


@dataclass(frozen=True)
class Statement:
    """A statement that sources of A lie above sources of B in some quantity.

    Attributes
    ----------
    key : str
    text : str
        The statement as a sentence.
    a, b : Population
    quantity : str
        A feature, or ``abs_b_deg``, the absolute Galactic latitude.
    above, below : float, optional
        If given, the statement compares a property: whether the quantity is above or below this
        value. The effect is then the difference of the shares.
    refuted_by : str
        What the data would have to show to refute the statement.
    """

    key: str
    text: str
    a: Population
    b: Population
    quantity: str
    refuted_by: str
    above: float | None = None
    below: float | None = None

    @property
    def measured(self) -> str:
        """The quantity or property in words."""
        name = {"abs_b_deg": "|b|"}.get(self.quantity, self.quantity)
        unit = " deg" if self.quantity == "abs_b_deg" else ""
        if self.above is not None:
            return f"share with {name} > {self.above:g}{unit}"
        if self.below is not None:
            return f"share with {name} < {self.below:g}{unit}"
        return name

    @property
    def needs(self) -> tuple[str, ...]:
        """Quantities that a source must have."""
        soft = self.a.soft is not None or self.b.soft is not None
        return (self.quantity, *(("hard_hm", "hard_hs") if soft else ()))

    @property
    def is_circular_by_class(self) -> bool:
        """Whether the classes were made from the compared quantity. Positions are not features."""
        return self.quantity != "abs_b_deg"


_QSO, _AGN = Population("QSO", ("QSO",)), Population("AGN", ("AGN",))
_SY1, _SY2 = Population("Seyfert 1", ("Sy1",)), Population("Seyfert 2", ("Sy2",))
_LARGE = Population("active galaxies of all kinds", ("QSO", "AGN", "Sy1", "Sy2"))
_XB = Population("X-ray binaries", ("HXB", "LXB", "XB*"))
_YOUNG_CODES = ("Y*O", "TT*", "Or*")
_YOUNG = Population("young stars", _YOUNG_CODES)
_TT = Population("T Tauri stars", ("TT*",))


def _harder(a: Population, b: Population) -> Statement:
    key = f"{a.codes[0]}_harder_than_{b.codes[0]}".lower()
    return Statement(
        key,
        f"{a.name} are harder than {b.name}",
        a,
        b,
        "hard_hs",
        f"{a.name} as soft as {b.name}, or softer: no ordering as the unified model has it",
    )


STATEMENTS = (
    _harder(_SY2, _SY1),
    _harder(_SY2, _QSO),
    _harder(_SY2, _AGN),
    _harder(_AGN, _QSO),
    _harder(_AGN, _SY1),
    Statement(
        "xb_harder_than_active_galaxies",
        "X-ray binaries are harder than active galaxies",
        _XB,
        _LARGE,
        "hard_hs",
        "binaries as soft as active galaxies, or softer",
    ),
    Statement(
        "young_stars_steeper",
        "Young stars have steeper spectra than active galaxies",
        _YOUNG,
        _LARGE,
        "powlaw_gamma",
        "the same photon indices, or flatter ones of the young stars",
    ),
    Statement(
        "young_stars_in_plane",
        "Young stars lie in the Galactic plane, active galaxies do not",
        _YOUNG,
        _LARGE,
        "abs_b_deg",
        "no larger share of the young stars within 5 deg of the plane",
        below=5,
    ),
    Statement(
        "xb_near_plane",
        "X-ray binaries gather towards the plane more than active galaxies",
        _XB,
        _LARGE,
        "abs_b_deg",
        "no larger share of the binaries within 10 deg of the plane",
        below=10,
    ),
    Statement(
        "very_soft_young_stars_off_plane",
        "Very soft young stars lie off the plane more often than others",
        Population("very soft young stars", _YOUNG_CODES, soft=True),
        Population("other young stars", _YOUNG_CODES, soft=False),
        "abs_b_deg",
        "very soft ones as close to the plane as the others, as if they were young stars too",
        above=10,
    ),
    Statement(
        "young_stars_vary",
        "Young stars vary more than active galaxies",
        _YOUNG,
        _LARGE,
        "var_prob_b",
        "young stars as steady as active galaxies within an observation",
    ),
    Statement(
        "ttauri_vary_strongly",
        "T Tauri stars, small accretors, vary; active galaxies, large ones, do not",
        _TT,
        _LARGE,
        "var_prob_b",
        "no larger share of T Tauri stars that certainly vary",
        above=0.9,
    ),
    Statement(
        "ttauri_vary_more_than_young_stars",
        "T Tauri stars vary more than other young stars",
        _TT,
        Population("other young stars", ("Y*O", "Or*")),
        "var_prob_b",
        "T Tauri stars as steady as other young stars",
    ),
    Statement(
        "binaries_vary",
        "X-ray binaries, small accretors, vary; active galaxies, large ones, do not",
        _XB,
        _LARGE,
        "var_prob_b",
        "no larger share of binaries that certainly vary",
        above=0.9,
    ),
    Statement(
        "seyfert_1_vary_more_than_qso",
        "Seyfert 1 vary more than QSO, whose accretors are larger",
        _SY1,
        _QSO,
        "var_prob_b",
        "Seyfert 1 as steady as QSO within an observation",
    ),
)


NOT_JUDGED = (
    "the catalogue lacks what the paper's statements are about: its features (hard_hs, "
    "powlaw_gamma, var_prob_b) or its classes"
)
"""Why none of the statements is tested on a catalogue of another survey."""


def statements_for(features: Collection[str], codes: Collection[str]) -> tuple[Statement, ...]:
    """Return the statements that a catalogue can test.

    Parameters
    ----------
    features : collection of str
        Features of the survey. A survey with the features of all statements tests all of them.
        Another survey tests only the statements whose features it has, and whose populations have a
        class.
    codes : collection of str
        Codes of the classes.
    """
    known = {*features, "abs_b_deg"}
    there = tuple(s for s in STATEMENTS if set(s.needs) <= known)
    if len(there) == len(STATEMENTS):
        return STATEMENTS
    return tuple(s for s in there if all(set(p.codes) & set(codes) for p in (s.a, s.b)))
