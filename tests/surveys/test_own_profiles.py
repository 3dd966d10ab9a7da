"""Profiles in the user's own folder: what they may say, and what is refused in one line."""

from pathlib import Path

import astropy.units as u
import numpy as np
import pytest
from astropy.io.votable.ucd import check_ucd
from numpy.testing import assert_allclose

from xsift import surveys
from xsift.errors import SettingError
from xsift.surveys import FORMULAS, identifier

EXAMPLES = Path(__file__).parents[2] / "examples"
FIVE_LINES = """\
extends = "csc20"
[[features]]
name = "log_flux"
formula = "log10"
inputs = ["flux_aper_b"]
"""


@pytest.fixture
def profile(tmp_path):
    def write(text, name="mine.toml"):
        (tmp_path / name).write_text(text)
        return tmp_path / name

    return write


def test_one_feature_more_is_five_lines(profile):
    assert len(FIVE_LINES.splitlines()) == 5
    survey, features = surveys.survey_of(profile(FIVE_LINES), None)
    parent = surveys.load("csc20")
    assert (survey.name, features) == ("mine", "all")
    names = [f.name for f in survey.feature_set("all")]
    assert names == [*(f.name for f in parent.feature_set("all")), "log_flux"]
    assert survey.column("log_flux").description == "log10 flux_aper_b"
    assert survey.columns[: len(parent.columns)] == parent.columns
    assert not surveys.is_shipped(survey)
    assert surveys.is_shipped(parent)


def test_extends_changes_columns_and_features_by_name(profile):
    text = """
extends = "csc20"
name = "narrow"
[[columns]]
name = "bb_kt"
high = 10.0
also = ["kT"]
[[features]]
name = "bb_kt"
scaling = "none"
[feature_sets.spectrum]
description = "the spectrum alone"
only = ["bb_kt", "powlaw_gamma"]
"""
    survey = surveys.load(profile(text))
    kt, was = survey.column("bb_kt"), surveys.load("csc20").column("bb_kt")
    assert (kt.high, kt.also, kt.unit, kt.above) == (10.0, ("kT",), was.unit, was.above)
    assert survey.feature("bb_kt").scaling == "none"
    assert [f.name for f in survey.feature_set("spectrum")] == ["powlaw_gamma", "bb_kt"]
    assert set(survey.feature_sets) == {"all", "without-newq", "spectrum"}


def test_a_profile_extends_a_file_beside_it(profile):
    profile(FIVE_LINES, "first.toml")
    second = profile('extends = "first.toml"\nrelease = "2"\n', "second.toml")
    survey = surveys.load(second)
    assert (survey.name, survey.release) == ("second", "2")
    assert survey.feature("log_flux") is not None


def test_a_profile_needs_no_query_and_brings_its_classes(profile):
    classes = '[[class]]\ncode = "AGN"\ngroup = "AGN"\n[[class]]\ncode = "CV"\ngroup = "CV"\n'
    profile(classes, "two.toml")
    text = """
classes = "two.toml"
[[columns]]
name = "name"
kind = "text"
description = "Source"
[[columns]]
name = "hr"
description = "Hardness"
[[features]]
name = "hr"
"""
    survey = surveys.load(profile(text))
    assert survey.query is None
    assert survey.classes.codes == ("AGN", "CV*")
    assert [f.name for f in survey.feature_set("all")] == ["hr"]
    with pytest.raises(SettingError, match=r"survey mine has no archive: its profile has no \[qu"):
        survey.need_query()


FEATURE = '[[features]]\nname = "x"\n'
COLUMN = 'extends = "csc20"\n[[columns]]\nname = "x"\ndescription = "x"\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            'extends = "csc20"\n' + FEATURE + 'formula = "eval"\ninputs = ["ra"]\n',
            "features x formula: unknown formula 'eval': allowed are ratio, difference, sum, log10",
        ),
        (
            'extends = "csc20"\n' + FEATURE + 'formula = "ratio"\ninputs = ["ra"]\n',
            "features x: ratio takes 2 inputs, not 1",
        ),
        (
            'extends = "csc20"\n' + FEATURE + 'formula = "sum"\ninputs = ["ra"]\n',
            "features x: sum takes 2 to 20 inputs, not 1",
        ),
        (
            'extends = "csc20"\n' + FEATURE + 'inputs = ["ra"]\n',
            "features x: 1 inputs and no formula: allowed are ratio",
        ),
        (
            'extends = "csc20"\n' + FEATURE + 'formula = "log10"\ninputs = ["nothing"]\n',
            "features use columns that are not described: nothing",
        ),
        (
            'extends = "csc20"\n' + FEATURE + 'formula = "log10"\ninputs = ["x"]\n',
            "a feature follows from itself: x <- x",
        ),
        (
            'extends = "csc20"\n'
            + (FEATURE + 'formula = "log10"\ninputs = ["y"]\n')
            + '[[features]]\nname = "y"\nformula = "log10"\ninputs = ["x"]\n',
            "a feature follows from itself: x <- y <- x",
        ),
        (
            COLUMN + 'lolim = "ra"\n',
            "columns x: limits: give lolim and hilim, or error, or error_up and error_down",
        ),
        (COLUMN + 'error_up = "ra"\n', "columns x: limits: give lolim and hilim, or error"),
        (
            COLUMN + 'error = "ra"\nlolim = "ra"\nhilim = "ra"\n',
            "columns x: limits: give lolim and hilim, or error",
        ),
        (
            COLUMN + 'error = "x_err"\n',
            "limits and counts use columns that are not described: x_err",
        ),
        (COLUMN + 'error = "name"\n', "limits and counts use columns of text: name"),
        (COLUMN + "confidence = 0.9\n", "columns x: confidence says nothing where there are nei"),
        (
            COLUMN + 'error = "ra"\nconfidence = 90\n',
            "columns x confidence: Input should be less than 1",
        ),
        (
            COLUMN + 'kind = "text"\nbands = ["a", "b"]\n',
            "columns x: a column of text has neither limits nor bands",
        ),
        (
            COLUMN + '[[counts]]\nway = "flux"\ncolumns = ["x"]\n',
            "counts by flux: x has neither limits nor an error",
        ),
        (
            COLUMN + 'error = "ra"\n[[counts]]\nway = "hardness"\ncolumns = ["x"]\n',
            "counts by hardness: x does not name its bands",
        ),
        (
            COLUMN + '[[counts]]\nway = "counts"\ncolumns = ["y"]\n',
            "limits and counts use columns that are not described: y",
        ),
        (
            COLUMN + '[[counts]]\nway = "guess"\ncolumns = ["x"]\n',
            "counts 0 way: Input should be 'hardness', 'flux', 'fit'",
        ),
        (
            COLUMN + '[[counts]]\nway = "counts"\ncolumns = ["x"]\nfactor = 0\n',
            "counts 0 factor: Input should be greater than 0",
        ),
        ('extends = "csc20"\n' + FEATURE + FEATURE, "features: x is described twice"),
        (
            'extends = "csc20"\n' + 2 * '[[columns]]\nname = "x"\ndescription = "x"\n',
            "columns: x is described twice",
        ),
        (
            'extends = "csc20"\n[[columns]]\nname = "x"\ndescription = "x"\nalso = ["BB_KT"]\n',
            "column bb_kt is described twice",
        ),
        ('extends = "csc20"\n[[columns]]\nunit = "x"\n', "columns: every entry needs a name"),
        ('extends = "csc20"\n[[columns]]\nname = "X Y"\n', "columns X Y name: String should match"),
        ('extends = "csc20"\nsurprise = 1\n', "surprise: Extra inputs are not permitted"),
        ('extends = "csc20"\nplanes = [["bb_kt", "x"]]\n', "planes name unknown features: x"),
        ('extends = "csc20"\ndefault_features = "x"\n', "default feature set x is not described"),
        (
            'extends = "csc20"\n[feature_sets.none]\ndescription = ""\nonly = ["x"]\n',
            "feature set none names unknown features: x",
        ),
        ('extends = "nothing.toml"\n', "extends nothing.toml: cannot be read: No such file"),
        ('extends = "mine.toml"\n', r"extends goes in a circle: .*mine.toml -> .*mine.toml"),
        ('classes = "none.toml"\nextends = "csc20"\n', "none.toml: not a readable list of classes"),
        ("extends = csc20\n", "not a TOML file"),
        ('title = "empty"\n', "columns: Field required"),
    ],
)
def test_a_profile_that_cannot_serve_is_refused_in_one_line(profile, text, message):
    with pytest.raises(ValueError, match=message) as refused:
        surveys.load(profile(text))
    assert "\n" not in str(refused.value)
    assert "mine.toml" in str(refused.value) or "none.toml" in str(refused.value)


def test_two_profiles_in_a_circle_are_refused(profile):
    first = profile('extends = "b.toml"\n', "a.toml")
    profile('extends = "a.toml"\n', "b.toml")
    with pytest.raises(SettingError, match=r"circle: .*a.toml -> .*b.toml -> .*a.toml$"):
        surveys.load(first)


@pytest.mark.parametrize("content", [b"\xff\xfee\0", b"\xe9 = 1"])
def test_a_profile_in_another_encoding_is_refused(tmp_path, content):
    (tmp_path / "mine.toml").write_bytes(content)
    with pytest.raises(SettingError, match=r"save (it|the file) as UTF-8"):
        surveys.load(tmp_path / "mine.toml")


def test_a_profile_that_is_not_there_is_refused():
    with pytest.raises(SettingError, match=r"^survey no\.toml: cannot be read: No such file"):
        surveys.load("no.toml")
    with pytest.raises(SettingError, match=r"^survey csc22: .* \(did you mean csc2.\?\)"):
        surveys.load("csc22")


LIMITS = """\
extends = "csc20"
[[columns]]
name = "log_flux"
description = "log10 of the flux"
error_up = "log_flux_up"
error_down = "log_flux_down"
confidence = 0.9
[[columns]]
name = "log_flux_up"
description = "90 % error of log_flux, upwards"
[[columns]]
name = "log_flux_down"
description = "90 % error of log_flux, downwards"
[[counts]]
way = "fit"
columns = ["log_flux"]
factor = 0.19
"""


def test_limits_and_ways_to_counts_of_ones_own(profile):
    survey = surveys.load(profile(LIMITS))
    column = survey.column("log_flux")
    assert column.limits == ("log_flux_down", "log_flux_up")
    assert column.sigmas == pytest.approx(1.644854)
    # They stand in place of those of the profile that it extends; the limits there stay.
    assert [(way.way, way.columns) for way in survey.counts] == [("fit", ("log_flux",))]
    assert survey.column("hard_hm").limits == ("hard_hm_lolim", "hard_hm_hilim")
    assert surveys.load(profile('extends = "csc20"\ncounts = []\n')).counts == ()
    assert surveys.Survey.model_validate(survey.model_dump(mode="json")) == survey


def test_features_of_ones_own_keep_their_order():
    survey, chosen = surveys.survey_of("csc20", "log_flux, powlaw_gamma,CSCv2_S/N,S/N,theta")
    names = [f.name for f in survey.feature_set(chosen)]
    assert names == ["log_flux", "powlaw_gamma", "cscv2_s_n", "significance", "theta"]
    assert survey.column("cscv2_s_n").also == ("CSCv2_S/N",)
    assert survey.name == "csc20"
    assert not surveys.is_shipped(survey)


@pytest.mark.parametrize(
    ("features", "message"),
    [
        ("hard_hm,hard_hm", "features: hard_hm is named twice"),
        ("hard_hm,HARD_HM", "features: HARD_HM is named twice"),
        ("hard_hm,name", "features: name is a column of text"),
        ("csc13", "features csc13: survey csc20 has the sets all, without-newq; or name columns"),
    ],
)
def test_features_that_cannot_serve_are_refused(features, message):
    with pytest.raises(SettingError, match=message):
        surveys.survey_of("csc20", features)


def test_one_feature_of_the_survey_is_a_choice_of_its_own():
    survey, chosen = surveys.survey_of("csc20", "bb_kt")
    assert [f.name for f in survey.feature_set(chosen)] == ["bb_kt"]


def test_the_profile_of_the_counterparts_serves():
    survey = surveys.load(EXAMPLES / "muwclass.toml")
    assert (survey.name, survey.field) == ("muwclass", 1.0)
    assert len(survey.feature_set("all")) == 37
    assert len(survey.feature_set("xray")) == 14
    assert survey.classes.codes[:2] == ("AGN", "CV*")
    for column in survey.columns:
        assert u.Unit(column.unit) is not None
        assert not column.ucd or check_ucd(column.ucd, check_controlled_vocabulary=True)


A, B, C = np.array([1.0, 0.0, -2.0, np.nan]), np.array([4.0, 2.0, 1.0, 1.0]), np.full(4, 2.0)
EXPECTED = {
    "ratio": ((A, B), [0.25, 0, -2, np.nan]),
    "difference": ((A, B), [-3, -2, -3, np.nan]),
    "sum": ((A, B, C), [7, 4, 1, np.nan]),
    "log10": ((A,), [0, np.nan, np.nan, np.nan]),
    "log10-ratio": ((A, B), [-np.log10(4), np.nan, np.nan, np.nan]),
    "hardness": ((A, B), [-0.6, -1, 3, np.nan]),
    "midrange-ratio": ((A, B, C), [1.25, 0.5, -0.25, np.nan]),
    "log-flux-magnitude": ((B, C), [np.log10(4) + 0.8, np.log10(2) + 0.8, 0.8, 0.8]),
}


@pytest.mark.parametrize("name", FORMULAS)
def test_formulas_by_hand(name):
    inputs, expected = EXPECTED[name]
    assert_allclose(FORMULAS[name].compute(inputs), expected, rtol=1e-15)


@pytest.mark.parametrize(
    ("name", "safe"),
    [("CSCv2_S/N", "cscv2_s_n"), ("  W1 - W2 ", "w1_w2"), ("2MASS", "c_2mass"), ("é", "c")],
)
def test_identifiers_are_safe(name, safe):
    assert identifier(name) == safe
