"""The packaged population parameters, and the space that they live in."""

import json
from importlib import resources
from pathlib import Path

import numpy as np
import pytest

from xsift.classes import PAPER_CLASSES
from xsift.errors import ModelError
from xsift.simulate import load_populations
from xsift.simulate.populations import (
    CONSTANT_RATIO,
    Component,
    draw_z,
    features_from_z,
    z_from_features,
)

DATA = Path(__file__).parents[2] / "../shared/data"
PACKAGED = resources.files("xsift.simulate").joinpath("populations.json")


@pytest.fixture
def tree():
    return json.loads(PACKAGED.read_text())


def drawn(population, populations, n=20_000):
    one = np.zeros(n, dtype=np.int64)
    rng = np.random.default_rng(3)
    return draw_z(
        [population], one, np.arange(n), populations.intraclass, populations.persistence, rng
    )


def test_ten_classes_in_order_and_others_that_are_none_of_them():
    p = load_populations()
    assert tuple(c.code for c in p.classes) == PAPER_CLASSES.codes
    assert {"CV*", "WR*", "Psr"} <= {c.code for c in p.others}


def test_small_and_with_provenance(tree):
    assert len(PACKAGED.read_bytes()) < 150_000
    assert tree["package"].startswith("xsift ")
    assert all(len(digest) == 64 for digest in tree["inputs"].values())
    assert all(c["n_rows"] >= c["n_sources"] * 0.9 for c in tree["classes"])


def test_no_component_stands_for_a_handful_of_rows(tree):
    """Parameters only: a component on a few rows would nearly repeat them."""
    for population in tree["classes"] + tree["others"]:
        for part in population["components"]:
            assert part["weight"] * population["n_rows"] > 7.9, population["code"]


def test_hand_computed_point():
    one = {f"var_{w}_{x}": np.array([0.5]) for x in "bhs" for w in ("prob", "ratio")}
    one |= {"hard_hm": np.array([0.5]), "hard_ms": np.array([-0.5])}
    one |= {"powlaw_gamma": np.array([2.0]), "bb_kt": np.array([np.e])}
    half = np.log(3) / 2  # atanh(1/2) = ln(3) / 2
    expected = [half, -half, 2, 1] + [0, np.log(0.5)] * 3
    np.testing.assert_allclose(z_from_features(one)[0], expected, rtol=1e-12, atol=1e-12)


def test_round_trip_and_closed_triangle():
    rng = np.random.default_rng(1)
    z = rng.normal(size=(500, 10))
    features = features_from_z(z)
    np.testing.assert_allclose(z_from_features(features), z, rtol=1e-9, atol=1e-9)
    hm, ms, hs = (np.arctanh(features[f"hard_{x}"]) for x in ("hm", "ms", "hs"))
    np.testing.assert_allclose(hm + ms, hs, rtol=1e-9, atol=1e-9)


def test_extremes_come_back_as_the_archive_writes_them():
    z = np.zeros((1, 10))
    z[0, 4], z[0, 5] = 20.0, -40.0
    features = features_from_z(z)
    assert features["var_prob_b"][0] == 1.0
    assert features["var_ratio_b"][0] == CONSTANT_RATIO


def test_missing_stays_missing():
    features = features_from_z(np.full((1, 10), np.nan))
    assert all(np.isnan(v).all() for v in features.values())


def test_draws_follow_the_mixture():
    """Mean and covariance of the mixture, from its own weights and moments."""
    p = load_populations()
    for population in p.classes:
        parts = population.components
        w = np.array([c.weight for c in parts])
        w /= w.sum()
        mu = np.array([c.mean for c in parts])
        mean = w @ mu
        var = w @ (np.array([np.diag(c.matrix()) for c in parts]) + (mu - mean) ** 2)
        z = drawn(population, p)
        np.testing.assert_allclose(z.mean(axis=0), mean, atol=0.05 * np.sqrt(var).max())
        np.testing.assert_allclose(z.std(axis=0), np.sqrt(var), rtol=0.05)


def test_detections_of_a_source_are_alike_and_strangers_are_not():
    p = load_populations()
    rng = np.random.default_rng(5)
    pairs = np.repeat(np.arange(4000), 2)
    kind = np.zeros(4000, dtype=np.int64)
    z = draw_z(p.classes[:1], kind, pairs, p.intraclass, p.persistence, rng)[:, 0]
    z = np.clip(z, *np.percentile(z, [1, 99]))
    assert np.corrcoef(z[0::2], z[1::2])[0, 1] > 0.5
    assert abs(np.corrcoef(z[1:-1:2], z[2::2])[0, 1]) < 0.06


def test_component_matrix_is_the_lower_triangle():
    part = Component(weight=1, mean=(0, 0), covariance=(2, 0.5, 1))
    np.testing.assert_array_equal(part.matrix(), [[2, 0.5], [0.5, 1]])


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda t: t.update(extra=1), "extra: Extra inputs"),
        (lambda t: t.update(persistence=1.5), "persistence: .*less than or equal to 1"),
        (lambda t: t.update(z=t["z"][::-1]), "z: .*fitted in the space"),
        (lambda t: t["classes"].pop(), "the classes are not the paper's ten"),
        (lambda t: t["classes"][0].update(share=0.9), "shares of the classes sum to"),
        (lambda t: t["classes"][2].update(spellings=["QSO"]), "not spellings of Sy1"),
        (lambda t: t["classes"][0]["sky"][0].update(weight=0.99), "sky weights sum to"),
        (
            lambda t: t["classes"][0]["components"][0]["covariance"].__setitem__(0, -1.0),
            "not positive definite",
        ),
        (lambda t: t["classes"][0]["components"][0]["covariance"].pop(), "lower triangle of 10"),
    ],
)
def test_parameters_that_make_no_sense_are_refused(tree, tmp_path, spoil, message):
    spoil(tree)
    path = tmp_path / "populations.json"
    path.write_text(json.dumps(tree))
    with pytest.raises(ModelError, match=rf"populations\.json: not population .*{message}"):
        load_populations(path)


def test_missing_file_and_no_json(tmp_path):
    with pytest.raises(ModelError, match=r"nowhere\.json: cannot be read"):
        load_populations(tmp_path / "nowhere.json")
    (tmp_path / "text.json").write_text("not JSON")
    with pytest.raises(ModelError, match=r"text\.json: not population parameters"):
        load_populations(tmp_path / "text.json")


@pytest.mark.real
def test_medians_of_hardness_are_those_of_the_real_classes():
    """Against the table that a class was not necessarily fitted to: all of CSC 2.1's labels."""
    path = DATA / "csc21_labelled_train.parquet"
    if not path.exists():
        pytest.skip(f"the real tables are not there: {path}")
    import pyarrow.parquet as pq

    from xsift.classes import code_of

    table = pq.read_table(path, columns=["label10", "hard_hs", "hard_hm"]).to_pydict()
    codes = np.array([code_of(x) or "" for x in table["label10"]])
    p = load_populations()
    for population in p.classes:
        features = features_from_z(drawn(population, p))
        for name in ("hard_hm", "hard_hs"):
            real = np.median(np.array(table[name])[codes == population.code])
            assert abs(np.median(features[name]) - real) < 0.2, (population.code, name)
