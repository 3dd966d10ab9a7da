"""Matching known objects: against astropy, at the poles, across right ascension 0."""

import astropy.units as u
import numpy as np
import pyarrow as pa
import pytest
from astropy.coordinates import SkyCoord
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from xsift.classes import DASHES
from xsift.errors import LabelError, XsiftWarning
from xsift.label import match_known
from xsift.label.match import nearest_on_sky

ARCSEC = 1 / 3600


@given(
    ra=st.floats(0, 360),
    dec=st.sampled_from([-90.0, -89.9999, -30.0, 0.0, 89.9999, 90.0]),
    seed=st.integers(0, 2**32 - 1),
)
def test_agrees_with_astropy(ra, dec, seed):
    # Known objects and detections scattered by some arcsec around one point, often across the
    # pole or right ascension 0.
    rng = np.random.default_rng(seed)
    origin = SkyCoord(ra, dec, unit="deg")
    known, ours = (
        origin.directional_offset_by(angle * u.deg, distance * u.arcsec)
        for angle, distance in ((rng.uniform(0, 360, n), rng.uniform(0, 5, n)) for n in (8, 30))
    )
    index, separation = nearest_on_sky(ours.ra.deg, ours.dec.deg, known.ra.deg, known.dec.deg, 1.0)
    nearest, distance, _ = ours.match_to_catalog_sky(known)
    # Within rounding of the radius, either answer is right.
    sure = np.abs(distance.arcsec - 1.0) > 1e-6
    expected = np.where(distance.arcsec <= 1.0, nearest, -1)
    hit = sure & (expected >= 0)
    assert_array_equal(index[sure] >= 0, expected[sure] >= 0)
    assert_allclose(separation[hit], distance.arcsec[hit], atol=1e-6)


awkward = st.sampled_from([0.0, 360.0, 90.0, -90.0, 1e-5, 359.99999, 89.99999, -0.0])
position = st.tuples(
    st.one_of(awkward, st.floats(0, 360), st.just(np.nan)),
    st.one_of(awkward, st.floats(-90, 90), st.just(np.nan)),
)


@given(
    st.lists(position, max_size=25),
    st.lists(position, max_size=12),
    st.floats(0.01, 3600),
    st.randoms(use_true_random=False),
)
def test_agrees_with_all_separations(ours, known, radius, random):
    """Against every separation, by astropy: all over the sky, repeated, missing, impossible."""
    ours += [(r, d + 0.5 * radius / 3600) for r, d in known[::2]] + known[::3]
    random.shuffle(ours)
    ra, dec = (np.array(c, dtype=float) for c in ([p[0] for p in ours], [p[1] for p in ours]))
    known_ra, known_dec = (np.array([p[i] for p in known], dtype=float) for i in (0, 1))
    index, separation = nearest_on_sky(ra, dec, known_ra, known_dec, radius)
    usable = [i for i, (r, d) in enumerate(known) if np.isfinite(r) and abs(d) <= 90]
    at = SkyCoord(known_ra[usable], known_dec[usable], unit="deg")
    for i in range(len(ours)):
        if not usable or not np.isfinite(ra[i]) or not abs(dec[i]) <= 90:
            assert index[i] == -1
            assert np.isnan(separation[i])
            continue
        every = SkyCoord(ra[i], dec[i], unit="deg").separation(at).arcsec
        if abs(every.min() - radius) > 1e-6:
            assert (index[i] >= 0) == (every.min() <= radius)
        if index[i] >= 0:
            assert_allclose(separation[i], every.min(), atol=1e-6)
            # Of several at one distance any one, but a usable one at that distance.
            assert_allclose(every[usable.index(index[i])], every.min(), atol=1e-6)


def test_the_order_of_the_detections_does_not_matter():
    rng = np.random.default_rng(3)
    known = rng.uniform(0, 360, 300), np.degrees(np.arcsin(rng.uniform(-1, 1, 300)))
    ra, dec = np.tile(known[0], 4), np.tile(known[1], 4) + rng.normal(0, 1 / 3600, 1200)
    index, separation = nearest_on_sky(ra, dec, *known, 1.0)
    assert 300 < (index >= 0).sum() < 1200
    order = rng.permutation(1200)
    shuffled = nearest_on_sky(ra[order], dec[order], *known, 1.0)
    assert_array_equal(shuffled[0], index[order])
    assert_array_equal(shuffled[1], separation[order])


def test_exactly_at_the_radius_is_in():
    index, separation = nearest_on_sky(*map(np.array, ([10.0], [0.0], [10.0], [ARCSEC])), 1.0)
    assert index.tolist() == [0]
    assert_allclose(separation, [1.0], rtol=1e-9)


def test_missing_and_impossible_positions_match_nothing():
    ra, dec = np.array([np.nan, 10.0, 10.0, 10.0]), np.array([0.0, np.nan, 200.0, 0.0])
    index, separation = nearest_on_sky(ra, dec, np.array([10.0, np.nan]), np.array([0.0, 0.0]), 1.0)
    assert index.tolist() == [-1, -1, -1, 0]
    assert np.isnan(separation[:3]).all()


def test_one_known_object_serves_several_detections():
    detections = pa.table({"name": ["a", "a", "b"], "ra": [1.0, 1.0, 9.0], "dec": [0.0, 0.0, 0.0]})
    known = pa.table({"label": ["QSO"], "ra": [1.0], "dec": [0.5 * ARCSEC]})
    match = match_known(detections, known)
    assert match.label == ["QSO", "QSO", None]
    assert (match.how, match.n_matched, match.n_used) == ("sky", 2, 1)


def test_the_nearest_of_two_wins():
    detections = pa.table({"name": ["a"], "ra": [1.0], "dec": [0.0]})
    known = pa.table(
        {"label": ["QSO", "AGN"], "ra": [1.0, 1.0], "dec": [0.8 * ARCSEC, -0.3 * ARCSEC]}
    )
    match = match_known(detections, known)
    assert match.label == ["AGN"]
    assert_allclose(match.separation_arcsec, [0.3], atol=1e-6)


def test_by_name():
    detections = pa.table({"name": ["a", "b", None, "a"]})
    known = pa.table({"label": ["QSO", None], "name": ["a", "b"]})
    match = match_known(detections, known)
    assert match.label == ["QSO", None, None, "QSO"]
    assert match.how == "name"
    assert np.isnan(match.separation_arcsec).all()


def test_auto_takes_the_name_where_a_position_is_missing():
    detections = pa.table({"name": ["a", "b"], "ra": [1.0, None], "dec": [0.0, None]})
    columns = {"label": ["QSO", "AGN"], "name": ["x", "b"], "ra": [1.0, 2.0], "dec": [0.0, 0.0]}
    known = pa.table(columns)
    match = match_known(detections, known)
    assert match.label == ["QSO", "AGN"]
    assert match.how == "sky, else name"
    assert match_known(detections, known, "sky").label == ["QSO", None]
    assert match_known(detections, known, "name").label == [None, "AGN"]


@pytest.mark.parametrize(("ra", "dec"), [(None, 0.0), (2.0, None), (1000.0, 0.0), (2.0, 95.0)])
def test_half_a_position_or_an_impossible_one_is_none(ra, dec):
    place = {"ra": pa.array([1.0, ra], pa.float64()), "dec": pa.array([0.0, dec], pa.float64())}
    here = {"name": ["a", "b"], "ra": [1.0, 280.0], "dec": [0.0, 0.0]}
    detections = pa.table({"name": ["a", "b"], **place})
    known = pa.table({"label": ["QSO", "AGN"], **here})
    assert match_known(detections, known).label == ["QSO", "AGN"]
    assert match_known(detections, known, "sky").label == ["QSO", None]


def test_known_objects_at_impossible_places_match_nothing_on_the_sky():
    known = pa.table({"label": ["QSO", "AGN"], "ra": [1.0, 1000.0], "dec": [0.0, 0.0]})
    detections = pa.table({"name": ["a", "b"], "ra": [1.0, 280.0], "dec": [0.0, 0.0]})
    said = r"impossible position: 1, such as that in row 2 \(ra 1000, dec 0\): not matched on"
    with pytest.warns(XsiftWarning, match=said):
        assert match_known(detections, known).label == ["QSO", None]


def test_contradictory_names_warn():
    known = pa.table({"label": ["QSO", "AGN"], "name": ["a", "a"]})
    with pytest.warns(
        XsiftWarning,
        match=r"1 known objects have another of the same name .* rows 1 and 2 \(QSO and AGN\): a",
    ):
        match = match_known(pa.table({"name": ["a"]}), known)
    assert match.label == ["QSO"]


@pytest.mark.parametrize("reverse", [False, True])
def test_of_two_types_at_one_place_the_class_counts(reverse):
    """Whatever the order of the file: a "Star" at the place of a quasar does not hide it."""
    rows = [("QSO", 1.0), ("*", 1.0), ("*", 2.0), ("AGN", 2.0 + 1e-11), (None, 3.0), ("CV*", 3.0)]
    rows += [("X", 3.0)]
    rows = rows[::-1] if reverse else rows
    known = pa.table(
        {"label": [r[0] for r in rows], "ra": [r[1] for r in rows], "dec": [0.0] * len(rows)}
    )
    detections = pa.table({"name": ["a", "b", "c"], "ra": [1.0, 2.0, 3.0], "dec": [0.0] * 3})
    with pytest.warns(XsiftWarning, match="3 known objects have another of the same position with"):
        match = match_known(detections, known, codes=("QSO", "AGN"))
    assert match.label == ["QSO", "AGN", "CV*"]


def test_the_order_of_the_known_objects_decides_nothing_at_equal_distances():
    detections = pa.table({"name": ["a"], "ra": [1.0], "dec": [0.0]})
    known = pa.table(
        {"label": ["QSO", "AGN"], "ra": [1.0, 1.0], "dec": [0.3 * ARCSEC, -0.3 * ARCSEC]}
    )
    one, other = (match_known(detections, t).label for t in (known, known.take([1, 0])))
    assert one == other


@pytest.mark.parametrize(
    "spelled",
    [
        *(f"2CXO J004244.3{dash}411608" for dash in DASHES),
        "2cxo j004244.3-411608",
        "2CXO  J004244.3-411608",
        "2CXO\N{NO-BREAK SPACE}J004244.3-411608",
        "2CXO_J004244.3-411608",
    ],
)
def test_names_as_people_copy_them(spelled):
    detections = pa.table({"name": ["2CXO J004244.3-411608", "2CXO J1", "2CXO J1"]})
    known = pa.table({"label": ["QSO", "AGN"], "name": [spelled, "2CXO J1"]})
    with pytest.warns(XsiftWarning, match="1 known objects match by name only without regard to c"):
        match = match_known(detections, known)
    assert match.label == ["QSO", "AGN", "AGN"]
    assert (match.n_matched, match.n_used) == (3, 2)


def test_two_spellings_in_the_table_are_two_names():
    detections = pa.table({"name": ["a-b", "A-B", "a-b"]})
    assert match_known(detections, pa.table({"label": ["QSO"], "name": ["a_-b"]})).n_matched == 0
    exact = match_known(detections, pa.table({"label": ["QSO"], "name": ["A-B"]}))
    assert exact.label == [None, "QSO", None]


@pytest.mark.parametrize(
    ("how", "message"),
    [("sky", "both tables need positions"), ("auto", "both tables need"), ("name", "source names")],
)
def test_nothing_in_common(how, message):
    with pytest.raises(LabelError, match=message):
        match_known(
            pa.table({"name": ["1"], "ra": [1.0], "dec": [1.0]}),
            pa.table({"label": ["QSO"], "main_id": ["a"]}),
            how,
        )


def test_jittered_positions_of_the_real_labels(real):
    """The labels carry Chandra's own positions: 0.5 arcsec away they still find their source."""
    from xsift import read, surveys

    survey = surveys.load("csc20")
    path = real("csc20_query.vot")
    table = read.read_detections(path, survey, survey.feature_set("all")).table
    known = read.read_known(real("csc20_labels.csv"), survey).table
    exact = match_known(table, known)
    rng = np.random.default_rng(5)
    at = SkyCoord(known["ra"].to_numpy(), known["dec"].to_numpy(), unit="deg")
    moved = at.directional_offset_by(rng.uniform(0, 360, len(at)) * u.deg, 0.5 * u.arcsec)
    jittered = known.set_column(
        known.schema.get_field_index("ra"), "ra", pa.array(moved.ra.deg)
    ).set_column(known.schema.get_field_index("dec"), "dec", pa.array(moved.dec.deg))
    match = match_known(table, jittered)
    assert match.n_matched == exact.n_matched
    assert match.label == exact.label
    assert_allclose(np.nanmedian(match.separation_arcsec), 0.5, atol=1e-3)
