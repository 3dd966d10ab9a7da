import numpy as np
import pytest

from xsift.classes import Class, Classes
from xsift.evaluate.cohort import Cohort
from xsift.evaluate.methods import Prediction, mean_by_source

THREE = Classes(
    classes=tuple(Class(code=c, column=f"p_{c.lower()}", group=c) for c in ("A", "B", "C"))
)


@pytest.fixture
def cohort():
    """240 detections of 120 sources: three classes far apart, type Z beyond, some unlabelled."""
    rng = np.random.default_rng(8)
    kind = np.repeat(rng.integers(0, 4, 120), 2)  # 3: another type
    X = 6.0 * kind[:, None] + rng.normal(size=(240, 4))
    source = np.repeat(np.arange(120), 2)
    known = np.repeat(rng.random(120) < 0.8, 2)
    y = np.where((kind < 3) & known, kind, -1)
    other = np.where(kind == 3, "Z", None).astype(object)
    along = source.astype(float)
    return Cohort(X, y, other, source, source, np.arange(240), along, "numbers", (), THREE)


WIDE = Classes(
    classes=(
        *(Class(code=c, column=f"p_{c.lower()}", group=c) for c in "AB"),
        Class(code="S", column="p_s", group="Star", types=("EB",), apart=True),
    )
)


@pytest.fixture
def wide():
    """300 detections of 150 sources: plain classes A and B, stars apart (S or EB), other type Z."""
    rng = np.random.default_rng(5)
    kind = np.repeat(np.arange(150) % 5, 2)  # A, B, S, EB, Z
    X = 3.0 * kind[:, None] + rng.normal(size=(300, 3))
    source = np.repeat(np.arange(150), 2)
    y = np.array([0, 1, 2, 2, -1])[kind]
    types = np.array(["A", "B", "S", "EB", "Z"], dtype=object)[kind]
    other = np.where(kind == 4, "Z", None).astype(object)
    along = source.astype(float)
    counts = np.where(np.arange(300) % 3 == 0, 50.0, np.inf)
    return Cohort(
        *(X, y, other, source, source, np.arange(300), along, "numbers", (), WIDE),
        counts=counts,
        types=types,
    )


class Stated:
    """States what the features say, whatever it was trained on."""

    def __init__(self, name="calibrated", n_classes=3):
        self.name, self.n_classes, self.seen = name, n_classes, []

    def fit(self, training, seed):
        self.seen.append(training)
        self.shares = np.array([0.5, 0.3, 0.2])[: self.n_classes]
        self.shares = self.shares / self.shares.sum()
        return self

    none_share = 0.25

    def predict(self, X, counts=None):
        self.X, self.counts = X, counts
        p = np.exp(-0.5 * (np.nan_to_num(X).mean(axis=1)[:, None] - [0, 3, 7.5, 12]) ** 2)
        p = (p + 0.02) / (p + 0.02).sum(axis=1, keepdims=True)
        if self.n_classes == 2:  # it does not tell stars from others
            return Prediction(p[:, :2], p[:, 2:].sum(axis=1), np.full(len(X), np.nan))
        return Prediction(p[:, :3], p[:, 3], np.full(len(X), np.nan))

    def fuse(self, p, source):
        return mean_by_source(p, source)

    def sets(self, p, counts):
        if self.n_classes != 3:
            return np.empty((len(p), 0), dtype=bool)
        return np.column_stack([p[:, :2], p[:, 2:].sum(axis=1)]) >= 0.2  # all else is one


@pytest.fixture
def stated():
    return Stated


class Nearest:
    """Nearest class mean; keeps what it was shown, to be asked."""

    name = "nearest"

    def __init__(self):
        self.seen = []

    def fit(self, training, seed):
        self.seen.append((training, seed))
        known = training.y >= 0
        means = np.full((3, training.X.shape[1]), np.inf)
        for k in np.unique(training.y[known]):
            means[k] = np.nanmean(training.X[training.y == k], axis=0)
        return FittedNearest(means, np.bincount(training.y[known], minlength=3) / known.sum())


class FittedNearest:
    none_share = 0.1

    def __init__(self, means, shares):
        self.means, self.shares = means, shares

    def predict(self, X, counts=None):
        d2 = np.nansum((X[:, None, :] - self.means) ** 2, axis=2)
        p = np.exp(-(d2 - d2.min(axis=1, keepdims=True)))
        p /= p.sum(axis=1, keepdims=True)
        p[np.isnan(X).any(axis=1)] = np.nan
        none = 1 - np.exp(-d2.min(axis=1) / 20)
        return Prediction(p * (1 - none)[:, None], none, np.exp(-d2.min(axis=1)))

    def fuse(self, p, source):
        return mean_by_source(p, source)

    def sets(self, p, counts):
        return p >= 0.3


@pytest.fixture
def nearest():
    return Nearest()
