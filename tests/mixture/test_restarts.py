"""The starts of a scan: raced, and judged in one visit."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from xsift.mixture import GaussianMixture, restarts
from xsift.mixture.choose_k import fit_restarts
from xsift.mixture.restarts import Race, RestartedMixture, is_behind


def test_behind_by_hand():
    # Four times the gain of 0.2, and 0.05 more.
    assert is_behind(-3.0, 0.2, -3.0 + 0.8 + 0.051)
    assert not is_behind(-3.0, 0.2, -3.0 + 0.8 + 0.049)
    assert not is_behind(-3.0, 6.0, 0.0)  # it still soars
    assert not is_behind(-3.0, 0.0, -np.inf)
    assert is_behind(-3.0, 0.0, -2.9)  # it stands still


def clusters(seed, k=6, d=4, n=3000):
    """Clusters of different spreads, some of which overlap."""
    rng = np.random.default_rng(seed)
    y = rng.choice(k, n, p=rng.dirichlet(np.full(k, 2.0)))
    spread = np.exp(0.6 * rng.normal(size=(k, d)))
    return 4 * rng.normal(size=(k, d))[y] + spread[y] * rng.normal(size=(n, d))


def plateaus(seed):
    """Long parallel clusters: EM creeps, and then climbs."""
    rng = np.random.default_rng(seed)
    y = rng.integers(4, size=3000)
    return np.column_stack([10 * rng.normal(size=3000), 3.0 * y + 0.4 * rng.normal(size=3000)])


def heavy_tails(seed):
    rng = np.random.default_rng(seed)
    y = rng.integers(3, size=3000)
    tails = np.sqrt(3 / rng.chisquare(3, size=(3000, 1)))
    return 3 * rng.normal(size=(3, 3))[y] + tails * rng.normal(size=(3000, 3))


SETS = [(clusters, 0), (clusters, 1), (clusters, 2), (plateaus, 0), (plateaus, 1), (heavy_tails, 0)]


def best_of(fits):
    return min(fit.bic for fit in fits)


def test_the_race_stops_some_starts_but_not_those_that_become_the_best(monkeypatch):
    stopped = 0
    for make, seed in SETS:
        X = make(seed)
        names = [f"f{j}" for j in range(X.shape[1])]
        for k in (3, 5, 7):
            raced = fit_restarts(X, k, 8, 0, names)
            with monkeypatch.context() as patched:
                patched.setattr(restarts, "is_behind", lambda *_: False)
                to_the_end = fit_restarts(X, k, 8, 0, names)
            assert not any(fit.is_stopped for fit in to_the_end)
            assert best_of(raced) == best_of(to_the_end)
            for fit, whole in zip(raced, to_the_end, strict=True):
                stopped += fit.is_stopped
                assert fit.is_stopped or fit.bic == whole.bic
                if fit.is_stopped:
                    assert fit.n_iter == 1
                    assert not fit.is_converged
    assert stopped >= 5


def test_starts_of_different_seeds_differ_and_those_of_one_do_not():
    X = clusters(3)
    names = list("abcd")
    some = fit_restarts(X, 5, 3, 0, names)
    assert len({fit.bic for fit in some}) == 3
    assert fit_restarts(X, 5, 3, 0, names) == some
    assert [fit.bic for fit in fit_restarts(X, 5, 2, 0, names)] == [f.bic for f in some[:2]]


def test_what_is_judged_in_one_visit_is_what_the_mixture_says():
    X = clusters(4)
    model = RestartedMixture(4, random_state=0).enter(Race(4, 1)).fit(X)
    sums, labels = model.judge(X)
    assert_array_equal(labels, model.predict(X))
    assert_allclose(model.criteria(sums), model.information_criteria(X), rtol=1e-13)
    parts = [model.judge(part)[0] for part in (X[:1000], X[1000:])]
    assert_allclose(parts[0] + parts[1], sums, rtol=1e-13)


@pytest.mark.parametrize("stops", [True, False])
def test_a_callback_ends_the_run(stops):
    X, calls = clusters(5), []

    def told(iteration, bound):
        calls.append(iteration)
        return stops

    model = GaussianMixture(3, random_state=0, tol=0, max_iter=4, callback=told)
    with pytest.warns(Warning, match="has not converged"):
        model.fit(X)
    assert calls == ([1] if stops else [1, 2, 3, 4])
