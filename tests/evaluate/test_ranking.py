import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from xsift.evaluate.metrics import Resamples
from xsift.evaluate.ranking import pairs_won


def test_against_scikit_learn_with_ties_and_weights():
    rng = np.random.default_rng(3)
    n = 300
    is_other = rng.random(n) < 0.3
    score = np.round(rng.normal(size=n) + is_other, 1)
    resamples = Resamples.draw(np.arange(n) // 2, np.ones(n, dtype=bool), seed=1, n=150)
    won, pairs = pairs_won(score, is_other, np.arange(n), resamples)
    assert won.shape == (151,)
    for b in (0, 1, 99, 100, 150):
        weight = resamples.weights[b, np.arange(n) // 2]
        area = roc_auc_score(is_other, score, sample_weight=weight)
        assert won[b] / pairs[b] == pytest.approx(area, abs=1e-12)


def test_a_constant_score_wins_half():
    resamples = Resamples.draw(np.arange(4), np.ones(4, dtype=bool), seed=0, n=0)
    won, pairs = pairs_won(
        np.zeros(4), np.array([True, False, False, True]), np.arange(4), resamples
    )
    assert (won[0], pairs[0]) == (2, 4)
