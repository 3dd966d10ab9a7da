"""Survey profiles: what they say is sound."""

import astropy.units as u
import pytest
from astropy.io.votable.ucd import check_ucd
from pydantic import ValidationError

from xsift import surveys
from xsift.catalogue.columns import output_columns
from xsift.classes import PAPER_CLASSES
from xsift.errors import SettingError

PAPER_ORDER = (
    "hard_hm hard_hs hard_ms powlaw_gamma bb_kt var_prob_b var_ratio_b var_prob_h var_ratio_h "
    "var_prob_s var_ratio_s var_newq_b"
).split()


@pytest.mark.parametrize("name", surveys.names())
def test_profile_loads(name):
    assert surveys.load(name).name == name


def test_all_is_the_papers_twelve_in_its_order():
    features = surveys.load("csc20").feature_set("all")
    assert [f.name for f in features] == PAPER_ORDER
    logs = {f.name for f in features if f.scaling == "log-range"}
    assert logs == {"bb_kt", "var_ratio_h", "var_ratio_b", "var_ratio_s", "var_newq_b"}
    assert [f.name for f in features if f.scaling == "range"] == ["powlaw_gamma"]


@pytest.mark.parametrize(("earlier", "now"), [("csc12", "all"), ("csc11", "without-newq")])
def test_what_an_earlier_model_calls_its_features(earlier, now):
    survey = surveys.load("csc20")
    assert survey.feature_set(earlier) == survey.feature_set(now)


def test_without_newq_lacks_only_the_twelfth():
    features = surveys.load("csc21").feature_set("without-newq")
    assert [f.name for f in features] == PAPER_ORDER[:-1]


COLUMNS = [c for n in surveys.names() for c in surveys.load(n).described().values()]
WRITTEN = list(output_columns(PAPER_CLASSES).values())


@pytest.mark.parametrize("column", COLUMNS + WRITTEN, ids=lambda c: c.name)
def test_units_and_ucds_are_the_vos(column):
    assert column.description
    assert u.Unit(column.unit) is not None
    assert not column.ucd or check_ucd(column.ucd, check_controlled_vocabulary=True)


@pytest.mark.parametrize(
    ("survey", "features", "expected"),
    [
        (None, None, ("csc20", "all")),
        (None, "without-newq", ("csc21", "without-newq")),
        (None, "all", ("csc20", "all")),
        ("csc21", None, ("csc21", "without-newq")),
        ("csc20", "without-newq", ("csc20", "without-newq")),
    ],
)
def test_survey_and_features_follow_from_each_other(survey, features, expected):
    found, chosen = surveys.survey_of(survey, features)
    assert (found.name, chosen) == expected


def test_unknown_names_say_what_is_known():
    with pytest.raises(SettingError, match=r"^survey xmm: no such survey.*: give .*csc20, csc21"):
        surveys.load("xmm")
    with pytest.raises(SettingError, match=r"^features csc13: survey csc20 has the sets all, w"):
        surveys.load("csc20").feature_set("csc13")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"features": [{"name": "x", "scaling": "none"}]}, "not described"),
        ({"default_features": "csc13"}, "csc13 is not described"),
        ({"surprise": 1}, "Extra inputs"),
        (
            {"feature_sets": {"all": {"description": "", "without": ["x"]}}},
            "names unknown features: x",
        ),
    ],
)
def test_a_profile_that_breaks_the_schema_is_refused(change, message):
    tree = surveys.load("csc20").model_dump() | change
    with pytest.raises(ValidationError, match=message):
        surveys.Survey.model_validate(tree)


LIMITED = [(n, c) for n in surveys.names() for c in surveys.load(n).columns if c.limits]


@pytest.mark.parametrize(("name", "column"), LIMITED, ids=lambda x: getattr(x, "name", x))
def test_limits_are_described_as_errors_in_the_unit_of_their_column(name, column):
    survey = surveys.load(name)
    for limit in map(survey.column, column.limits):
        assert limit.unit == column.unit
        assert limit.ucd.startswith("stat.error;"), limit.name
        assert limit.kind == "float"
        # Where the archive is asked for a value, it is asked for its limits, too.
        if column.name in survey.query.selected:
            assert limit.name in survey.query.selected
    if column.bands is None:
        assert "hard_" not in column.name
    elif column.lolim is not None:
        assert [(survey.column(n).low, survey.column(n).high) for n in column.limits] == [
            (-1, 1)
        ] * 2


@pytest.mark.parametrize("name", surveys.names())
def test_each_survey_tells_how_faint_its_detections_are(name):
    survey = surveys.load(name)
    ratios = {f.name for f in survey.features if survey.column(f.name).bands}
    by_hardness = {c for way in survey.counts if way.way == "hardness" for c in way.columns}
    assert by_hardness == ratios
    asked = survey.query.selected
    assert all(c in asked for way in survey.counts for c in way.columns)
