"""The mixture on complete rows: scikit-learn and scipy as oracles, and bad input."""

import json
import warnings
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import multivariate_normal
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.mixture import GaussianMixture as Reference
from sklearn.utils.estimator_checks import parametrize_with_checks

from xsift.errors import XsiftError, XsiftWarning
from xsift.mixture import GaussianMixture
from xsift.mixture.elementary import exp_nonpositive, log_positive

PAPER = Path(__file__).resolve().parents[3] / "shared/data/paper_gmm.json"
ATTRIBUTES = ["weights_", "means_", "covariances_", "precisions_cholesky_", "precisions_"]


def draw(n, n_components, d, seed, spread=2.0):
    """Rows of a mixture with covariances of its own for each component."""
    rng = np.random.default_rng(seed)
    means = spread * rng.normal(size=(n_components, d))
    factors = np.eye(d) + 0.4 * rng.normal(size=(n_components, d, d))
    y = rng.integers(n_components, size=n)
    return np.einsum("nij,nj->ni", factors[y], rng.normal(size=(n, d))) + means[y], y


def same_start(X, n_components, seed=0):
    rng = np.random.default_rng(seed)
    return {
        "weights_init": np.full(n_components, 1 / n_components),
        "means_init": X[rng.choice(len(X), n_components, replace=False)],
        "precisions_init": np.repeat([np.diag(1 / X.var(axis=0))], n_components, axis=0),
    }


@pytest.mark.filterwarnings("ignore:component:xsift.errors.XsiftWarning")
@parametrize_with_checks([GaussianMixture(), GaussianMixture(n_components=2)])
def test_follows_scikit_learn_conventions(estimator, check):
    if estimator.n_components == 2 and "sample_weight_equivalence" in str(check):
        pytest.skip("15 rows in 30 dimensions: two components have no width, and no one optimum")
    check(estimator)


@pytest.mark.parametrize(("n", "d", "n_components"), [(700, 1, 2), (2000, 3, 4), (3000, 13, 5)])
def test_agrees_with_scikit_learn_from_the_same_start(n, d, n_components):
    X, _ = draw(n, n_components, d, seed=d)
    options = same_start(X, n_components) | {"tol": 1e-7, "max_iter": 1000}
    ours = GaussianMixture(n_components, **options).fit(X)
    theirs = Reference(n_components, **options).fit(X)
    assert ours.n_iter_ == theirs.n_iter_ > 5
    assert ours.converged_
    assert_allclose(ours.lower_bounds_[-1], theirs.lower_bound_, rtol=1e-10)
    if hasattr(theirs, "lower_bounds_"):  # of scikit-learn 1.7
        assert_allclose(ours.lower_bounds_, theirs.lower_bounds_, rtol=1e-10)
    for name in ATTRIBUTES:
        expected = getattr(theirs, name)
        assert_allclose(
            getattr(ours, name), expected, rtol=1e-8, atol=1e-8 * np.abs(expected).max()
        )
    for name in ["bic", "aic", "score"]:
        assert_allclose(getattr(ours, name)(X), getattr(theirs, name)(X), rtol=1e-10)
    assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), rtol=1e-6, atol=1e-9)
    assert_array_equal(ours.predict(X), theirs.predict(X))


def test_agrees_with_scikit_learn_with_a_large_reg_covar():
    X, _ = draw(500, 2, 3, seed=1)
    options = same_start(X, 2) | {"reg_covar": 0.3}
    ours, theirs = GaussianMixture(2, **options).fit(X), Reference(2, **options).fit(X)
    assert ours.n_iter_ == theirs.n_iter_
    assert_allclose(ours.covariances_, theirs.covariances_, rtol=1e-10)


def test_log_densities_with_the_parameters_of_the_paper():
    if not PAPER.exists():
        pytest.skip("the paper's mixture lies beside the checkout, and is not there")
    given = json.loads(PAPER.read_text())
    model = GaussianMixture(given["n_components"])
    model.weights_, model.means_, model.covariances_ = (
        np.array(given[name]) for name in ["weights_", "means_", "covariances_"]
    )
    model.n_features_in_ = model.means_.shape[1]
    X = np.concatenate(
        [
            multivariate_normal(m, c, seed=k).rvs(50)
            for k, (m, c) in enumerate(zip(model.means_, model.covariances_, strict=True))
        ]
    )
    parts = [
        np.log(w) + multivariate_normal(m, c).logpdf(X)
        for w, m, c in zip(model.weights_, model.means_, model.covariances_, strict=True)
    ]
    expected = np.logaddexp.reduce(parts)
    assert_allclose(model.score_samples(X), expected, rtol=1e-10)


def test_one_component_is_mean_and_covariance():
    X = np.array([[0.0, 0.0], [2.0, 0.0], [0.0, 2.0], [2.0, 2.0]])
    model = GaussianMixture(reg_covar=0.0).fit(X)
    assert_allclose(model.means_, [[1.0, 1.0]])
    assert_allclose(model.covariances_, [np.eye(2)], atol=1e-15)
    # At a corner: -log(2 pi) - (1 + 1) / 2.
    assert_allclose(model.score_samples(X), -np.log(2 * np.pi) - 1)
    assert_allclose(model.score(X), -np.log(2 * np.pi) - 1)


def test_elementary_functions_are_good_to_1e_14():
    def run(function, values):
        return np.array([function(v) for v in values])

    x = -np.concatenate([[0.0], np.geomspace(1e-300, 707.9, 5000), np.linspace(0, 707.9, 9999)])
    assert_allclose(run(exp_nonpositive, x), np.exp(x), rtol=1e-14, atol=0)
    assert_array_equal(run(exp_nonpositive, [-0.0, -708.0, -np.inf]), [1.0, 0.0, 0.0])
    x = np.concatenate([[1.0], 1 + np.geomspace(1e-15, 1e3, 5000), np.geomspace(1e-300, 1e300, 99)])
    assert_allclose(run(log_positive, x), np.log(x), rtol=1e-14, atol=0)


def test_icl_is_bic_and_twice_the_entropy():
    X, _ = draw(300, 3, 2, seed=0, spread=1.0)
    model = GaussianMixture(3, random_state=0, max_iter=300).fit(X)
    r = model.predict_proba(X)
    assert_allclose(model.icl(X), model.bic(X) - 2 * (r * np.log(r)).sum(), rtol=1e-10)


def test_probabilities_sum_to_one_and_predictions_agree():
    X, _ = draw(1000, 4, 5, seed=3)
    model = GaussianMixture(4, random_state=0)
    labels = model.fit_predict(X)
    assert_array_equal(labels, model.predict(X))
    assert_allclose(model.predict_proba(X).sum(axis=1), 1)
    assert_array_equal(labels, model.predict_proba(X).argmax(axis=1))


def test_a_row_has_the_same_bits_among_any_others():
    X, _ = draw(1000, 4, 5, seed=3)
    model = GaussianMixture(4, random_state=0).fit(X)
    together, r = model.score_samples(X), model.predict_proba(X)
    for rows in [slice(0, 1), slice(7, 8), slice(100, 400), slice(None, None, -1)]:
        assert_array_equal(model.score_samples(X[rows]), together[rows])
        assert_array_equal(model.predict_proba(X[rows]), r[rows])


def test_a_far_row_has_probabilities():
    X, _ = draw(300, 2, 3, seed=0)
    model = GaussianMixture(2, random_state=0).fit(X)
    p = model.predict_proba([[1e5, -1e5, 0.0], [1e200, 1e200, -1e200]])
    assert np.isfinite(p).all()
    assert_allclose(p.sum(axis=1), 1)


def test_samples_have_the_moments_of_the_mixture():
    X, _ = draw(2000, 3, 3, seed=2)
    model = GaussianMixture(3, random_state=0).fit(X)
    drawn, y = model.sample(200_000)
    assert_allclose(np.bincount(y) / len(y), model.weights_, atol=0.005)
    for k in range(3):
        assert_allclose(drawn[y == k].mean(axis=0), model.means_[k], atol=0.05)
        assert_allclose(np.cov(drawn[y == k].T), model.covariances_[k], atol=0.1)
    assert_array_equal(drawn, model.sample(200_000)[0])
    with pytest.raises(ValueError, match="n_samples = 0"):
        model.sample(0)


def test_callback_sees_every_iteration():
    X, _ = draw(500, 2, 2, seed=0)
    seen = []
    model = GaussianMixture(2, random_state=0, callback=lambda i, bound: seen.append((i, bound)))
    model.fit(X)
    assert [i for i, _ in seen] == list(range(1, model.n_iter_ + 1))
    assert [bound for _, bound in seen] == model.lower_bounds_


def test_likelihood_never_falls():
    X, _ = draw(1000, 4, 4, seed=5, spread=0.7)
    model = GaussianMixture(4, random_state=1, tol=1e-8, max_iter=2000, reg_covar=0.0).fit(X)
    assert (np.diff(model.lower_bounds_) > -1e-12).all()


def test_says_that_it_has_not_converged():
    X, _ = draw(1000, 4, 4, seed=5, spread=0.7)
    with pytest.warns(ConvergenceWarning, match="not converged in 2 iterations: increase max_iter"):
        model = GaussianMixture(4, tol=1e-12, max_iter=2, random_state=0).fit(X)
    assert not model.converged_
    assert model.n_iter_ == 2


def test_no_iteration_keeps_the_start():
    X, _ = draw(100, 2, 2, seed=0)
    start = same_start(X, 2)
    model = GaussianMixture(2, max_iter=0, **start).fit(X)
    assert_allclose(model.means_, start["means_init"])
    assert_allclose(model.precisions_, start["precisions_init"])
    assert not model.converged_


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_components": 0}, "'n_components' parameter .* must be an int in the range"),
        ({"tol": -1.0}, "'tol' parameter"),
        ({"init_params": "magic"}, "'init_params' parameter"),
        ({"means_init": np.zeros((3, 2))}, r"means_init has the shape \(3, 2\), not \(2, 2\)"),
        ({"means_init": [[0.0, np.nan], [0, 0]]}, "means_init has values that are not finite"),
        ({"weights_init": [0.5, 0.6]}, "weights_init has to be not negative, with the sum 1"),
        ({"precisions_init": -np.ones((2, 2, 2))}, "precisions_init has to be symmetric and pos"),
    ],
)
def test_wrong_parameters(options, message):
    X, _ = draw(20, 2, 2, seed=0)
    with pytest.raises(ValueError, match=message):
        GaussianMixture(**{"n_components": 2} | options).fit(X)


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (np.ones((1, 2)), "minimum of 2 is required"),
        (np.arange(4.0).reshape(2, 2), "n_components = 3, n_samples = 2"),
        ([[0.0, np.inf], [1, 1], [2, 2]], "row 0 has an infinite value in feature 1"),
        ([[0.0, np.nan], [1, np.nan], [2, np.nan]], "column 1 has no value in any row"),
        (np.full((4, 2), np.nan), "no row has a value"),
        ([[0.0, 1e300], [1, -1e300], [2, 3]], "column 1 has values whose squares overflow"),
    ],
)
def test_rows_that_cannot_be_fitted(X, message):
    with pytest.raises(ValueError, match=message):
        GaussianMixture(3).fit(X)


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        ([1, -1, 1, 1], r"row 1 has the weight -1.0"),
        ([1, 1, np.nan, 1], "NaN"),
        ([0, 0, 0, 0], "no row has a value and a weight above zero|at least one non-zero"),
        ([1, 1], "sample_weight.shape"),
        ([1, 0, 0, 0], "n_components = 2, n_samples = 1 that have a value and a weight"),
    ],
)
def test_weights_that_are_none(weight, message):
    X = np.arange(8.0).reshape(4, 2)
    with pytest.raises(ValueError, match=message):
        GaussianMixture(2).fit(X, sample_weight=weight)


def test_not_fitted():
    with pytest.raises(NotFittedError):
        GaussianMixture().predict([[0.0]])


@pytest.mark.parametrize("dtype", [np.float32, np.int16, np.int64, bool])
def test_other_types_are_converted(dtype):
    rng = np.random.default_rng(0)
    X = (10 * rng.random((200, 3))).astype(dtype)
    options = {"n_components": 2, "random_state": 0, "reg_covar": 0.1, "max_iter": 500}
    one = GaussianMixture(**options).fit(X)
    other = GaussianMixture(**options).fit(X.astype(np.float64))
    for name in ATTRIBUTES:
        assert getattr(one, name).dtype == np.float64
        assert_array_equal(getattr(one, name), getattr(other, name))


def test_layout_and_read_only_memory_do_not_matter():
    X, _ = draw(300, 2, 3, seed=0)
    expected = GaussianMixture(2, random_state=0).fit(X)
    frozen = X.copy()
    frozen.flags.writeable = False
    for other in [np.asfortranarray(X), frozen, X.tolist()]:
        model = GaussianMixture(2, random_state=0).fit(other)
        assert_array_equal(model.covariances_, expected.covariances_)


def test_tiny_scales_beside_huge_ones():
    X, _ = draw(2000, 3, 4, seed=4)
    unit = np.array([1e-17, 1e3, 1.0, 1e-9])
    options = {"random_state": 0, "reg_covar": 0.0, "tol": 1e-10, "max_iter": 1000}
    plain = GaussianMixture(3, **options).fit(X)
    scaled = GaussianMixture(3, **options).fit(X * unit + [0, 1e5, 0, 0])
    order = np.lexsort(plain.means_.T), np.lexsort((scaled.means_ / unit).T)
    assert_allclose(
        scaled.covariances_[order[1]] / unit / unit[:, None],
        plain.covariances_[order[0]],
        rtol=1e-4,
        atol=1e-6,
    )
    assert_allclose(scaled.score(X * unit + [0, 1e5, 0, 0]) + np.log(unit).sum(), plain.score(X))


def test_a_feature_that_reg_covar_drowns_is_named():
    X, _ = draw(200, 1, 2, seed=0)
    with pytest.warns(XsiftWarning, match="feature 1 has the variance .* is drowned by it"):
        model = GaussianMixture().fit(X * [1.0, 1e-17])
    assert np.isfinite(model.covariances_).all()


@pytest.mark.parametrize("reg_covar", [0.0, 1e-6])
def test_constant_feature_and_duplicated_column(reg_covar):
    X, _ = draw(2000, 2, 2, seed=1, spread=4.0)
    wide = np.column_stack([X, np.full(len(X), 5.0), X[:, 0]])
    model = GaussianMixture(2, random_state=0, reg_covar=reg_covar).fit(wide)
    plain = GaussianMixture(2, random_state=0, reg_covar=reg_covar).fit(X)
    same = np.mean(model.predict(wide) == plain.predict(X))
    assert same in (0.0, 1.0)
    assert_allclose(model.means_[:, 2], 5.0)
    assert_allclose(model.means_[:, 3], model.means_[:, 0])
    for name in ATTRIBUTES:
        assert np.isfinite(getattr(model, name)).all()
    assert np.isfinite(model.score_samples(wide)).all()


def test_a_spike_is_named_and_does_no_harm():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(2000, 3))
    X[:600, 1] = 1.0  # like var_prob: exactly 1 for many
    with pytest.warns(
        XsiftWarning, match=r"component \d, of about \d+ rows, has collapsed in feature 1"
    ):
        model = GaussianMixture(2, random_state=0).fit(X)
    spike = np.argmin(np.abs(model.means_[:, 1] - 1.0))
    assert_allclose(model.weights_[spike], 0.3, atol=0.01)
    assert_allclose(model.means_[spike, 1], 1.0, atol=1e-4)
    assert_allclose(model.covariances_[spike, 1, 1], 1e-6, rtol=0.2)
    for name in ATTRIBUTES:
        assert np.isfinite(getattr(model, name)).all()


def test_the_floor_holds_without_reg_covar():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(500, 2))
    X[:200, 0] = 3.0
    with pytest.warns(XsiftWarning, match="collapsed in feature 0"):
        model = GaussianMixture(2, random_state=0, reg_covar=0.0, max_iter=300).fit(X)
    assert np.isfinite(model.score_samples(X)).all()
    assert 0 < np.linalg.eigvalsh(model.covariances_).min() < 1e-10


def test_more_components_than_distinct_rows():
    X = np.repeat([[0.0, 0.0], [1.0, 1.0]], 10, axis=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", XsiftWarning)
        model = GaussianMixture(4, random_state=0).fit(X)
    for name in ATTRIBUTES:
        assert np.isfinite(getattr(model, name)).all()


def test_errors_are_xsift_errors():
    with pytest.raises(XsiftError, match="n_components = 5"):
        GaussianMixture(5).fit(np.zeros((3, 2)))
