"""The simulated survey recovers what it is drawn from, and breaks no rule of the archive."""

from collections import Counter

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord

from xsift.classes import PAPER_CLASSES, code_of
from xsift.errors import SettingError
from xsift.simulate import load_populations, simulate

GROUP = {c.code: c.group for c in PAPER_CLASSES.classes}
# Medians of the published, uniquely classified sources (hm, hs); Perez-Diaz et al. 2024.
PUBLISHED = {
    "AGN": (0.059, -0.210),
    "Seyfert": (0.059, -0.192),
    "XB": (0.174, 0.141),
    "YSO": (-0.105, -0.334),
}


def array(table, name):
    return table[name].to_numpy(zero_copy_only=False)


@pytest.fixture(scope="module")
def survey():
    return simulate()


@pytest.fixture(scope="module")
def columns(survey):
    return {n: array(survey.detections, n) for n in survey.detections.column_names}


@pytest.fixture(scope="module")
def latitude(columns):
    sky = SkyCoord(columns["ra"] * u.deg, columns["dec"] * u.deg)
    return np.abs(sky.galactic.b.deg)


def of_sources(survey, columns):
    _, first = np.unique(columns["name"], return_index=True)
    return first, np.array([GROUP.get(c) for c in survey.truth[first]], dtype=object)


def test_same_seed_same_survey(survey):
    again = simulate(seed=42)
    assert again.detections.equals(survey.detections, check_metadata=True)
    assert again.known.equals(survey.known)
    assert (again.truth == survey.truth).all()


def test_another_seed_another_survey(survey):
    other = simulate(seed=43)
    names, others = (set(array(s.detections, "name")) for s in (survey, other))
    assert len(names & others) < 60  # crowded fields may give a name twice
    values, other_values = (array(s.detections, "hard_hm")[:100] for s in (survey, other))
    assert not np.intersect1d(values, other_values).size


def test_six_thousand_sources_in_the_order_of_the_archive(columns, survey):
    assert len(set(columns["name"])) == 6000
    keys = list(zip(*(columns[k].tolist() for k in ("name", "obsid", "obi")), strict=True))
    assert len(set(keys)) == len(keys) == len(survey.truth)
    assert keys == sorted(keys)
    regions = zip(*(columns[k].tolist() for k in ("obsid", "obi", "region_id")), strict=True)
    assert len(set(regions)) == len(keys)


def test_position_and_class_belong_to_the_source(columns, survey):
    seen = set(zip(columns["name"], columns["ra"], columns["dec"], survey.truth, strict=True))
    assert len(seen) == 6000


def test_name_says_the_position(columns):
    for name, ra, dec in list(zip(columns["name"], columns["ra"], columns["dec"], strict=True))[
        ::500
    ]:
        assert name.startswith("SIM J")
        text = name[5:]
        place = SkyCoord(
            f"{text[:2]}h{text[2:4]}m{text[4:9]}s {text[9:12]}d{text[12:14]}m{text[14:]}s"
        )
        assert place.separation(SkyCoord(ra * u.deg, dec * u.deg)).arcsec < 0.2


def test_types_and_units(survey):
    schema = survey.detections.schema
    for name in ("obsid", "obi", "region_id"):
        assert str(schema.field(name).type) == "int64"
    for field in schema:
        if field.name not in ("name", "obsid", "obi", "region_id"):
            assert str(field.type) == "double", field.name
    assert schema.field("bb_kt").metadata[b"unit"] == b"keV"
    assert schema.field("theta").metadata[b"unit"] == b"arcmin"


def test_ranges(columns):
    def inside(name, low, high):
        values = columns[name][np.isfinite(columns[name])]
        assert (values >= low).all(), name
        assert (values <= high).all(), name

    for x in ("hm", "hs", "ms"):
        inside(f"hard_{x}", -1, 1)
    for x in "bhs":
        inside(f"var_prob_{x}", 0, 1)
        inside(f"var_mean_{x}", 1e-12, 1e5)
        inside(f"var_sigma_{x}", 0, 1e6)
    inside("powlaw_gamma", -5, 10)
    inside("bb_kt", 0.01, 999.001)
    inside("theta", 0, 40)
    inside("dec", -90, 90)
    inside("ra", 0, 360)


def test_light_curve_lies_between_its_extremes(columns):
    ok = np.isfinite(columns["var_mean_b"])
    low, mean, high = (columns[f"var_{x}_b"][ok] for x in ("min", "mean", "max"))
    assert (low >= 0).all()
    assert (low <= mean * (1 + 1e-12)).all()
    assert (high >= mean * (1 - 1e-12)).all()
    newq = (high + low) / 2 / mean
    assert 0.1 < (np.abs(newq - 1) < 1e-12).mean() < 0.35  # 0.24 in the archive


def test_hardness_triangle_closes(columns):
    hm, hs, ms = (np.arctanh(columns[f"hard_{x}"]) for x in ("hm", "hs", "ms"))
    mismatch = (hm + ms - hs)[np.isfinite(hm + ms + hs)]
    np.testing.assert_allclose(mismatch, 0, atol=1e-6)


@pytest.mark.parametrize("group", PUBLISHED)
def test_medians_of_hardness_are_near_the_published(columns, survey, group):
    """Within 0.1; XB and YSO's hs within 0.3: theirs are labelled sources, not classified ones."""
    groups = np.array([GROUP.get(c) for c in survey.truth], dtype=object)
    hm, hs = (np.nanmedian(columns[f"hard_{x}"][groups == group]) for x in ("hm", "hs"))
    assert abs(hm - PUBLISHED[group][0]) < 0.1
    assert abs(hs - PUBLISHED[group][1]) < (0.3 if group in ("XB", "YSO") else 0.1)


def test_young_stars_vary_and_are_soft(columns, survey):
    groups = np.array([GROUP.get(c) for c in survey.truth], dtype=object)
    often = {g: np.nanmean(columns["var_prob_b"][groups == g] > 0.9) for g in PUBLISHED}
    assert often["YSO"] > 0.25  # published: 0.30
    assert often["AGN"] < 0.06  # published: 0.006
    gamma = {g: np.median(columns["powlaw_gamma"][groups == g]) for g in PUBLISHED}
    assert abs(gamma["YSO"] - 2.91) < 0.2
    assert abs(gamma["AGN"] - 1.90) < 0.1


def test_young_stars_in_the_plane_and_active_nuclei_away(survey, columns, latitude):
    first, group = of_sources(survey, columns)
    near = {g: (latitude[first][group == g] < 5).mean() for g in PUBLISHED}
    assert 0.3 < near["YSO"] < 0.6  # published: 0.52
    assert near["AGN"] < 0.05  # published: 0.03
    assert near["Seyfert"] < 0.05  # published: 0.04
    assert 0.1 < near["XB"] < 0.3  # published: 0.21


def test_missing_rates_are_the_published(columns):
    published = {
        "hard_hm": 0.0141,
        "hard_hs": 0.0179,
        "hard_ms": 0.0203,
        "var_prob_b": 0.0121,
        "var_prob_h": 0.1095,
        "var_prob_s": 0.1121,
        "powlaw_gamma": 0,
        "bb_kt": 0,
    }
    n = len(columns["name"])
    for name, rate in published.items():
        error = np.sqrt(rate * (1 - rate) / n)
        assert abs(np.isnan(columns[name]).mean() - rate) <= 4 * error, name


def test_missing_is_null_and_a_band_is_missing_as_a_whole(survey):
    table = survey.detections
    assert table["var_prob_h"].null_count > 0
    for band, parts in {"b": ("mean", "sigma", "min", "max"), "h": ("mean", "sigma")}.items():
        whole = table[f"var_prob_{band}"].is_null()
        for part in parts:
            assert table[f"var_{part}_{band}"].is_null().equals(whole)


def test_detections_per_source_are_the_published(columns):
    n = np.array(list(Counter(columns["name"]).values()))
    assert abs((n == 1).mean() - 0.7768) < 0.02
    assert abs((n == 2).mean() - 0.1142) < 0.02
    assert 0.003 < (n > 10).mean() < 0.02
    assert n.max() <= 97


def test_class_shares(survey, columns):
    first, _ = of_sources(survey, columns)
    counts = Counter(survey.truth[first])
    for population in load_populations().classes:
        expected = population.share * 0.95
        error = np.sqrt(expected * (1 - expected) / 6000)
        assert abs(counts[population.code] / 6000 - expected) < 4 * error, population.code
    others = sum(n for code, n in counts.items() if code not in GROUP)
    assert abs(others / 6000 - 0.05) < 4 * np.sqrt(0.05 * 0.95 / 6000)


def test_known_sources_are_found_within_an_arcsec(survey, columns):
    first, _ = of_sources(survey, columns)
    sources = SkyCoord(columns["ra"][first] * u.deg, columns["dec"][first] * u.deg)
    known = SkyCoord(array(survey.known, "ra") * u.deg, array(survey.known, "dec") * u.deg)
    nearest, separation, _ = known.match_to_catalog_sky(sources)
    found = columns["name"][first][nearest] == array(survey.known, "name")
    assert found.all()
    assert (separation.arcsec < 1).mean() > 0.99
    # 0.3 arcsec over both axes: a Rayleigh law, whose median is 0.3 sqrt(ln 2); also near a pole.
    for rows in (np.abs(known.dec.deg) < 20, np.abs(known.dec.deg) > 50):
        assert abs(np.median(separation.arcsec[rows]) - 0.25) < 0.025


def test_label_fraction_and_noise():
    s = simulate(label_fraction=0.5, label_noise=0.2)
    truth = dict(zip(array(s.detections, "name"), s.truth, strict=True))
    known = [(truth[k["name"]], code_of(k["otype"])) for k in s.known.to_pylist()]
    assert len(known) == 3000
    ten = [(t, label) for t, label in known if t in GROUP]
    wrong = [(t, label) for t, label in ten if t != label]
    assert abs(len(wrong) / len(ten) - 0.2) < 4 * np.sqrt(0.16 / len(ten))
    assert np.mean([GROUP[t] == GROUP[label] for t, label in wrong]) > 0.7
    assert all(t == label for t, label in known if t not in GROUP)


def test_old_and_new_spellings(survey):
    spellings = set(array(survey.known, "otype"))
    assert {"Seyfert_1", "Seyfert1", "HMXB", "HighMassXBin", "TTau*", "TTauri*"} <= spellings


def test_no_noise_no_others_no_labels():
    s = simulate(50, other_fraction=0, label_noise=0, label_fraction=1)
    assert set(s.truth) <= set(GROUP)
    truth = dict(zip(array(s.detections, "name"), s.truth, strict=True))
    assert all(truth[k["name"]] == code_of(k["otype"]) for k in s.known.to_pylist())
    assert simulate(50, label_fraction=0).known.num_rows == 0
    assert set(simulate(50, other_fraction=1).truth).isdisjoint(GROUP)


def test_a_single_source():
    assert len(set(array(simulate(1).detections, "name"))) == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_sources": 0}, "n_sources = 0: allowed is 1 and more"),
        ({"label_fraction": 1.5}, "label_fraction = 1.5: allowed is 0 to 1"),
        ({"label_noise": -0.1}, "label_noise = -0.1: allowed is 0 to 1"),
        ({"other_fraction": float("nan")}, "other_fraction = nan: allowed is 0 to 1"),
    ],
)
def test_settings_out_of_range(options, message):
    with pytest.raises(SettingError, match=message):
        simulate(**options)
