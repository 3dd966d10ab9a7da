"""How the demonstration counts what it recovers of the simulated truth."""

import math

import pytest

from xsift.classes import named_classes
from xsift.pipeline.demo import _groups_of, _recovery

WIDE = named_classes("wide")


def test_a_type_belongs_to_its_group_and_what_the_model_does_not_know_to_none():
    truths = ["QSO", "RS*", "EB*", "WR*", "CV*", "Psr"]
    assert _groups_of(truths, WIDE) == ["AGN", "Star", "Star", "Star", "CV", "none"]
    assert _groups_of(["RS*", "QSO"], named_classes("paper")) == ["none", "AGN"]


def test_every_verdict_counts():
    """A source called a star or none of the classes is not left out: it is right or wrong."""
    truth = ["AGN", "AGN", "XB", "YSO", "Seyfert", "Star", "CV", "none"]
    given = ["AGN", "Star", "none", "YSO", "Seyfert", "YSO", "CV", "none"]
    found = _recovery(truth, given, WIDE)
    assert found.groups == (*WIDE.groups, "none")
    assert sum(found.n.values()) == sum(found.n_classified.values()) == len(truth)
    assert found.accuracy == 5 / 8
    assert (found.recall["AGN"], found.recall["XB"], found.recall["Star"]) == (0.5, 0.0, 0.0)
    assert (found.precision["YSO"], found.precision["none"]) == (0.5, 0.5)
    assert math.isnan(found.recall["ULX"])
    assert math.isnan(found.precision["XB"])
    assert found.balanced_over == ("AGN", "Seyfert", "XB", "YSO")
    assert found.balanced_accuracy == pytest.approx((0.5 + 1 + 0 + 1) / 4)
