"""Files of calibrated models: whole, and hostile. A bad one is one line, and gives no model."""

import io

import asdf
import numpy as np
import pytest
from numpy.testing import assert_array_equal

from xsift.errors import ModelError
from xsift.model import file as model_file
from xsift.model import load_model, model_of
from xsift.model.file import load_model_tree, save_model_tree
from xsift.model.schema import ModelTree


@pytest.fixture(scope="module")
def sound(thin, tmp_path_factory):
    """The plain tree of a sound model."""
    path = tmp_path_factory.mktemp("sound") / "m.asdf"
    save_model_tree(thin, path)
    with asdf.open(io.BytesIO(path.read_bytes()), memmap=False, lazy_load=False) as file:
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


@pytest.fixture
def load(monkeypatch):
    """Load a plain tree as if it stood in a file: writing hundreds of files takes a minute."""

    def from_tree(tree):
        monkeypatch.setattr(model_file, "_content", lambda *_: b"")
        monkeypatch.setattr(model_file, "_plain_tree", lambda *_: tree)
        return load_model_tree("m.asdf")

    return from_tree


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


OWNER = r"levels\.0\.bags\.0\.owner are to be whole numbers from 0 to 17"
# The fixture has 12 features, closed with their mismatch: d = 13; six levels of faintness; plain
# classes in 4 groups, and 7 apart in 4 more; none of them.
WRONG = [
    ("closing", "maybe", r"calibrated\.closing: Input should be 'keep' or 'remove'"),
    ("closure", [0, 1], r"closure has shape 2, 3 is wanted"),
    ("closure", [0, 1, 12], "closure are to be whole numbers from 0 to 11"),
    ("closure", [-1, 0, 1], "closure are to be whole numbers from 0 to 11"),
    ("closure", [1, 0, 1], "closure has shape 2, 3 is wanted"),
    ("knots", lambda k: k[:-1], r"knots has shape \(12,\), \(13,\) is wanted"),
    ("knots", lambda k: k * 0, "knots are to be whole numbers from 1"),
    ("knots", lambda k: k / 1.0, "knots are to be whole numbers from 1"),
    ("value", lambda v: v[:-1], "value has shape"),
    ("score", lambda v: v[:-1], "score has shape"),
    ("value", lambda v: v[::-1], "the knots of feature 0 are to rise"),
    ("value", lambda v: v * 0, "the knots of feature 0 are to rise"),
    ("score", lambda v: v[::-1], "the scores of feature 0 are to rise"),
    ("value", at_start(np.nan), "values that are not finite"),
    ("mixtures", [], "mixtures: List should have at least 1 item"),
    ("mixtures.0.means", lambda m: m[:, 1:], r"mixtures\.0\.means has shape"),
    ("mixtures.1.weights", lambda w: w * 2, r"mixtures\.1\.weights are to be positive"),
    ("mixtures.1.covariances", lambda c: -c, "covariance of cluster 0 is not positive definite"),
    ("levels", [], "levels: List should have at least 1 item"),
    ("levels", lambda v: v[:5].tolist(), "levels are to be 1 or 6"),
    ("levels", lambda v: v[[*range(6), 0]].tolist(), "levels are to be 1 or 6"),
    ("levels", lambda v: v[5:].tolist(), r"scorers has shape 2, 1 is wanted"),
    ("levels.0.bags", [], r"levels\.0\.bags: List should have at least 1 item"),
    ("levels.0.bags.0.owner", lambda o: o[::-1], r"levels\.0\.bags\.0\.owner are to rise"),
    ("levels.0.bags.0.owner", lambda o: o + 99, OWNER),
    ("levels.0.bags.0.owner", lambda o: o - 1, OWNER),
    ("levels.0.bags.0.owner", lambda o: o / 1.0, OWNER),
    ("levels.5.bags.1.owner", lambda o: o[1:], r"levels\.5\.bags\.1\.owner has shape"),
    ("levels.5.bags.1.means", lambda m: m.T, r"levels\.5\.bags\.1\.means has shape"),
    ("levels.5.bags.1.weights", lambda w: w * 2, r"levels\.5\.bags\.1\.weights are to be posit"),
    ("levels.0.mixture.means", lambda m: m[:, 1:], r"levels\.0\.mixture\.means has shape"),
    ("levels.4.mixture.weights", lambda w: w * 2, r"levels\.4\.mixture\.weights are to be positi"),
    ("levels.4.mixture.covariances", lambda c: -c, "covariance of cluster 0 is not positive"),
    ("levels.0.rank_quantiles", lambda q: q[::-1], r"levels\.0\.rank_quantiles are to rise"),
    ("levels.5.rank_quantiles", lambda q: q[:1], r"levels\.5\.rank_quantiles .*two numbers and m"),
    ("levels.5.rank_quantiles", lambda q: q[None], r"levels\.5\.rank_quantiles .*two numbers and"),
    ("levels.5.rank_quantiles", "text", "an array of numbers is wanted"),
    ("levels.5.unheard_of", 1, "unheard_of: Extra inputs are not permitted"),
    ("scorers", [], "scorers: List should have at least 1 item"),
    ("scorers", lambda v: v[:1].tolist(), "scorers has shape 1, 2 is wanted"),
    ("scorers", lambda v: v[[0, 1, 1]].tolist(), "scorers: List should have at most 2 items"),
    ("scorers.0.opened", None, r"scorers\.0\.thresholds has shape \(5,\), \(4,\) is wanted"),
    ("scorers.1.opened", None, r"levels\.0\.bags\.0\.owner are to be whole numbers from 0 to 9"),
    ("scorers.0.plain", None, r"scorers\.0\.plain: Input should be"),
    ("scorers.0.thresholds", lambda t: t[:4], r"scorers\.0\.thresholds has shape \(4,\), \(5,\)"),
    ("scorers.1.thresholds", at_start(1.1), r"scorers\.1\.thresholds are to be probabilities, 0"),
    ("scorers.1.thresholds", at_start(-0.1), r"scorers\.1\.thresholds are to be probabilities, 0"),
    ("scorers.1.thresholds", at_start(np.nan), r"scorers\.1\.thresholds: .*not finite"),
    ("unheard_of", 1, "unheard_of: Extra inputs are not permitted"),
]


def wrong_scorer(name, n_classes, n_groups, last):
    """Return what is wrong with one scorer: its place, classes and groups, and the last column."""
    said = name.replace(".", r"\.")
    return [
        (f"{name}.{part}", value, said + r"\." + text)
        for part, value, text in (
            (
                "group",
                at_start(n_groups),
                f"group are to be whole numbers from 0 to {n_groups - 1}",
            ),
            ("group", at_start(-1), f"group are to be whole numbers from 0 to {n_groups - 1}"),
            ("group", lambda g: g[:-1], rf"group has shape \({n_classes - 1},\), \({n_classes},\)"),
            ("group", lambda g: g[::-1], r"group has shape \[\d, .*\] is wanted"),
            ("group", lambda g: np.where(g == 1, 0, g), "group is to have a class in every group"),
            ("shares", lambda s: s + 1, "shares are to be positive and to sum to 1"),
            ("shares", lambda s: s[1:], "shares has shape"),
            ("slope", lambda s: s[1:], "slope has shape"),
            ("slope", lambda s: s.T, "slope has shape"),
            ("intercept", lambda s: s[1:], "intercept has shape"),
            ("blend", lambda b: b[:, :2], r"blend has shape \(3, 2\), \(3, 3\) is wanted"),
            ("blend", at_start(np.inf), "blend: .*not finite"),
            ("within", lambda _: [None], "group are to be whole numbers from 0 to 0"),
            ("trees.feature", at_start(last + 1), "trees.feature are to be whole numbers"),
            ("trees.feature", at_start(2**62), "trees.feature are to be whole numbers"),
            ("trees.feature", at_start(-last - 2), "trees.feature are to be whole numbers"),
            ("trees.feature", lambda f: f[:, :6], "trees.feature has shape"),
            ("trees.output", at_start(n_groups), "trees.output are to be whole numbers"),
            ("trees.output", at_start(-1), "trees.output are to be whole numbers"),
            ("trees.output", lambda o: o[1:], "trees.feature has shape"),
            ("trees.leaf", lambda v: v[:, 1:], "trees.leaf has shape"),
            ("trees.leaf", at_start(np.nan), "trees.leaf: .*not finite"),
            ("trees.threshold", lambda t: t[1:], "trees.threshold has shape"),
            ("trees.baseline", lambda b: b[1:], "trees.baseline has shape"),
            ("trees", None, "trees: Input should be"),
            ("within.0.output", at_start(2), r"within\.0\.output are to be whole numbers"),
            ("within.0.feature", at_start(last + 1), r"within\.0\.feature are to be whole numbers"),
            ("within.0.baseline", lambda b: b[1:], r"within\.0\.baseline has shape"),
            ("unheard_of", 1, "unheard_of: Extra inputs are not permitted"),
        )
    ]


# Trees look at the features, at how faint a detection is, and at the posterior of each class.
WRONG += wrong_scorer("scorers.0.plain", 10, 4, 13 + 10)
WRONG += wrong_scorer("scorers.1.plain", 10, 4, 13 + 10)
WRONG += wrong_scorer("scorers.0.opened", 18, 9, 13 + 18)
WRONG += wrong_scorer("scorers.1.opened", 18, 9, 13 + 18)


@pytest.mark.parametrize(
    ("part", "value", "said"), WRONG, ids=[f"{w[0]}-{i}" for i, w in enumerate(WRONG)]
)
def test_unsound(load, sound, part, value, said):
    with pytest.raises(ModelError, match=r"^m\.asdf: not a sound model: .*" + said) as caught:
        load(changed(sound, part, value))
    assert "\n" not in str(caught.value)


def test_the_tree_that_is_changed_is_sound(load, sound, thin):
    assert load(copied(sound)).digest == thin.digest


@pytest.mark.parametrize(("part", "value", "said"), WRONG[::40])
def test_unsound_in_a_file(path_of, sound, part, value, said):
    with pytest.raises(ModelError, match=r"m\.asdf: not a sound model: .*" + said) as caught:
        load_model_tree(path_of(changed(sound, part, value)))
    assert "\n" not in str(caught.value)


def judge(path):
    """Load a model and ask it: a hostile one may wait until it is used."""
    return asked(load_model(path))


def asked(model):
    """Ask about five detections, faint and bright."""
    X = np.random.default_rng(0).normal(size=(5, len(model.features)))
    return model.predict(X, np.array([5.0, 15, 100, 500, np.inf]))


def judge_tree(tree):
    """As `judge`, whatever digest the file had."""
    tree = copied(tree)
    del tree["digest"]
    return asked(model_of(ModelTree.model_validate(tree)))


def test_a_sound_model_judges(calibrated, path_of, sound):
    assert np.isfinite(judge(calibrated / "model.asdf").p).all()
    assert np.isfinite(judge(path_of(sound)).p).all()


@pytest.mark.parametrize("k", [0, 1])
@pytest.mark.parametrize("name", ["plain", "opened"])
def test_features_of_trees_that_are_no_whole_numbers(path_of, sound, k, name):
    path = path_of(changed(sound, f"scorers.{k}.{name}.trees.feature", lambda f: f / 2))
    said = rf"scorers\.{k}\.{name}\.trees\.feature are to be whole numbers"
    with pytest.raises(ModelError, match=said):
        judge(path)


@pytest.mark.parametrize("name", ["plain", "opened"])
def test_a_group_without_a_class(path_of, sound, name):
    tree = changed(sound, f"scorers.1.{name}.within", lambda w: [*w.tolist(), None])
    scorer = tree["calibrated"]["scorers"][1][name]
    for part in ("slope", "intercept"):
        scorer[part] = np.concatenate([scorer[part], scorer[part][..., :1]], axis=-1)
    scorer["trees"]["baseline"] = np.append(scorer["trees"]["baseline"], 0.0)
    said = rf"scorers\.1\.{name}\.group is to have a class in every group"
    with pytest.raises(ModelError, match=said):
        judge(path_of(tree))


@pytest.mark.parametrize("k", [0, 1])
def test_scorers_are_opened_both_or_none(load, sound, k):
    tree = changed(sound, f"scorers.{k}.opened", None)
    tree["calibrated"]["scorers"][k]["thresholds"] = None
    said = (r"scorers\.0\.opened has shape True, False is", r"levels\.0\.bags\.0\.owner are to be")
    with pytest.raises(ModelError, match=said[k]):
        load(tree)


def test_a_closed_model_is_held_to_the_plain_classes(sound):
    """Where nothing beside the plain classes trained, no mixture may speak of it."""
    tree = changed(sound, "scorers.0.opened", None)
    tree["calibrated"]["scorers"][1]["opened"] = None
    with pytest.raises(ValueError, match=r"levels\.0\.bags\.0\.owner .* from 0 to 9"):
        judge_tree(tree)
    for level in tree["calibrated"]["levels"]:
        for bag in level["bags"]:
            bag["owner"] = np.minimum(bag["owner"], 9)
    with pytest.raises(ValueError, match=r"scorers\.0\.thresholds has shape \(5,\), \(4,\)"):
        judge_tree(tree)
    for scorer in tree["calibrated"]["scorers"]:
        scorer["thresholds"] = None
    said = judge_tree(tree)
    assert (said.p[:, 10:] == 0).all()
    assert np.isfinite(said.p_none).all()


def test_a_model_that_takes_no_counts(sound):
    """One level, and one scorer: trees and blends do not see how faint a detection is."""
    tree = changed(sound, "levels", lambda v: v[5:].tolist())
    tree["calibrated"]["scorers"] = tree["calibrated"]["scorers"][1:]
    with pytest.raises(ValueError, match=r"scorers\.0\.plain\.slope has shape"):
        judge_tree(tree)
    scorer = tree["calibrated"]["scorers"][0]
    for name, n_classes in (("plain", 10), ("opened", 18)):
        for trees in (scorer[name]["trees"], *scorer[name]["within"]):
            if trees is not None:
                last = 13 + n_classes - 1
                trees["feature"] = np.clip(trees["feature"], -1 - last, last)
        scorer[name]["slope"] = np.delete(scorer[name]["slope"], 13, axis=0)
        with pytest.raises(ValueError, match=rf"{name}\.blend has shape \(3, 3\), \(3, 2\)"):
            judge_tree(tree)
        scorer[name]["blend"] = scorer[name]["blend"][:, :2]
    assert np.isfinite(judge_tree(tree).p).all()


def test_knots_whose_sum_overflows(path_of, sound):
    n = 13
    knots = np.full(n, 1)
    knots[:4] = 2**62  # together 2^64, that is 0
    tree = changed(sound, "knots", knots)
    for name in ("value", "score"):
        tree["calibrated"][name] = np.arange(n - 4.0)
    with pytest.raises(ModelError, match="knots"):
        judge(path_of(tree))
