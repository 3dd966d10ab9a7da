import numpy as np
import pytest

from xsift.evaluate.baselines import Boosting, Forest, LinearSvc
from xsift.model.sample import Training

AT = (0, 2, 1)  # hm, ms and hs among the four columns


@pytest.fixture(scope="module")
def training():
    rng = np.random.default_rng(4)
    n = 300
    kind = np.repeat(rng.integers(0, 4, n // 2), 2)
    X = np.tanh(0.7 * rng.normal(size=(n, 4)) + (kind[:, None] - 1.5) * [0.8, 0.2, -0.4, 0.6])
    y = np.array([0, 2, 3, -1])[kind]
    return Training(X, y, np.where(kind == 3, "CV*", None), np.repeat(np.arange(n // 2), 2))


@pytest.mark.parametrize(
    "method", [Forest(4, 4), Boosting(4, 4, AT), LinearSvc(4, 4)], ids=lambda m: m.name
)
def test_a_baseline_classifies_and_knows_what_it_never_saw(method, training):
    fitted = method.fit(training, seed=0)
    said = fitted.predict(training.X)
    assert said.p.sum(axis=1) + said.p_none == pytest.approx(np.ones(300))
    assert (said.p[:, 1] == 0).all()  # no label of class 1
    assert fitted.shares[1] == 0
    assert fitted.shares.sum() == pytest.approx(1)
    known = training.y >= 0
    assert (said.p.argmax(axis=1) == training.y)[known].mean() > 0.6
    if method.name == "svc":
        assert (said.p_none == 0).all()
    else:
        assert said.p_none[training.is_other].mean() > 2 * said.p_none[known].mean()
    again = method.fit(training, seed=0).predict(training.X)
    np.testing.assert_array_equal(again.p, said.p)


@pytest.mark.parametrize(
    "method", [Forest(4, 4), Boosting(4, 4, AT), LinearSvc(4, 4)], ids=lambda m: m.name
)
def test_missing_values_are_scored_and_change_no_other_row(method, training):
    X = training.X.copy()
    X[::3, 1:3] = np.nan
    fitted = method.fit(training, seed=0)
    said, plain = fitted.predict(X), fitted.predict(training.X)
    assert np.isfinite(said.p).all()
    complete = np.isfinite(X).all(axis=1)
    np.testing.assert_array_equal(said.p[complete], plain.p[complete])


def test_boosting_weighs_sources_and_takes_the_closure(training):
    shares = Boosting(4, 4, AT).fit(training, seed=0).shares
    n = np.bincount(training.y[training.y >= 0], minlength=4)
    assert shares == pytest.approx(n / n.sum())  # two detections each: equal weights
    closed = Boosting(4, 4, AT)._closed(np.array([[0.3, 0.6, -0.2, 9.0], [1.0, -1.0, 0.0, 9.0]]))
    assert closed[0, 4] == pytest.approx(np.arctanh(0.3) + np.arctanh(-0.2) - np.arctanh(0.6))
    assert np.isfinite(closed).all()


def test_boosting_meets_missing_values_in_training(training):
    """Without any feature there is little to say but the class shares."""
    nothing = np.full((1, 4), np.nan)
    plain = Training(training.X, training.y, np.full(300, None), training.source)
    fitted = Boosting(4, 4, AT).fit(plain, seed=0)
    assert fitted.predict(nothing).p[0] == pytest.approx(fitted.shares, abs=0.2)
