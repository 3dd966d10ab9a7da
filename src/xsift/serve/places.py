"""Well-known objects of the X-ray sky by the names that people type, so that no network is needed.

Positions are J2000 (ICRS), good to an arcminute or better: enough to point a map.
"""

from __future__ import annotations

from dataclasses import dataclass

from xsift.classes import DASHES

__all__ = ["PLACES", "Place", "place_of"]


@dataclass(frozen=True)
class Place:
    """An object to point at.

    Attributes
    ----------
    name : str
        Name on the page.
    ra, dec : float
        ICRS, deg.
    others : tuple of str
        Other names of the object.
    """

    name: str
    ra: float
    dec: float
    others: tuple[str, ...] = ()


# Those that the map labels come first.
PLACES = (
    Place("Galactic Centre", 266.4168, -29.0078, ("Galactic Center", "GC", "Sgr A*", "Sgr A")),
    Place("LMC", 80.8942, -69.7561, ("Large Magellanic Cloud",)),
    Place("SMC", 13.1583, -72.8003, ("Small Magellanic Cloud",)),
    Place("M 31", 10.6847, 41.2690, ("NGC 224", "Andromeda", "Andromeda Galaxy")),
    Place("Orion Nebula", 83.8221, -5.3911, ("M 42", "NGC 1976", "ONC", "Orion", "Trapezium")),
    Place("\u03c1 Oph", 246.79, -24.54, ("rho Oph", "rho Ophiuchi", "L 1688", "Ophiuchus")),
    Place("Carina", 161.2648, -59.6844, ("Carina Nebula", "eta Car", "eta Carinae", "NGC 3372")),
    Place("Perseus A", 49.9507, 41.5117, ("NGC 1275", "Perseus cluster", "3C 84", "Abell 426")),
    Place("Virgo A", 187.7059, 12.3911, ("M 87", "NGC 4486", "3C 274", "Virgo cluster")),
    Place("Cyg X-1", 299.5903, 35.2016, ("Cygnus X-1",)),
    Place("Chandra Deep Field S", 53.1167, -27.8083, ("CDFS", "CDF-S", "Chandra Deep Field South")),
    # Deep fields
    Place("Chandra Deep Field N", 189.2058, 62.2161, ("CDFN", "CDF-N", "HDF-N", "GOODS-N")),
    Place("COSMOS", 150.1192, 2.2058),
    Place("Extended Groth Strip", 214.25, 52.5, ("EGS", "AEGIS")),
    Place("Lockman Hole", 163.1792, 57.4800),
    # Galaxies and clusters of galaxies
    Place("M 33", 23.4621, 30.6599, ("NGC 598", "Triangulum", "Triangulum Galaxy")),
    Place("M 32", 10.6743, 40.8652, ("NGC 221",)),
    Place("M 49", 187.4450, 8.0004, ("NGC 4472",)),
    Place("M 51", 202.4696, 47.1952, ("NGC 5194", "Whirlpool Galaxy")),
    Place("M 60", 190.9167, 11.5526, ("NGC 4649",)),
    Place("M 63", 198.9555, 42.0293, ("NGC 5055",)),
    Place("M 64", 194.1818, 21.6830, ("NGC 4826",)),
    Place("M 74", 24.1740, 15.7836, ("NGC 628",)),
    Place("M 77", 40.6696, -0.0133, ("NGC 1068",)),
    Place("M 81", 148.8882, 69.0653, ("NGC 3031", "Bode's Galaxy")),
    Place("M 82", 148.9685, 69.6797, ("NGC 3034", "Cigar Galaxy")),
    Place("M 83", 204.2538, -29.8658, ("NGC 5236",)),
    Place("M 84", 186.2656, 12.8870, ("NGC 4374",)),
    Place("M 86", 186.5491, 12.9462, ("NGC 4406",)),
    Place("M 94", 192.7211, 41.1203, ("NGC 4736",)),
    Place("M 100", 185.7288, 15.8223, ("NGC 4321",)),
    Place("M 101", 210.8023, 54.3489, ("NGC 5457", "Pinwheel Galaxy")),
    Place("M 104", 189.9976, -11.6231, ("NGC 4594", "Sombrero", "Sombrero Galaxy")),
    Place("M 106", 184.7397, 47.3040, ("NGC 4258",)),
    Place("NGC 253", 11.8880, -25.2882, ("Sculptor Galaxy",)),
    Place("NGC 1399", 54.6212, -35.4507, ("Fornax cluster",)),
    Place("Antennae", 180.4709, -18.8676, ("NGC 4038", "NGC 4039", "Antennae Galaxies")),
    Place("Cen A", 201.3651, -43.0191, ("Centaurus A", "NGC 5128")),
    Place("Coma cluster", 194.9531, 27.9807, ("Abell 1656",)),
    Place("3C 273", 187.2779, 2.0524),
    # Globular clusters
    Place("47 Tuc", 6.0236, -72.0813, ("47 Tucanae", "NGC 104")),
    Place("\u03c9 Cen", 201.6968, -47.4796, ("omega Cen", "omega Centauri", "NGC 5139")),
    Place("M 3", 205.5484, 28.3773, ("NGC 5272",)),
    Place("M 4", 245.8968, -26.5258, ("NGC 6121",)),
    Place("M 5", 229.6384, 2.0810, ("NGC 5904",)),
    Place("M 13", 250.4235, 36.4613, ("NGC 6205",)),
    Place("M 15", 322.4930, 12.1670, ("NGC 7078",)),
    Place("M 22", 279.0998, -23.9048, ("NGC 6656",)),
    Place("M 28", 276.1370, -24.8698, ("NGC 6626",)),
    Place("M 30", 325.0922, -23.1799, ("NGC 7099",)),
    Place("M 62", 255.3033, -30.1137, ("NGC 6266",)),
    Place("M 71", 298.4437, 18.7792, ("NGC 6838",)),
    Place("M 80", 244.2600, -22.9761, ("NGC 6093",)),
    Place("M 92", 259.2808, 43.1359, ("NGC 6341",)),
    Place("NGC 6397", 265.1754, -53.6743),
    Place("Terzan 5", 267.0202, -24.7792),
    # Star-forming regions and open clusters
    Place("30 Doradus", 84.6767, -69.1008, ("30 Dor", "Tarantula Nebula", "NGC 2070")),
    Place("M 8", 270.9042, -24.3867, ("NGC 6523", "Lagoon Nebula", "NGC 6530")),
    Place("M 16", 274.7000, -13.8067, ("NGC 6611", "Eagle Nebula")),
    Place("M 17", 275.1958, -16.1715, ("NGC 6618", "Omega Nebula")),
    Place("M 20", 270.5958, -23.0300, ("NGC 6514", "Trifid Nebula")),
    Place("M 78", 86.6908, 0.0792, ("NGC 2068",)),
    Place("NGC 1333", 52.2970, 31.3100),
    Place("NGC 2264", 100.2417, 9.8950),
    Place("IC 348", 56.1417, 32.1633),
    Place("Cyg OB2", 308.3000, 41.3200, ("Cygnus OB2",)),
    Place("Westerlund 1", 251.7667, -45.8514),
    Place("Pleiades", 56.6010, 24.1139, ("M 45",)),
    Place("Praesepe", 130.0542, 19.6211, ("M 44", "NGC 2632")),
    Place("M 67", 132.8458, 11.8139, ("NGC 2682",)),
    Place("Hyades", 66.7250, 15.8700),
    # Single sources
    Place("Crab Nebula", 83.6331, 22.0145, ("M 1", "Crab", "NGC 1952")),
    Place("Cas A", 350.8663, 58.8117, ("Cassiopeia A",)),
    Place("Tycho", 6.3396, 64.1408, ("SN 1572",)),
    Place("Vela pulsar", 128.8361, -45.1764, ("Vela",)),
    Place("Cyg X-3", 308.1074, 40.9578, ("Cygnus X-3",)),
    Place("Sco X-1", 244.9795, -15.6402, ("Scorpius X-1",)),
    Place("Her X-1", 254.4575, 35.3424, ("Hercules X-1",)),
)

LABELLED = 11
"""So many of them, from the first, have a label on the map of the whole sky."""

_AWAY = str.maketrans(dict.fromkeys("".join(DASHES) + "-_'. ", ""))
_GREEK = str.maketrans({"\u03c1": "rho", "\u03c9": "omega", "\u03b7": "eta"})


def _plain(name: str) -> str:
    text = " ".join(name.casefold().translate(_GREEK).split()).removeprefix("the ")
    return text.replace("messier", "m").translate(_AWAY)


_BY_NAME = {_plain(n): p for p in PLACES for n in (p.name, *p.others)}


def place_of(text: str) -> Place | None:
    """Return the well-known object with a name, or None. Case and blanks do not matter.

    Examples
    --------
    >>> place_of("m31").name, place_of("Messier 42").name, place_of("a star")
    ('M 31', 'Orion Nebula', None)
    """
    return _BY_NAME.get(_plain(text))
