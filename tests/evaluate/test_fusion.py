import numpy as np
import pytest

from xsift.evaluate.fusion import FUSIONS, geometric_mean, majority, product
from xsift.evaluate.methods import mean_by_source

P = np.array([[0.9, 0.1], [0.4, 0.6], [0.2, 0.8]])
SOURCE = np.array([7, 3, 7])  # out of order: the answer is for 3, then 7


def test_mean_by_hand():
    assert mean_by_source(P, SOURCE) == pytest.approx(np.array([[0.4, 0.6], [0.55, 0.45]]))


def test_geometric_mean_and_product_by_hand():
    a, b = 0.9 * 0.2, 0.1 * 0.8
    roots = np.sqrt([a, b])
    assert geometric_mean(P, SOURCE)[1] == pytest.approx(roots / roots.sum())
    assert product(P, SOURCE)[1] == pytest.approx(np.array([a, b]) / (a + b))


def test_majority_counts_ballots():
    assert majority(P, SOURCE).tolist() == [[0, 1], [0.5, 0.5]]


@pytest.mark.parametrize("rule", FUSIONS.values(), ids=FUSIONS)
def test_a_source_of_one_detection_keeps_its_class(rule):
    p = np.array([[1.0, 0, 0], [0.2, 0.5, 0.3]])
    fused = rule(p, np.array([0, 1]))
    assert fused.sum(axis=1) == pytest.approx([1, 1])
    assert fused.argmax(axis=1).tolist() == [0, 1]
