"""What training keeps of its own validation: sums over held-out sources, by group."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from xsift.errors import ModelError
from xsift.model import held_out, load_model
from xsift.model.file import load_model_tree, save_model_tree
from xsift.model.packaged import packaged_models
from xsift.model.validation import N_BINS, THRESHOLDS, ValidationTree, validation_of
from xsift.score import calibrated
from xsift.score.calibrated import FOLDS, fit_calibrated
from xsift.score.evidence import Evidence

NAMES = ("A", "B", "C", "none")


def drawn(n=900, seed=0):
    rng = np.random.default_rng(seed)
    p = rng.dirichlet(np.full(4, 0.6), n)
    source = rng.integers(0, 400, n)
    group = (p.cumsum(axis=1) < rng.random(n)[:, None]).sum(axis=1)
    group[group == 2] = 1  # no source is of C
    return p, group, source, rng.uniform(0.2, 1, n)


def naive(p, group, source, weight, g):
    """Loop over the sources; the weights are scaled to the effective number of sources."""
    total = dict.fromkeys(source.tolist(), 0.0)
    for s, w in zip(source.tolist(), weight, strict=True):
        total[s] += w
    scale = sum(total.values()) / sum(w**2 for w in total.values())
    n, of_p, right = np.zeros((3, N_BINS))
    above, right_above = np.zeros((2, len(THRESHOLDS)))
    for name in set(source.tolist()):
        mine = [i for i in range(len(p)) if source[i] == name]
        for i in mine:
            w, q = weight[i] * scale, p[i, g]
            k = min(int(q * N_BINS), N_BINS - 1)
            n[k] += w
            of_p[k] += w * q
            right[k] += w * (group[i] == g)
            for t, threshold in enumerate(THRESHOLDS):
                if q >= threshold:
                    above[t] += w
                    right_above[t] += w * (group[i] == g)
    return n, of_p, right, above, right_above


def test_the_sums_are_those_of_a_loop():
    p, group, source, weight = drawn()
    p[:3, 0] = 0.3, 1.0, 0.0  # on an edge, and at both ends
    found = validation_of(p, group, source, weight, NAMES)
    assert found.groups == ["A", "B", "none"]
    assert (found.detections, found.sources) == (900, len(set(source)))
    assert found.folds == FOLDS
    for row, g in enumerate((0, 1, 3)):
        sums = (found.n, found.p, found.right, found.above, found.right_above)
        for mine, wanted in zip(sums, naive(p, group, source, weight, g), strict=True):
            assert_allclose(mine[row], wanted, atol=1e-9)
    of_source = np.bincount(source, weight)
    effective = of_source.sum() ** 2 / (of_source**2).sum()
    assert effective < found.sources
    assert_allclose(found.n.sum(axis=1), effective)
    assert_allclose(found.above[:, 0], effective)
    # Sources of equal weights count one each.
    even = validation_of(p[:50], group[:50], np.arange(50), np.full(50, 0.3), NAMES)
    assert_allclose(even.above[:, 0], 50)


def test_calibrated_probabilities_lie_on_the_diagonal():
    p, group, *_ = drawn(40_000, 1)
    some = np.flatnonzero(group != 1)
    found = validation_of(p[some], group[some], some, np.ones(len(some)), NAMES)
    p, group, *_ = drawn(40_000, 2)
    whole = validation_of(p, group, np.arange(40_000), np.ones(40_000), NAMES)
    row = whole.groups.index("A")
    share, n = whole.right[row] / whole.n[row], whole.n[row]
    mean = whole.p[row] / n
    assert (np.abs(share - mean) < 4 * np.sqrt(mean * (1 - mean) / n) + 1e-3).all()
    # Without one of the groups the same probabilities are not.
    share = found.right[0] / found.n[0]
    assert np.abs(share - found.p[0] / found.n[0]).max() > 0.1


def test_no_row_fits_the_blend_that_judges_it(monkeypatch):
    """The rows' own numbers stand in a feature: a spy sees which rows each blend was fitted on."""
    rng = np.random.default_rng(0)
    source = np.repeat(np.arange(150), 2)
    y = rng.integers(0, 3, 150)[source]
    Z = rng.normal(size=(300, 3)) + 2 * np.eye(3)[y]
    Z[:, 0] = np.arange(300) / 1000
    evidence = Evidence(Z, rng.dirichlet(np.ones(3), 300), np.ones((300, 1)))
    fitted, original = [], calibrated._fit_blend

    def spy(log_p, evidence, *rest):
        fitted.append(set(np.rint(evidence.Z[:, 0] * 1000).astype(int).tolist()))
        return original(log_p, evidence, *rest)

    monkeypatch.setattr(calibrated, "_fit_blend", spy)
    _, unseen = fit_calibrated(evidence, y, np.arange(3), np.ones(300), source, 0)
    whole, *folds = fitted
    assert whole == set(range(300))
    assert len(folds) == FOLDS
    left_out = [whole - fold for fold in folds]
    assert sorted(i for rows in left_out for i in rows) == list(range(300))
    for rows in left_out:
        assert not {source[i] for i in rows} & {source[i] for i in whole - rows}
    assert_allclose(unseen.crossed.sum(axis=1), 1)
    assert 0 < np.abs(unseen.crossed - unseen.p).max() < 0.3


def test_training_keeps_the_curves_of_its_held_out_sources(calibrated):
    tree = load_model_tree(calibrated / "model.asdf")
    faint, bright = tree.validation
    assert (faint.of, bright.of) == ("faint", "bright")
    assert bright.groups == ["AGN", "XB", "YSO", "none"]  # no other group has labels
    counts = tree.training.counts
    assert bright.detections == sum(tree.training.class_counts.values()) + counts["labelled_other"]
    assert bright.sources <= 300
    n = bright.n.sum(axis=1)
    assert (n <= bright.sources).all()
    assert_allclose(bright.right.sum(), n[0])  # every detection is of one group
    # Under the class shares of training: for each group, as many as its probabilities promise.
    right, promised = bright.right.sum(axis=1), bright.p.sum(axis=1)
    assert_allclose(right, promised, atol=5)


def test_held_out_probabilities_make_the_curves(calibrated, monkeypatch):
    """The sets take the blend of all rows, as before; the curves the blend of the other folds."""
    seen = []
    original = held_out.validation_of

    def spy(p, *rest):
        seen.append(p)
        return original(p, *rest)

    found = held_out.HeldOut(
        np.array([[0.7, 0.2, 0.06, 0.04]]),
        np.array([[0.6, 0.3, 0.06, 0.04]]),
        *(np.array([3]), np.array([7]), np.array([0]), np.array([0.5]), 2),
    )
    p, group, unit = found.in_sets()
    assert_allclose(p, [[0.7, 0.2, 0.1]])
    assert (group.tolist(), unit.tolist()) == ([2], [7])
    monkeypatch.setattr(held_out, "validation_of", spy)
    tree = load_model_tree(calibrated / "model.asdf")
    held_out.validations_of((found, found), tree.classes)
    assert [p.tolist() for p in seen] == [found.crossed.tolist()] * 2


def test_the_model_says_the_same_with_and_without(calibrated):
    tree = load_model_tree(calibrated / "model.asdf")
    without = tree.model_copy(update={"validation": []})
    assert without.model_id == tree.model_id
    assert without.digest != tree.digest


def test_a_file_of_an_earlier_xsift_loads(calibrated, tmp_path):
    """It has no such field, and its digest was made without."""
    import asdf

    tree = load_model_tree(calibrated / "model.asdf").model_copy(update={"validation": []})
    save_model_tree(tree, tmp_path / "old.asdf")
    with asdf.open(tmp_path / "old.asdf") as file:
        assert "validation" not in file["xsift"]
    again = load_model_tree(tmp_path / "old.asdf")
    assert again.validation == []
    assert load_model(tmp_path / "old.asdf").validation == ()


def test_what_is_saved_is_loaded(calibrated, tmp_path):
    tree = load_model_tree(calibrated / "model.asdf")
    save_model_tree(tree, tmp_path / "m.asdf")
    for one, other in zip(
        tree.validation, load_model_tree(tmp_path / "m.asdf").validation, strict=True
    ):
        assert one.groups == other.groups
        for a, b in zip(one.arrays(), other.arrays(), strict=True):
            assert_array_equal(a, b)


WRONG = [
    ({"n": np.ones((3, 9))}, r"n has shape \(3, 9\), \(3, 10\) is wanted"),
    ({"above": np.ones((2, 22))}, r"above has shape \(2, 22\), \(3, 22\) is wanted"),
    ({"thresholds": np.linspace(0.1, 1, 22)}, "thresholds are to rise from 0"),
    ({"thresholds": np.zeros(22)}, "thresholds are to rise from 0"),
    ({"right": np.full((3, 10), 1e6)}, "right are to be from 0 to n"),
    ({"right_above": np.full((3, 22), -1.0)}, "right_above are to be from 0 to above"),
    ({"p": np.full((3, 10), np.nan)}, "values that are not finite"),
    ({"folds": 1}, "greater than or equal to 2"),
    ({"of": "some"}, "Input should be 'all', 'bright' or 'faint'"),
]


@pytest.mark.parametrize(("wrong", "said"), WRONG)
def test_a_file_that_cannot_be_is_refused(wrong, said):
    plain = validation_of(*drawn(), NAMES).model_dump()
    assert ValidationTree.model_validate(plain)
    with pytest.raises(ValueError, match=said):
        ValidationTree.model_validate(plain | wrong)


def test_a_damaged_file_is_one_line(calibrated, tmp_path):
    tree = load_model_tree(calibrated / "model.asdf")
    bad = tree.validation[0].model_construct(
        **{**dict(tree.validation[0]), "n": np.ones((1, 3)), "p": np.ones((1, 3))}
    )
    save_model_tree(tree.model_copy(update={"validation": [bad]}), tmp_path / "m.asdf")
    with pytest.raises(ModelError, match=r"not a sound model: validation\.0: .*n has shape"):
        load_model_tree(tmp_path / "m.asdf")


def test_the_paper_method_has_none(files):
    from xsift import Settings, run

    settings = Settings(method="paper", clusters=2, label_column="label")
    assert run(files / "labelled.parquet", settings=settings).model.validation == []


def test_replacing_a_part_keeps_them(model):
    assert replace(model, gaps_removed=True).validation == model.validation != ()


@pytest.mark.parametrize(
    ("name", "whose"), [("csc20", "faint bright"), ("csc21", "faint bright"), ("4xmm", "all")]
)
def test_packaged_models_keep_promises(name, whose):
    """Of a group as many are right as its probabilities promise, of the two largest nearly."""
    found = load_model_tree(packaged_models()[name]).validation
    assert [v.of for v in found] == whose.split()
    for v in found:
        right, promised = v.right.sum(axis=1), v.p.sum(axis=1)
        assert_allclose(right, promised, rtol=0.3)
        largest = np.argsort(right)[-2:]
        assert_allclose(right[largest], promised[largest], rtol=0.1)
