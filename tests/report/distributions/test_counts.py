"""Counts, shares, medians and maps against counting by hand."""

import numpy as np
import pytest
from scipy.stats import binomtest

from xsift.report.distributions import (
    N_LAT,
    N_LON,
    SMOOTHING_DEG,
    against_latitude,
    class_counts,
    class_medians,
    detections_per_source,
    feature_histograms,
    map_centres,
    shares_above,
    sky_densities,
    sky_density,
    sky_near,
    top_probabilities,
)

NAN = np.nan


def test_class_counts_by_hand():
    code = np.array([0, 0, 1, -1, 0])
    unique = np.array([True, False, True, True, True])
    table = class_counts(code, unique, ["a", "b", "c"], ["g", "g", "h"]).to_pydict()
    assert table == {
        "group": ["g", "g", "h"],
        "class": ["a", "b", "c"],
        "unique": [2, 1, 0],
        "ambiguous": [1, 0, 0],
        "total": [3, 1, 0],
        "share": [0.75, 0.25, 0.0],
    }


@pytest.mark.parametrize("highest", [1, 2, 7, 97, 1000])
def test_every_source_is_in_one_bin_of_detections(highest):
    n = np.append(np.random.default_rng(0).integers(1, highest + 1, 500), highest)
    table = detections_per_source(n).to_pydict()
    low, high = np.array(table["from"]), np.array(table["to"])
    assert low[0] == 1
    assert high[-1] >= highest
    np.testing.assert_array_equal(low[1:], high[:-1] + 1)
    counted = [int(((n >= a) & (n <= b)).sum()) for a, b in zip(low, high, strict=True)]
    assert table["sources"] == counted
    assert sum(counted) == len(n)


def test_probabilities_by_hand():
    p = np.array([0.06, 0.56, 0.96, 1.0, NAN, 0.7])
    code = np.array([0, 0, 0, 1, 0, -1])
    table = top_probabilities(p, code, ["a", "b", "empty"])
    assert table["class"].unique().to_pylist() == ["a", "b"]
    a = table.slice(0, 20).to_pydict()
    assert [low for low, n in zip(a["low"], a["sources"], strict=True) if n] == pytest.approx(
        [0.05, 0.55, 0.95]
    )
    assert table.slice(20, 20)["sources"].to_pylist()[-1] == 1  # 1 is in the last bin
    shares = shares_above(p, code, ["a", "b", "empty"]).to_pydict()
    assert shares["class"] == ["a", "b", "empty", "all"]
    assert shares["sources"] == [3, 1, 0, 4]
    assert shares["above_0.5"][:2] == pytest.approx([2 / 3, 1])
    assert shares["above_0.9"][3] == 0.5
    assert np.isnan(shares["median"][2])
    assert shares["median"][3] == pytest.approx(0.76)


def test_latitude_by_hand_and_wilson():
    b = np.array([-1, 1, 1.5, -89, 90, NAN, 3])
    code = np.array([0, 0, 1, 1, 1, 0, -1])
    table = against_latitude(b, code, ["a", "b"]).to_pydict()
    first = {k: v[0] for k, v in table.items()}
    assert (first["low"], first["high"], first["sources"], first["of"]) == (0, 2, 2, 3)
    wilson = binomtest(2, 3).proportion_ci(0.95, method="wilson")
    assert (first["share_low"], first["share_high"]) == pytest.approx((wilson.low, wilson.high))
    assert table["sources"][-1] == 2  # 90 deg is in the last bin
    assert np.isnan(table["share"][3])
    assert sum(table["sources"]) == 5


def test_histograms_agree_with_numpy():
    rng = np.random.default_rng(4)
    values, code = rng.normal(size=1000), rng.integers(-1, 2, 1000)
    table = feature_histograms({"f": values}, code, ["a", "b"], {"f": (-2.0, 2.0)})
    for k, name in enumerate("ab"):
        part = table.filter(np.array(table["population"]) == name).to_pydict()
        counts, edges = np.histogram(values[code == k], 40, (-2, 2))
        assert part["n"] == counts.tolist()
        np.testing.assert_allclose(part["low"], edges[:-1])
        np.testing.assert_allclose(part["share"], counts / counts.sum())


def test_medians_by_hand():
    features = {"hard_hs": np.array([0.0, 1, 2, NAN]), "var_prob_b": np.array([0.95, 0.1, NAN, 1])}
    b = np.array([1.0, -7, NAN, 50])
    everyone, nobody = np.ones(4, bool), np.zeros(4, bool)
    table = class_medians(features, b, [("group", "a", everyone), ("class", "b", nobody)])
    assert table.to_pylist()[0] == {
        "level": "group",
        "name": "a",
        "sources": 4,
        "hard_hs": 1.0,
        "var_prob_b": 0.95,
        "below_5_deg": pytest.approx(1 / 3),
        "below_10_deg": pytest.approx(2 / 3),
        "variable": pytest.approx(2 / 3),
    }
    assert np.isnan(table.to_pylist()[1]["hard_hs"])
    assert "below_5_deg" not in class_medians(features, None, []).column_names


def area():
    lat = np.radians((np.arange(N_LAT) + 0.5) * 180 / N_LAT - 90)
    return (360 / N_LON) * (180 / N_LAT) * np.cos(lat)[None, :]


def test_the_map_holds_every_source_and_peaks_where_it_is():
    lon, lat = np.array([30.0, -100.0, 0.0]), np.array([0.5, -80.0, NAN])
    maps = sky_density(lon, lat, np.array([0, 1, 0]), 2)
    totals = (maps * area()).sum(axis=(1, 2))
    np.testing.assert_allclose(totals, [1, 1], rtol=0.01)
    i, j = np.unravel_index(maps[0].argmax(), maps[0].shape)
    assert abs((i + 0.5) * 360 / N_LON - 180 - 30) <= 360 / N_LON
    assert abs((j + 0.5) * 180 / N_LAT - 90) <= 180 / N_LAT
    # One source: the height of a Gaussian of that width, in a plane that touches the sphere.
    assert maps[0].max() == pytest.approx(1 / (2 * np.pi * SMOOTHING_DEG**2), rel=0.05)


def test_the_map_agrees_with_a_sum_of_kernels():
    rng = np.random.default_rng(5)
    lon, lat = rng.uniform(-180, 180, 300), np.degrees(np.arcsin(rng.uniform(-1, 1, 300)))
    ours = sky_density(lon, lat, np.zeros(300, int), 1)[0]

    def unit(a, b):
        a, b = np.radians(a), np.radians(b)
        return np.stack([np.cos(b) * np.cos(a), np.cos(b) * np.sin(a), np.sin(b)], axis=-1)

    grid = np.meshgrid(
        (np.arange(N_LON) + 0.5) * 360 / N_LON - 180,
        (np.arange(N_LAT) + 0.5) * 180 / N_LAT - 90,
        indexing="ij",
    )
    kappa = (180 / np.pi / SMOOTHING_DEG) ** 2
    naive = np.exp(kappa * (unit(*grid) @ unit(lon, lat).T - 1)).sum(axis=2)
    naive *= kappa / (2 * np.pi) * (np.pi / 180) ** 2
    np.testing.assert_allclose(ours, naive, atol=0.08 * naive.max())
    assert np.corrcoef(ours.ravel(), naive.ravel())[0, 1] > 0.998


def test_few_sources_on_the_sky_stand_for_themselves():
    lon = np.concatenate([np.linspace(0, 300, 30), [1.0, 2.0], [NAN]])
    lat, code = np.zeros(33), np.array([0] * 30 + [1, 1] + [2])
    table = sky_densities(lon, lat, code, ["many", "few", "nowhere"])
    assert table["population"].unique().to_pylist() == ["many", "few"]
    rows = table.to_pylist()
    assert sum(r["population"] == "many" for r in rows) == N_LON * N_LAT
    few = [r for r in rows if r["population"] == "few"]
    assert [(r["n"], r["l_deg"], r["b_deg"]) for r in few] == [(2, 1, 0), (2, 2, 0)]
    assert all(np.isnan(r["per_deg2"]) for r in few)


def test_the_sky_near_a_lone_source():
    near = sky_near(np.array([0.5, NAN]), np.array([0.5, NAN]))
    lon, lat = np.meshgrid(*map_centres(), indexing="ij")
    away = np.degrees(np.arccos(np.cos(np.radians(lat)) * np.cos(np.radians(lon - 0.5))))
    assert near[away < 6].all()
    assert not near[away > 9].any()
