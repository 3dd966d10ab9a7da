"""Well-known objects are found by the names that people type, without a network."""

import numpy as np
import pytest

from xsift.serve.places import LABELLED, PLACES, place_of
from xsift.serve.sky import galactic

# Galactic longitude and latitude, deg, as printed in catalogues: independent of the list's numbers.
GALACTIC = {
    "Sgr A*": (359.94, -0.05),
    "LMC": (280.47, -32.89),
    "SMC": (302.81, -44.33),
    "M31": (121.17, -21.57),
    "Orion Nebula": (209.01, -19.38),
    "rho Oph": (353.0, 16.6),
    "eta Carinae": (287.60, -0.63),
    "NGC 1275": (150.58, -13.26),
    "M87": (283.78, 74.49),
    "Cyg X-1": (71.34, 3.07),
    "CDF-S": (223.57, -54.43),
    "M33": (133.61, -31.33),
    "Pleiades": (166.46, -23.61),
    "Crab": (184.56, -5.78),
    "Cen A": (309.52, 19.42),
    "47 Tuc": (305.89, -44.89),
    "M82": (141.41, 40.57),
    "Coma cluster": (58.08, 87.96),
}


@pytest.mark.parametrize("name", GALACTIC)
def test_each_lies_where_catalogues_have_it(name):
    place = place_of(name)
    lon, lat = galactic(np.array([place.ra]), np.array([place.dec]))
    lon0, lat0 = GALACTIC[name]
    turned = (lon[0] - lon0 + 180) % 360 - 180
    assert np.hypot(turned * np.cos(np.deg2rad(lat0)), lat[0] - lat0) < 0.35


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("M31", "M 31"),
        ("messier 31", "M 31"),
        ("andromeda", "M 31"),
        ("the Orion nebula", "Orion Nebula"),
        ("m42", "Orion Nebula"),
        ("NGC1976", "Orion Nebula"),
        ("large magellanic cloud", "LMC"),
        ("rho Ophiuchi", "\u03c1 Oph"),
        ("omega centauri", "\u03c9 Cen"),
        ("Cygnus X\u22121", "Cyg X-1"),
        ("galactic center", "Galactic Centre"),
    ],
)
def test_it_is_found_as_people_type_it(typed, name):
    assert place_of(typed).name == name


@pytest.mark.parametrize("typed", ["", "M", "M 3100", "2CXO J004231.1+411621", "no such thing"])
def test_others_are_not(typed):
    assert place_of(typed) is None


def test_no_name_means_two_objects():
    names = [n for p in PLACES for n in (p.name, *p.others)]
    assert len({n.casefold().replace(" ", "") for n in names}) == len(names)
    assert all(place_of(n) is p for p in PLACES for n in (p.name, *p.others))
    assert all(0 <= p.ra < 360 and -90 <= p.dec <= 90 for p in PLACES)


def test_the_server_resolves_it(get):
    found = get("/api/resolve", q="M31")
    assert found == {"ra": 10.6847, "dec": 41.269, "name": None, "index": None, "place": "M 31"}


def test_a_source_s_whole_name_comes_first(get, served, monkeypatch):
    name = served.sources["name"][3].as_py()
    place = type(PLACES[0])(name, 1.0, 2.0)
    monkeypatch.setattr("xsift.serve.source.place_of", lambda text: place)
    assert get("/api/resolve", q=name)["index"] == 3
    assert get("/api/resolve", q=name[:-3])["place"] == name


def test_the_map_s_labels_are_of_the_same_list(get):
    places = get("/api/catalogue")["places"]
    assert [p["name"] for p in places] == [p.name for p in PLACES[:LABELLED]]
    assert abs(places[3]["glon"] - 121.17) < 0.02
