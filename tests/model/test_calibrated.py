"""The calibrated model: frozen, row by row, and a typicality that is what it says."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import kstest
from threadpoolctl import threadpool_limits

from xsift import Settings, run, surveys
from xsift.classes import PAPER_CLASSES
from xsift.errors import LabelError, ModelError, XsiftWarning
from xsift.features import FeatureTable
from xsift.mixture import Mixture
from xsift.model import calibrated_training, load_model, model_of, model_tree
from xsift.model.calibrated import CalibratedModel
from xsift.model.calibrated_training import fit_calibrated_model
from xsift.model.faint import dimming_of
from xsift.model.file import load_model_tree
from xsift.model.paper import PaperModel
from xsift.model.sample import Training
from xsift.model.typicality import Typicality, rank, uniform_ranks
from xsift.score.calibrated import fit_calibrated

SETTINGS = Settings(method="calibrated", label_column="label", features="all", seed=1)
FIELDS = ("cluster", "p", "p_none", "typicality")


def refit(tmp_path, table, **changes):
    pq.write_table(table, tmp_path / "t.parquet")
    return run(tmp_path / "t.parquet", settings=SETTINGS.__class__(**SETTINGS.as_dict() | changes))


def test_a_file_of_either_method_gives_the_same_bits(calibrated, model, X, tmp_path):
    """From the fit to the tree, the file and back: through bytes once more than the catalogue."""
    tree = load_model_tree(calibrated / "model.asdf")
    again = model_of(model_tree(model, tree.training, tree.training_rows))
    assert isinstance(again, CalibratedModel)
    a, b = model.predict(X), again.predict(X)
    for name in FIELDS:
        assert_array_equal(getattr(a, name), getattr(b, name))
    # What the fit itself said stands in the catalogue: in the columns of those with a verdict.
    table = pq.read_table(calibrated / "detections.parquet")
    known = table["p_qso"].is_valid().to_numpy()
    assert known.sum() > 500
    assert_array_equal(table["p_qso"].to_numpy()[known], a.p[known, 0])
    assert_array_equal(table["p_none"].to_numpy()[known], a.p_none[known])
    scored = ~np.isnan(a.typicality)
    assert_array_equal(table["typicality"].to_numpy()[scored], a.typicality[scored])
    settings = Settings(method="paper", label_column="label", features="all", clusters=2)
    paper = run(calibrated / "table.parquet", settings=settings)
    paper.write(tmp_path)
    old = load_model(tmp_path / "model.asdf")
    assert isinstance(old, PaperModel)
    features = FeatureTable(old.features, X, np.isfinite(X), surveys.load("csc20"))
    said = old.classify(features)
    p = paper.detections["p_qso"].to_numpy()
    assert np.isfinite(p).sum() > 100
    assert_array_equal(p[np.isfinite(p)], said.p[np.isfinite(p), 0])


def test_rows_sum_to_one_and_a_row_without_any_feature_is_unscored(model, X):
    said = model.predict(X)
    empty = np.isnan(X).all(axis=1)
    assert empty.sum() == 1
    assert_allclose(said.p[~empty].sum(axis=1) + said.p_none[~empty], 1, rtol=1e-12)
    assert (said.p[~empty] >= 0).all()
    assert (said.cluster[~empty] >= 0).all()
    assert np.isnan(said.p[empty]).all()
    assert np.isnan(said.p_none[empty]).all()
    assert np.isnan(said.typicality[empty]).all()
    assert (said.cluster[empty] == -1).all()
    assert_array_equal(said.is_scored, ~empty)


def test_every_row_alone_is_as_in_the_table(model, X):
    """Whatever it lacks, and however faint it is: rows of all levels stand side by side."""
    assert model.takes_counts
    counts = np.resize([1.0, 9.9, 10, 15, 44.9, 45, 129.9, 130, 599, 600, np.inf], len(X))
    whole = model.predict(X, counts)
    for i in range(0, len(X), 7):
        alone = model.predict(X[i : i + 1], counts[i : i + 1])
        for name in FIELDS:
            assert_array_equal(getattr(alone, name)[0], getattr(whole, name)[i])
    order = np.random.default_rng(0).permutation(len(X))
    shuffled = model.predict(X[order], counts[order])
    for name in FIELDS:
        assert_array_equal(getattr(shuffled, name), getattr(whole, name)[order])
    exact = np.isinf(counts)
    as_exact = model.predict(X)
    for name in FIELDS:
        assert_array_equal(getattr(as_exact, name)[exact], getattr(whole, name)[exact])
    assert_array_equal(model.typicality_of(X, counts), whole.typicality)


def test_it_finds_the_classes_of_unlabelled_detections(calibrated, small_table):
    """Four Gaussians far apart, a tenth of the values missing: anything that works is right."""
    table = pq.read_table(calibrated / "detections.parquet")
    truth = np.array(small_table["label"].to_pylist())
    # Detections of a source have one class, and half of all detections a label.
    name = np.array(small_table["name"].to_pylist())
    of_source = dict(zip(name[truth != None], truth[truth != None], strict=True))  # noqa: E711
    role = np.array(table["role"].to_pylist())
    given = np.array(table["class"].to_pylist())
    rows = [i for i in np.flatnonzero(role == "scored") if name[i] in of_source]
    assert len(rows) > 80
    assert np.mean([given[i] == of_source[name[i]] for i in rows]) > 0.9


@pytest.fixture(scope="module")
def limited(with_limits, small_table):
    """A smaller table whose rows have limits of other counts, or none: each is in its level."""
    n = np.resize([7.0, 15, 30, 100, 300, np.nan, np.nan, np.nan], 320)
    return with_limits(small_table.slice(0, 320), n)


@pytest.fixture(scope="module")
def first(limited, tmp_path_factory):
    return refit(tmp_path_factory.mktemp("first"), limited)


def test_the_order_of_the_input_does_not_change_the_model(limited, first, tmp_path):
    order = np.random.default_rng(0).permutation(320)
    shuffled = refit(tmp_path, limited.take(pa.array(order)))
    assert shuffled.model.model_id == first.model.model_id
    assert shuffled.record["faintness"] == first.record["faintness"]
    assert first.record["faintness"]["rows"] == {"hardness": 200, "exact": 120}
    p = first.detections["p_qso"].to_numpy()
    assert_array_equal(shuffled.detections["p_qso"].to_numpy(), p[order])


def test_the_same_table_gives_the_same_model_and_another_seed_another(limited, first, tmp_path):
    with threadpool_limits(2):  # on any number of cores
        assert refit(tmp_path, limited).model.model_id == first.model.model_id
    assert refit(tmp_path, limited, seed=2).model.model_id != first.model.model_id


def test_closing_is_in_the_model(calibrated, tmp_path, model, X):
    removed = model_of(
        refit(tmp_path, pq.read_table(calibrated / "table.parquet"), closing="remove").model
    )
    assert (model.closing, removed.closing) == ("keep", "remove")
    assert (len(model.scores.value), len(removed.scores.value)) == (13, 12)
    hm, ms, hs = (model.features.index(f"hard_{b}") for b in ("hm", "ms", "hs"))
    assert model.closure == removed.closure == (hm, ms, hs)
    # What is added to the mismatch alone changes nothing where the mismatch is removed: all three
    # ratios moved by the same step of the mismatch, as from another table.
    rows = X[~np.isnan(X[:, [hm, ms, hs]]).any(axis=1)][:50].clip(-0.99, 0.99)
    moved = rows.copy()
    for j, sign in ((hm, 1), (ms, 1), (hs, -1)):
        moved[:, j] = np.tanh(np.arctanh(rows[:, j]) + sign * 0.05)
    assert_allclose(removed.predict(moved).p, removed.predict(rows).p, atol=1e-6)
    assert np.abs(model.predict(moved).p - model.predict(rows).p).max() > 1e-3


def test_other_features_are_refused(model, X):
    names = ("hard_hm", *model.features[:-1])
    features = FeatureTable(names, X, np.isfinite(X), surveys.load("csc20"))
    with pytest.raises(ModelError, match="the model was trained on hard_hm, hard_hs"):
        model.classify(features)


def test_impossible_values_are_missing(model, X):
    usable = np.isfinite(X)
    usable[:, 3] = False
    features = FeatureTable(model.features, X, usable, surveys.load("csc20"))
    hidden = X.copy()
    hidden[:, 3] = np.nan
    assert_array_equal(model.classify(features).p, model.predict(hidden).p)
    assert_array_equal(model.can_score(features), usable.any(axis=1))


def draw_mixture(n, seed):
    """A mixture in five features, not far from normal scores, and draws from it."""
    rng = np.random.default_rng(seed)
    truth = np.random.default_rng(5)
    means = truth.normal(size=(3, 5))
    factors = np.eye(5) * 0.6 + 0.3 * truth.normal(size=(3, 5, 5))
    k = rng.choice(3, n, p=[0.5, 0.3, 0.2])
    Z = means[k] + np.einsum("nij,nj->ni", factors[k], rng.normal(size=(n, 5)))
    covariances = np.einsum("kij,klj->kil", factors, factors)
    return Mixture(np.array([0.5, 0.3, 0.2]), means, covariances), Z


def typicality_of(found, Z):
    from xsift.mixture import log_density_and_responsibilities

    return found.of(Z, log_density_and_responsibilities(Z, found.mixture)[0])


@pytest.mark.parametrize("hidden", [0.0, 0.3])
def test_typicality_is_uniform_on_held_out_rows(hidden):
    mixture, train = draw_mixture(4000, 1)
    found = Typicality(mixture, uniform_ranks(rank(mixture, train)))
    _, Z = draw_mixture(4000, 2)
    rng = np.random.default_rng(3)
    Z[rng.random(Z.shape) < hidden] = np.nan
    t = typicality_of(found, Z)
    known = ~np.isnan(Z).all(axis=1)
    assert_array_equal(np.isnan(t), ~known)
    # Three samples of 4000 (test, training, draws): each is off by 1.36 / sqrt(4000) = 0.022 once
    # in twenty times, together by 0.037. With features hidden the training rows mend another rank.
    assert kstest(t[known], "uniform").statistic < 0.037


@pytest.fixture(scope="module")
def fitted(table_of):
    """A model of 1,500 exact rows, and 3,000 rows of other sources."""
    rng = np.random.default_rng(4)
    table = table_of(6000, 1)
    survey = surveys.load("csc20")
    names = tuple(f.name for f in survey.feature_set("all"))
    X = np.column_stack([table[n].to_numpy() for n in names])
    source = np.arange(6000) // 2
    is_train = source % 2 == 0
    y = np.array([PAPER_CLASSES.codes.index(c) if c else -1 for c in table["label"].to_pylist()])
    keep = is_train & (rng.random(6000) < 0.5)  # 1,500 rows train: a smaller table, a quicker fit
    training = Training(X[keep], y[keep], np.full(keep.sum(), None), source[keep])
    model = fit_calibrated_model(training, survey, "all", PAPER_CLASSES, SETTINGS)
    return model, X[~is_train], dimming_of(survey, names)


@pytest.mark.parametrize("hidden", [0.0, 0.3])
def test_typicality_of_a_trained_model_is_uniform_on_new_rows(hidden, fitted):
    """The mixture is fitted, and to a survey that is none: 0.06 for what it misses of that."""
    model, new, _ = fitted
    Z = new.copy()
    Z[np.random.default_rng(4).random(Z.shape) < hidden] = np.nan
    t = model.predict(Z).typicality
    t = t[~np.isnan(t)]
    assert len(t) > 2900
    assert kstest(t, "uniform").statistic < 0.06


@pytest.mark.parametrize("counts", [7, 15, 30, 80])
def test_a_typical_detection_seen_faintly_is_no_anomaly(counts, fitted):
    model, new, dimming = fitted
    X, effective = dimming.observed(new, np.full(len(new), float(counts)), np.random.default_rng(0))
    assert 0.02 < (model.predict(X, effective).typicality < 0.05).mean() < 0.09
    # Taken as exact, the faintest are odd ones.
    if counts == 7:
        assert (model.predict(X).typicality < 0.05).mean() > 0.10


def test_an_anomaly_seen_faintly_can_still_be_one(fitted):
    """Hardness ratios that no spectrum has, known by 80 counts."""
    model, new, _ = fitted
    odd = new.copy()
    odd[:, [model.features.index(f"hard_{b}") for b in ("hm", "ms", "hs")]] = 0.95, 0.95, -0.95
    typicality = model.predict(odd, np.full(len(odd), 80.0)).typicality
    assert (typicality < 0.05).mean() > 0.5


def test_few_counts_make_less_sure(fitted):
    model, new, dimming = fitted
    sure = []
    for counts in (7.0, 30.0, 300.0):
        seen = dimming.observed(new, np.full(len(new), counts), np.random.default_rng(0))
        sure.append(model.predict(*seen).p.max(axis=1).mean())
    sure.append(model.predict(new).p.max(axis=1).mean())
    assert (np.diff(sure) > 0.02).all()


def test_what_is_missing_says_nothing_of_the_class(table_of):
    """In training the spectrum is missing of most young stars and of few others; the rest is noise.

    Then a detection without a spectrum has about the shares of the classes. Kept, what is missing
    teaches that seven in ten are young.
    """
    survey = surveys.load("csc20")
    names = [f.name for f in survey.feature_set("all")]
    table, rng = table_of(4000, 2), np.random.default_rng(0)
    X = np.column_stack([table[n].to_numpy() for n in names])
    y = np.array([PAPER_CLASSES.codes.index(c) if c else -1 for c in table["label"].to_pylist()])
    spectrum = np.array([not n.startswith("var") for n in names])
    X[:, ~spectrum] = rng.permutation(X[:, ~spectrum])
    lacks = rng.random(4000) < np.where(y >= 7, 0.9, 0.1)
    X[np.ix_(lacks, spectrum)] = np.nan
    training = Training(X, y, np.full(4000, None), np.arange(4000))
    survey = survey.model_copy(update={"faint_copies": False})  # counts do not matter here
    young = {}
    for missing in ("keep", "remove"):
        settings = replace(SETTINGS, missing=missing)
        with pytest.warns(XsiftWarning, match="and what they lack goes with their group"):
            fitted = fit_calibrated_model(training, survey, "all", PAPER_CLASSES, settings)
        scorer = fitted.scorers[-1].plain
        is_young = scorer.group == 3
        p = fitted.predict(np.where(spectrum, np.nan, X)).p
        young[missing] = p[:, is_young].sum(axis=1).mean(), scorer.shares[is_young].sum()
    assert young["keep"][0] > 0.6
    assert_allclose(*young["remove"], atol=0.1)


def test_the_rare_is_less_typical_than_the_common():
    mixture, train = draw_mixture(4000, 1)
    found = Typicality(mixture, uniform_ranks(rank(mixture, train)))
    centre = mixture.means[:1]
    steps = centre + np.array([0, 2, 5, 8, 20, 40])[:, None] * np.array([1.0, -1, 1, -1, 1])
    t = typicality_of(found, steps)
    assert t[0] > 0.5
    assert (np.diff(t) < 0).all()  # beyond all draws, too, they keep an order
    assert 0 <= t[-1] < 1e-3


@pytest.mark.parametrize(
    ("y", "source", "said"),
    [
        ([-1] * 8, range(8), "no detection with a feature and a label among QSO"),
        ([0] * 8, range(8), "8 detections of one class with a feature"),
        ([0, 1] * 4, [0, 1] * 4, "labelled detections of 2 sources: 4 are needed at least"),
    ],
)
def test_too_few_labels(y, source, said):
    X = np.random.default_rng(0).normal(size=(8, 12))
    training = Training(X, np.array(y), np.full(8, None), np.array(source))
    with pytest.raises(LabelError, match=said):
        fit_calibrated_model(training, surveys.load("csc20"), "all", PAPER_CLASSES, SETTINGS)


def test_fields_stay_on_one_side(monkeypatch):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 12))
    y = rng.integers(0, 2, 400)
    field = np.repeat(np.arange(40), 10)
    seen = []

    def look(evidence, y, group, weight, source, seed, *more, **tick):
        seen.append(source)
        return fit_calibrated(evidence, y, group, weight, source, seed, *more, **tick)

    monkeypatch.setattr(calibrated_training, "fit_calibrated", look)
    other = np.where(rng.random(400) < 0.2, "Psr", None)
    training = Training(X, np.where(other == "Psr", -1, y), other, np.arange(400))
    for training_ in (training, replace(training, field=field)):
        fit_calibrated_model(training_, surveys.load("csc20"), "all", PAPER_CLASSES, SETTINGS)
    # Of faint and of bright detections, the plain classes and all kinds.
    n_plain = (other == None).sum()  # noqa: E711
    found = [len(np.unique(unit)) for unit in seen]
    assert found == [n_plain, 400, n_plain, 400, 40, 40, 40, 40]


def test_a_source_in_two_fields_joins_them_and_a_row_without_a_field_is_its_source():
    X, y = np.zeros((5, 1)), np.zeros(5, dtype=int)
    training = Training(
        X, y, np.full(5, None), np.array([0, 1, 1, 2, 3]), np.array([7, 7, 8, 8, -1])
    )
    assert_array_equal(training.unit, [0, 0, 0, 0, 1])
    assert_array_equal(training.take(np.array([0, 4])).unit, [0, 1])
