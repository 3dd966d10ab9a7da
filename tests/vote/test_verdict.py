"""The rule of the verdict: by hand, and against loops."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from xsift.classes import PAPER_CLASSES, Class, Classes
from xsift.vote import Rule, tally
from xsift.vote.verdict import _ROWS

CLASSES = Classes(
    classes=tuple(
        Class(code=code, column=f"p_{code.lower()}", group=group)
        for code, group in (("A1", "A"), ("A2", "A"), ("B", "B"))
    )
)
# Groups A, B and none: columns A1, A2, B, none.
PRIOR = np.array([0.6, 0.1, 0.2, 0.1])


@pytest.mark.parametrize(
    ("p", "probable", "balanced"),
    [
        # B is the most probable class, A the most probable group. A / .7 = .79, B / .2 = 2.
        ([0.30, 0.25, 0.40, 0.05], 0, 2),
        # Within A: .4 / .6 against .2 / .1. A / .7 = .857 is above B / .2 = .5 and none / .1 = .5.
        ([0.45, 0.30, 0.15, 0.10], 0, 1),
        ([0.1, 0.1, 0.1, 0.7], 3, 3),  # none is a group like the others
        ([0.3, 0.2, 0.3, 0.2], 0, 3),  # none / .1 = 2
        ([0.25, 0.25, 0.5, 0.0], 0, 2),  # of equals the first
        ([np.nan] * 4, -1, -1),
        ([0.5, 0.3, 0.2, np.nan], -1, -1),
    ],
)
def test_by_hand(p, probable, balanced):
    rule = Rule.of(CLASSES)
    assert rule.decide(np.array([p])).tolist() == [probable]
    assert Rule(rule.group, PRIOR).decide(np.array([p])).tolist() == [balanced]


OPEN = Classes(
    classes=(*CLASSES.classes, Class(code="C", column="p_c", group="C", apart=True)),
)
OPEN_PRIOR = np.array([0.5, 0.1, 0.3, 0.02, 0.08])


@pytest.mark.parametrize(
    ("p", "probable", "balanced"),
    [
        # C / .02 = 15 is far above A / .6 and B / .3: but the plain classes are .6 together.
        ([0.15, 0.05, 0.40, 0.30, 0.10], 2, 2),
        # Half and half: the plain ones. B / .3 = .67, A / .6 = .5.
        ([0.20, 0.10, 0.20, 0.25, 0.25], 0, 2),
        # All else is more probable: C / .02 = 10 against none / .08 = 4.1, whatever B says.
        ([0.10, 0.00, 0.37, 0.20, 0.33], 2, 3),
        ([0.10, 0.00, 0.10, 0.00, 0.80], 4, 4),
    ],
)
def test_balanced_is_among_the_plain_classes_unless_all_else_is_more_probable(
    p, probable, balanced
):
    assert Rule.of(OPEN).decide(np.array([p])).tolist() == [probable]
    assert Rule.of(OPEN, OPEN_PRIOR).decide(np.array([p])).tolist() == [balanced]


@given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 40))
def test_sides_against_loops(seed, n):
    """The winner of a side is what the rule without sides says where the other has nothing."""
    rng = np.random.default_rng(seed)
    p, prior = rng.dirichlet(np.full(5, 0.5), n), rng.dirichlet(np.ones(5))
    found = Rule.of(OPEN, prior).decide(p)
    for row, best in zip(p, found, strict=True):
        is_plain = row[:3].sum() >= row[3:].sum()
        side = np.array([True] * 3 + [False] * 2) == is_plain
        alone = Rule(Rule.of(OPEN).group, np.where(side, prior, 0.0)).decide(row[None])
        assert best == alone[0]
        assert (best < 3) == is_plain


def test_what_has_no_share_never_wins():
    rule = Rule(Rule.of(CLASSES).group, np.array([0.0, 0.5, 0.5, 0.0]))
    p = np.array([[0.9, 0.0, 0.1, 0.0], [0.0, 0.0, 0.0, 1.0], [1.0, 0.0, 0.0, 0.0]])
    assert rule.decide(p).tolist() == [1, 1, 1]


def test_the_group_of_the_most_probable_class_need_not_win():
    """The default of the paper's ten: a Seyfert split in two loses to an AGN by single classes."""
    p = np.zeros((1, 11))
    for code, share in (("QSO", 0.38), ("Sy1", 0.32), ("Sy2", 0.30)):
        p[0, PAPER_CLASSES.codes.index(code)] = share
    best = Rule.of(PAPER_CLASSES).decide(p)[0]
    assert PAPER_CLASSES.codes[best] == "Sy1"
    assert PAPER_CLASSES.codes[Rule.published(11).decide(p)[0]] == "QSO"


@given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 40), is_balanced=st.booleans())
def test_against_loops(seed, n, is_balanced):
    rng = np.random.default_rng(seed)
    group = np.array([0, 0, 1, 2, 2, 3])
    p, prior = rng.dirichlet(np.ones(6), n), rng.dirichlet(np.ones(6))
    divisor = prior if is_balanced else np.ones(6)
    found = Rule(group, prior if is_balanced else None).decide(p)
    for row, best in zip(p, found, strict=True):
        of_group = [
            sum(row[k] for k in range(6) if group[k] == g)
            / (sum(prior[k] for k in range(6) if group[k] == g) if is_balanced else 1)
            for g in range(4)
        ]
        own = [k for k in range(6) if group[k] == int(np.argmax(of_group))]
        assert best == max(own, key=lambda k: row[k] / divisor[k])
    alone = Rule(np.arange(6), prior if is_balanced else None).decide(p)
    assert_array_equal(alone, (p / divisor).argmax(axis=1))  # flat classes: the plain rules


def test_rows_of_many_blocks_and_columns_beyond():
    p = np.zeros((2 * _ROWS + 3, 5))
    p[:, 0], p[:, 4] = 0.4, np.nan
    p[_ROWS + 1 :, 3] = 0.6
    rule = Rule.of(CLASSES)
    assert_array_equal(rule.decide(p), np.where(p[:, 3] > 0, 3, 0))
    rows = np.array([2 * _ROWS, 0])
    assert rule.decide(p, rows).tolist() == [3, 0]
    assert rule.first(3).decide(p[:1]).tolist() == [0]


def test_both_votes_follow_the_rule():
    p = np.array([[0.3, 0.25, 0.4, 0.05], [0.3, 0.3, 0.35, 0.05], [0.1, 0.1, 0.7, 0.1]])
    table = pa.table({"name": ["a", "a", "b"]})
    plain = tally(table, p, np.arange(3), 4)
    assert (plain.soft.tolist(), plain.hard.tolist()) == ([2, 2], [2, 2])
    found = tally(table, p, np.arange(3), 4, "mean", Rule.of(CLASSES))
    assert (found.soft.tolist(), found.hard.tolist()) == ([0, 2], [0, 2])
