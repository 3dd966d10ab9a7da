"""The ADQL that is asked: plain enough for every service, and right everywhere on the sky."""

import math
import re

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from xsift import surveys
from xsift.errors import ServiceError, SettingError
from xsift.fetch.query import (
    Box,
    Boxes,
    Cone,
    OneOf,
    adql,
    boxes_around,
    parse_cone,
    sky,
)
from xsift.surveys.query import Query

SURVEYS = [surveys.load(name) for name in surveys.names()]
CHANDRAS = [surveys.load(name) for name in ("csc20", "csc21")]
VIZIERS = [survey for survey in SURVEYS if survey not in CHANDRAS]
COLUMNS = CHANDRAS[0].query.selected
PARTS = [
    None,
    *parse_cone("0 0 1").boxes(),
    *parse_cone("10 89.9 0.3").boxes(),
    *boxes_around(np.array([0.0, 5.0]), np.array([1.0, -90.0]), 0.01, 2),
    OneOf("name", ("2CXO J000000.0+000000", "it's")),
    OneOf("obsid", (1, 2)),
    *sky()[:1],
]


@pytest.mark.parametrize(
    ("survey", "part"),
    [(s, p) for s in SURVEYS for p in PARTS if getattr(p, "column", "ra") in s.query.selected],
    ids=lambda x: getattr(x, "name", type(x).__name__),
)
def test_no_geometry_and_no_join_on(survey, part):
    text = adql(survey.query, part).upper()
    words = set(re.findall(r"[A-Z_]+", text))
    assert not words & {"JOIN", "ON", "CONTAINS", "POINT", "CIRCLE", "BOX", "DISTANCE", "POLYGON"}
    assert "*" not in text
    if survey in CHANDRAS:
        assert text.startswith("SELECT DISTINCT M.NAME, ")


@pytest.mark.parametrize("survey", CHANDRAS, ids=lambda s: s.name)
def test_the_papers_query(survey):
    text = adql(survey.query, None)
    schema = {"csc20": "csc2", "csc21": "csc21"}[survey.name]
    for table in ("master_source m", "master_stack_assoc a", "observation_source o"):
        assert f"{schema}.{table}" in text
    for table in ("stack_observation_assoc b", "stack_source s"):
        assert f"{schema}.{table}" in text
    joins = (
        "m.name = a.name;s.detect_stack_id = a.detect_stack_id;s.region_id = a.region_id;"
        "s.detect_stack_id = b.detect_stack_id;s.region_id = b.region_id;o.obsid = b.obsid;"
        "o.obi = b.obi;o.region_id = b.region_id"
    ).split(";")
    cuts = ["o.flux_significance_b > 5", "o.powlaw_gamma IS NOT NULL", "o.bb_kt IS NOT NULL"]
    assert text.split("\nWHERE ")[1].split("\n  AND ") == joins + cuts
    assert adql(survey.query, None, cuts=False).split("\nWHERE ")[1].split("\n  AND ") == joins


def test_the_features_can_be_derived_from_what_is_asked():
    for survey in SURVEYS:
        asked = set(survey.query.selected)
        for feature in survey.features:
            assert feature.name in asked or (feature.inputs and set(feature.inputs) <= asked)
        assert {"name", "ra", "dec"} <= asked
    for survey in CHANDRAS:
        assert {"obsid", "obi", "region_id"} <= set(survey.query.selected)


@pytest.mark.parametrize("survey", VIZIERS, ids=lambda s: s.name)
def test_an_archives_own_names_are_quoted(survey):
    """VizieR's names are no plain identifiers, and some differ in case alone."""
    text = adql(survey.query, Box(1, 2, 3, 4))
    selected, rest = text.split("\nFROM ")
    assert not selected.startswith("SELECT DISTINCT")
    table, where = rest.split("\nWHERE ")
    expected = {
        "4xmm": ("IX/69/xmm4d13s", "RA_ICRS", "DE_ICRS"),
        "erass1": ("J/A+A/682/A34/erass1-m", "RA_ICRS", "DE_ICRS"),
        "2sxps": ("IX/58/2sxps", "RAJ2000", "DEJ2000"),
    }
    name, ra, dec = expected[survey.name]
    assert table == f'"{name}" s'
    assert where.split("\n") == [
        f's."{ra}" >= 1.000000000 AND s."{ra}" < 2.000000000 AND s."{dec}" >= 3.000000000 '
        f'AND s."{dec}" < 4.000000000'
    ]
    pairs = re.findall(r's\."([^"]+)" AS "([a-z0-9_]+)"', selected)
    assert [ours for _, ours in pairs] == list(survey.query.selected)
    assert len({theirs for theirs, _ in pairs}) == len(pairs)


def test_all_of_an_archive_needs_no_condition():
    assert adql(surveys.load("2sxps").query, None).endswith('FROM "IX/58/2sxps" s')


def test_names_of_4xmm_begin_as_the_surveys_own():
    query = surveys.load("4xmm").query
    text = adql(query, OneOf("name", ("4XMM J000000.0+000000",)))
    assert text.startswith('SELECT \'4XMM \' || s."4XMM" AS "name", ')
    assert text.endswith("WHERE '4XMM ' || s.\"4XMM\" IN ('4XMM J000000.0+000000')")


def made(**changes):
    return Query.model_validate(
        {
            "service": "http://127.0.0.1/tap",
            "row_limit": 10,
            "tables": {"a": "plain.table_1", "b": 'odd"name'},
            "columns": {"a": ["name"], "b": {"ra": 'R"A'}},
            **changes,
        }
    )


def test_tables_and_columns_stay_in_their_quotes():
    assert adql(made(joins=["a.name = b.name"]), None) == (
        'SELECT DISTINCT a.name, b."R""A" AS "ra"\nFROM plain.table_1 a, "odd""name" b\n'
        "WHERE a.name = b.name"
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"columns": {"c": ["name"]}}, r"columns of tables that are not named: \['c'\]"),
        ({"columns": {"a": {"RA": "ra"}}}, "pattern"),
        ({"columns": {"a": {"ra": "R\nA"}}}, "pattern"),
        ({"tables": {"a; DROP": "t"}}, "pattern"),
        ({"tables": {}}, "at least 1"),
        ({"name_prefix": "' OR 1=1 --"}, "pattern"),
        ({"row_limit": 0}, "greater than 0"),
    ],
)
def test_a_query_that_breaks_the_schema_is_refused(changes, message):
    with pytest.raises(ValidationError, match=message):
        made(**changes)


def inside(box: Box, ra, dec):
    """Evaluate the box's own ADQL."""
    text = box.condition({"ra": "ra", "dec": "dec"}).replace(" AND ", ") & (")
    return eval(f"({text})", {"ra": ra, "dec": dec}) & np.ones(len(ra), bool)


cones = st.tuples(
    st.one_of(st.floats(0, 360), st.sampled_from([0.0, 360.0, 1e-9, 359.999999])),
    st.one_of(st.floats(-90, 90), st.sampled_from([-90.0, 90.0, 89.9999, 0.0])),
    st.one_of(st.floats(1e-4, 5), st.floats(5, 90)),
)


@given(cone=cones, seed=st.integers(0, 2**32 - 1))
def test_the_boxes_hold_the_cone(cone, seed):
    rng = np.random.default_rng(seed)
    ra, dec, radius = cone
    # Positions at and just inside the rim, where a box too small would lose them.
    here = SkyCoord(ra, dec, unit="deg")
    angle, share = rng.uniform(0, 360, 200), np.r_[np.full(100, 1 - 1e-9), rng.uniform(0, 1, 100)]
    near = here.directional_offset_by(angle * u.deg, share * radius * u.deg)
    boxes = Cone(ra, dec, radius).boxes()
    held = sum(inside(b, near.ra.deg, near.dec.deg).astype(int) for b in boxes)
    assert (held == 1).all()
    for b in boxes:
        assert 0 <= b.ra_low <= b.ra_high <= 360
        assert -90 <= b.dec_low <= b.dec_high <= 90


@given(cone=cones)
def test_the_boxes_are_no_larger_than_need_be(cone):
    ra, dec, radius = cone
    boxes = Cone(ra, dec, radius).boxes()
    if abs(dec) + radius < 80 and radius < 5:
        width = sum(b.ra_high - b.ra_low for b in boxes)
        assert width <= 2 * radius / math.cos(math.radians(abs(dec) + radius)) + 1e-5


@given(cone=cones, seed=st.integers(0, 2**32 - 1))
def test_the_cone_is_astropys(cone, seed):
    rng = np.random.default_rng(seed)
    ra, dec = rng.uniform(0, 360, 50), np.degrees(np.arcsin(rng.uniform(-1, 1, 50)))
    a = SkyCoord(cone[0], cone[1], unit="deg").separation(SkyCoord(ra, dec, unit="deg")).deg
    sure = np.abs(a - cone[2]) > 1e-9
    assert np.array_equal(Cone(*cone).holds(ra, dec)[sure], (a <= cone[2])[sure])
    assert not Cone(*cone).holds(np.array([np.nan]), np.array([0.0])).any()


@given(box=st.sampled_from(sky()), seed=st.integers(0, 2**32 - 1), depth=st.integers(1, 12))
def test_halves_hold_each_position_once(box, seed, depth):
    rng = np.random.default_rng(seed)
    for _ in range(depth):
        low, high = box.split()
        ra = np.r_[rng.uniform(box.ra_low, box.ra_high, 20), low.ra_high]
        dec = np.r_[rng.uniform(box.dec_low, box.dec_high, 20), low.dec_high]
        ra, dec = np.round(ra, 9), np.round(dec, 9)
        whole = inside(box, ra, dec).astype(int)
        assert np.array_equal(inside(low, ra, dec).astype(int) + inside(high, ra, dec), whole)
        box = (low, high)[rng.integers(2)]


def test_the_sky_is_covered_once():
    rng = np.random.default_rng(1)
    ra = np.r_[rng.uniform(0, 360, 5000), 0, 360, 0, 180]
    dec = np.r_[np.degrees(np.arcsin(rng.uniform(-1, 1, 5000))), 0, 0, -90, 90]
    assert (sum(inside(b, ra, dec).astype(int) for b in sky()) == 1).all()


def test_a_box_is_not_split_for_ever():
    box = Box(10, 10.00002, 5, 5.00002)
    with pytest.raises(ServiceError, match=r"even the detections at RA 10\.0+, Dec 5\.0+"):
        box.split()


def test_lists_are_divided_in_halves():
    assert OneOf("obsid", (1, 2, 3)).split() == (OneOf("obsid", (1,)), OneOf("obsid", (2, 3)))
    with pytest.raises(ServiceError, match="even the detections of obsid 1"):
        OneOf("obsid", (1,)).split()
    one, two = Box(0, 1, 0, 1), Box(2, 3, 0, 1)
    assert Boxes((one, two)).split() == (Boxes((one,)), Boxes((two,)))
    assert Boxes((one,)).split() == one.split()


def test_names_cannot_leave_their_quotes():
    said = OneOf("name", ("a' OR 'a'='a",)).condition(COLUMNS)
    assert said == "m.name IN ('a'' OR ''a''=''a')"
    with pytest.raises(SettingError, match="cannot be printed"):
        OneOf("name", ("a\nb",)).condition(COLUMNS)


@pytest.mark.parametrize("text", ["", "1 2", "1 2 x", "1 2 3 4", "721 0 1", "0 91 1", "0 0 0"])
def test_a_cone_is_three_numbers(text):
    with pytest.raises(SettingError, match=r"^cone"):
        parse_cone(text)


def test_a_cone_by_hand():
    # At Dec 60 the meridians are half as far apart: 1 deg of arc is 2 deg of RA, and a little more.
    (box,) = parse_cone("100, 60, 1").boxes()
    half = math.degrees(math.asin(math.sin(math.radians(1)) / 0.5))
    assert box.ra_low == pytest.approx(100 - half, abs=1e-6)
    assert (box.dec_low, box.dec_high) == pytest.approx((59, 61), abs=1e-6)
    left, right = parse_cone("0.5 0 1").boxes()
    assert (left.ra_low, right.ra_high) == (0, 360)
    assert (left.ra_high, right.ra_low) == pytest.approx((1.5, 359.5), abs=1e-6)
    (pole,) = parse_cone("10 -89.5 1").boxes()
    assert (pole.ra_low, pole.ra_high, pole.dec_low) == (0, 360, -90)
