"""Files of calibrated models: whole, and hostile. A bad one is one line, and gives no model."""

import io

import asdf
import numpy as np
import pytest
from numpy.testing import assert_array_equal

from xsift.errors import ModelError
from xsift.model import load_model
from xsift.model.file import load_model_tree, save_model_tree


@pytest.fixture(scope="module")
def sound(calibrated):
    """The plain tree of a sound model."""
    whole = (calibrated / "model.asdf").read_bytes()
    with asdf.open(io.BytesIO(whole), memmap=False, lazy_load=False) as file:
        return dict(file["xsift"])


@pytest.fixture
def path_of(tmp_path):
    def write(tree):
        asdf.AsdfFile({"xsift": copied(tree)}).write_to(tmp_path / "m.asdf")
        return tmp_path / "m.asdf"

    return write


def copied(tree):
    """Copy a tree; its arrays lie together, as ours do: asdf would write strides."""
    if isinstance(tree, dict):
        return {k: copied(v) for k, v in tree.items()}
    if isinstance(tree, np.ndarray):
        return np.array(tree, order="C")
    return [copied(v) for v in tree] if isinstance(tree, list) else tree


def changed(sound, part, value):
    """Replace a part of the calibrated tree; a callable is given what was there."""
    tree = copied(sound)
    place = tree["calibrated"]
    *folders, last = (int(name) if name.isdigit() else name for name in part.split("."))
    for name in folders:
        place = place[name]
    place[last] = value(np.array(place[last])) if callable(value) else value
    return tree


def at_start(value):
    def put(array):
        array.flat[0] = value
        return array

    return put


def test_round_trip(calibrated, tmp_path):
    tree = load_model_tree(calibrated / "model.asdf")
    save_model_tree(tree, tmp_path / "again.asdf")
    again = load_model_tree(tmp_path / "again.asdf")
    assert again.model_id == tree.model_id
    pairs = list(zip(tree.calibrated.arrays(), again.calibrated.arrays(), strict=True))
    assert len(pairs) > 40
    for a, b in pairs:
        assert a.dtype == b.dtype
        assert_array_equal(a, b)


WRONG = [
    ("closing", "maybe", r"calibrated\.closing: Input should be 'keep' or 'remove'"),
    ("closure", [0, 1], r"closure has shape 2, 3 is wanted"),
    ("closure", [0, 1, 12], "closure are to be whole numbers from 0 to 11"),
    ("closure", [-1, 0, 1], "closure are to be whole numbers from 0 to 11"),
    ("knots", lambda k: k[:-1], r"knots has shape \(12,\), \(13,\) is wanted"),
    ("knots", lambda k: k * 0, "knots are to be whole numbers from 1"),
    ("knots", lambda k: k / 1.0, "knots are to be whole numbers from 1"),
    ("value", lambda v: v[:-1], "value has shape"),
    ("score", lambda v: v[:-1], "score has shape"),
    ("value", lambda v: v[::-1], "the knots of feature 0 are to rise"),
    ("value", lambda v: v * 0, "the knots of feature 0 are to rise"),
    ("value", at_start(np.nan), "values that are not finite"),
    ("mixtures", [], "mixtures: List should have at least 1 item"),
    ("mixtures.0.means", lambda m: m[:, 1:], r"mixtures\.0\.means has shape"),
    ("mixtures.1.weights", lambda w: w * 2, r"mixtures\.1\.weights are to be positive"),
    ("mixtures.1.covariances", lambda c: -c, "covariance of cluster 0 is not positive definite"),
    ("bags", [], "bags: List should have at least 1 item"),
    ("bags.0.owner", lambda o: o[::-1], r"bags\.0\.owner are to rise"),
    ("bags.0.owner", lambda o: o + 9, r"bags\.0\.owner are to be whole numbers from 0 to 9"),
    ("bags.0.owner", lambda o: o - 1, r"bags\.0\.owner are to be whole numbers from 0 to 9"),
    ("bags.0.owner", lambda o: o / 1.0, r"bags\.0\.owner are to be whole numbers from 0 to 9"),
    ("bags.2.owner", lambda o: o[1:], r"bags\.2\.owner has shape"),
    ("bags.2.means", lambda m: m.T, r"bags\.2\.means has shape"),
    ("scorer.group", at_start(4), r"scorer\.group are to be whole numbers from 0 to 3"),
    ("scorer.group", at_start(-1), r"scorer\.group are to be whole numbers from 0 to 3"),
    ("scorer.group", lambda g: g[:-1], r"scorer\.group has shape \(9,\), \(10,\) is wanted"),
    ("scorer.shares", lambda s: s + 1, r"scorer\.shares are to be positive and to sum to 1"),
    ("scorer.slope", lambda s: s[1:], r"scorer\.slope has shape"),
    ("scorer.slope", lambda s: s.T, r"scorer\.slope has shape"),
    ("scorer.intercept", lambda s: s[1:], r"scorer\.intercept has shape"),
    ("scorer.blend", lambda b: b.T, r"scorer\.blend has shape \(2, 3\), \(3, 2\) is wanted"),
    ("scorer.blend", at_start(np.inf), r"scorer\.blend: .*not finite"),
    ("scorer.within", lambda _: [None], r"scorer\.group are to be whole numbers from 0 to 0"),
    ("scorer.trees.feature", at_start(23), r"scorer\.trees\.feature are to be whole numbers"),
    ("scorer.trees.feature", at_start(2**62), r"scorer\.trees\.feature are to be whole numbers"),
    ("scorer.trees.feature", at_start(-24), r"scorer\.trees\.feature are to be whole numbers"),
    ("scorer.trees.feature", lambda f: f[:, :6], r"scorer\.trees\.feature has shape"),
    ("scorer.trees.output", at_start(4), r"scorer\.trees\.output are to be whole numbers"),
    ("scorer.trees.output", at_start(-1), r"scorer\.trees\.output are to be whole numbers"),
    ("scorer.trees.output", lambda o: o[1:], r"scorer\.trees\.feature has shape"),
    ("scorer.trees.leaf", lambda v: v[:, 1:], r"scorer\.trees\.leaf has shape"),
    ("scorer.trees.leaf", at_start(np.nan), r"scorer\.trees\.leaf: .*not finite"),
    ("scorer.trees.threshold", lambda t: t[1:], r"scorer\.trees\.threshold has shape"),
    ("scorer.trees.baseline", lambda b: b[1:], r"scorer\.trees\.baseline has shape"),
    ("scorer.trees", None, r"scorer\.trees: Input should be"),
    ("none_trees.baseline", lambda b: b[:4], r"none_trees\.baseline has shape \(4,\), \(5,\)"),
    ("none_trees.output", at_start(5), r"none_trees\.output are to be whole numbers from 0 to 4"),
    ("none_trees.feature", at_start(23), r"none_trees\.feature are to be whole numbers"),
    ("none_share", 0.0, "none_share: Input should be greater than 0"),
    ("none_share", 1.0, "none_share: Input should be less than 1"),
    ("none_share", float("nan"), "none_share: Input should be"),
    ("rank_quantiles", lambda q: q[::-1], "rank_quantiles are to rise"),
    ("rank_quantiles", lambda q: q[:1], "a list of two numbers and more"),
    ("rank_quantiles", "text", "an array of numbers is wanted"),
    ("unheard_of", 1, "unheard_of: Extra inputs are not permitted"),
]


@pytest.mark.parametrize(
    ("part", "value", "said"), WRONG, ids=[f"{w[0]}-{i}" for i, w in enumerate(WRONG)]
)
def test_unsound(path_of, sound, part, value, said):
    path = path_of(changed(sound, part, value))
    with pytest.raises(ModelError, match=r"m\.asdf: not a sound model: .*" + said) as caught:
        load_model_tree(path)
    assert "\n" not in str(caught.value)


def test_a_tree_of_a_class_in_its_group_looks_and_adds_no_further(path_of, sound):
    within = sound["calibrated"]["scorer"]["within"]
    g = next(i for i, trees in enumerate(within) if trees is not None)
    for part, value in (("output", 99), ("feature", 99)):
        path = path_of(changed(sound, f"scorer.within.{g}.{part}", at_start(value)))
        with pytest.raises(ModelError, match=rf"scorer\.within\.{g}\.{part} are to be whole"):
            load_model_tree(path)


def judge(path):
    """Load a model and ask it: a hostile one may wait until it is used."""
    model = load_model(path)
    X = np.random.default_rng(0).normal(size=(5, len(model.features)))
    return model.predict(X)


def test_a_sound_model_judges(calibrated):
    said = judge(calibrated / "model.asdf")
    assert np.isfinite(said.p).all()


def test_features_of_trees_that_are_no_whole_numbers(path_of, sound):
    path = path_of(changed(sound, "scorer.trees.feature", lambda f: f / 2))
    with pytest.raises(ModelError, match=r"scorer\.trees\.feature are to be whole numbers"):
        judge(path)


def test_a_group_without_a_class(path_of, sound):
    tree = changed(sound, "scorer.within", lambda w: [*w.tolist(), None])
    scorer = tree["calibrated"]["scorer"]
    for name in ("slope", "intercept"):
        scorer[name] = np.concatenate([scorer[name], scorer[name][..., :1]], axis=-1)
    scorer["trees"]["baseline"] = np.append(scorer["trees"]["baseline"], 0.0)
    with pytest.raises(ModelError, match="scorer"):
        judge(path_of(tree))


def test_knots_whose_sum_overflows(path_of, sound):
    n = 13
    knots = np.full(n, 1)
    knots[:4] = 2**62  # together 2^64, that is 0
    tree = changed(sound, "knots", knots)
    for name in ("value", "score"):
        tree["calibrated"][name] = np.arange(n - 4.0)
    with pytest.raises(ModelError, match="knots"):
        judge(path_of(tree))
