"""Model files: whole, damaged and hostile. A bad one is one line, soon, and runs nothing."""

import io
import os
import pickle
import time

import asdf
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from xsift.errors import ModelError
from xsift.model.file import load_model_tree, save_model_tree
from xsift.model.packaged import packaged_models

HEADER = b"#ASDF 1.0.0\n#ASDF_STANDARD 1.6.0\n%YAML 1.1\n%TAG ! tag:stsci.edu:asdf/\n"
HEADER += b"--- !core/asdf-1.1.0\n"


@pytest.fixture(scope="module")
def whole():
    return packaged_models()["csc20-paper"].read_bytes()


@pytest.fixture(scope="module")
def sound(whole):
    """The plain tree of a sound model."""
    with asdf.open(io.BytesIO(whole), memmap=False, lazy_load=False) as file:
        return dict(file["xsift"])


@pytest.fixture
def load(tmp_path):
    def load_bytes(content):
        path = tmp_path / "m.asdf"
        path.write_bytes(content)
        begun = time.process_time()
        try:
            return load_model_tree(path)
        finally:
            assert time.process_time() - begun < 5

    return load_bytes


@pytest.fixture
def load_tree(load):
    def load_changed(tree, **options):
        sink = io.BytesIO()
        asdf.AsdfFile({"xsift": copied(tree)}).write_to(sink, **options)
        return load(sink.getvalue())

    return load_changed


def test_round_trip(tmp_path, whole, load):
    tree = load(whole)
    save_model_tree(tree, tmp_path / "again.asdf")
    again = load_model_tree(tmp_path / "again.asdf")
    assert again.model_id == tree.model_id
    assert again.training == tree.training
    assert np.array_equal(again.paper.precisions, tree.paper.precisions)


def copied(tree):
    """Copy a tree; its arrays lie together, as ours do: asdf would write strides."""
    if isinstance(tree, dict):
        return {k: copied(v) for k, v in tree.items()}
    if isinstance(tree, np.ndarray):
        return np.array(tree, order="C")
    return [copied(v) for v in tree] if isinstance(tree, list) else tree


def changed(sound, part, value):
    tree = copied(sound)
    *folders, last = (int(name) if name.isdigit() else name for name in part.split("."))
    place = tree
    for name in folders:
        place = place[name]
    place[last] = value(place[last]) if callable(value) else value
    return tree


def negative(covariances):
    return np.concatenate([-covariances[:1], covariances[1:]])


def lopsided(covariances):
    bad = np.array(covariances)
    bad[0, 0, 1] += 0.1
    return bad


def with_nan(array):
    bad = np.array(array, dtype=float)
    bad.flat[-1] = np.nan
    return bad


@pytest.mark.parametrize(
    ("part", "value", "said"),
    [
        ("format", "other-model", "format: Input should be 'xsift-model'"),
        ("version", 6, "version: Input should be 5"),
        ("method", "magic", "method: Input should be 'paper' or 'calibrated'"),
        ("features", [], "features: List should have at least 1 item"),
        ("features", ["x"] * 1000, "features: List should have at most 200 items"),
        ("features", lambda f: [*f, "more"], r"scaling has shape 12, 13 is wanted"),
        ("paper.mixture.weights", np.ones((2, 2)), r"mixture\.weights has shape \(2, 2\)"),
        ("paper.mixture.weights", lambda w: w * 2, "weights are to be positive and to sum to 1"),
        ("paper.mixture.weights", with_nan, "paper.mixture.weights: .* values that are not finite"),
        ("paper.mixture.means", lambda m: m[:, :-1], r"mixture\.means has shape \(6, 11\)"),
        ("paper.mixture.covariances", negative, "covariance of cluster 0 is not positive definite"),
        ("paper.mixture.covariances", lopsided, "covariance of cluster 0 is not symmetric"),
        ("paper.mixture.covariances", with_nan, "paper.mixture.covariances: .*not finite"),
        ("paper.mixture.covariances", np.zeros(3), r"mixture\.covariances has shape \(3,\)"),
        (
            "paper.mixture.covariances",
            "text",
            "paper.mixture.covariances: .*an array of numbers is wanted",
        ),
        (
            "paper.mixture.covariances",
            {"a": 1},
            "paper.mixture.covariances: .*an array of numbers is wanted",
        ),
        (
            "paper.mixture.covariances",
            [[1], [2, 3]],
            "paper.mixture.covariances: .*an array of numbers is wanted, not list",
        ),
        ("paper.precisions", lambda p: p[:, :2], r"paper\.precisions has shape"),
        ("paper.precisions", with_nan, "paper.precisions: .*not finite"),
        ("paper.n_members", lambda n: -n, "paper.n_members are to be whole numbers from 0 to"),
        ("paper.n_members", lambda n: n / 2, "paper.n_members are to be whole numbers"),
        ("paper.min_members", 1, "paper.min_members: Input should be greater"),
        ("paper.scaling.high", lambda h: -h - 100, "scaling.high is to be above scaling.low"),
        (
            "paper.scaling.scaling",
            lambda s: ["evil", *s[1:]],
            r"paper\.scaling\.scaling\.0: Input should be",
        ),
        ("paper.log_density_quantiles", lambda q: q[::-1], "log_density_quantiles are to rise"),
        ("paper.log_density_quantiles", np.zeros(1), "a list of two numbers and more"),
        ("classes", {"classes": []}, "classes.classes: .*at least 1 item"),
        ("unheard_of", lambda: 0, "unheard_of: Extra inputs are not permitted"),
    ],
)
def test_unsound(load_tree, sound, part, value, said):
    tree = sound | {part: 1} if part == "unheard_of" else changed(sound, part, value)
    with pytest.raises(ModelError, match=r"m\.asdf: not a sound model: .*" + said) as caught:
        load_tree(tree)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "part", ["classes", "training", "paper.mixture", "paper.log_density_quantiles"]
)
def test_a_part_that_is_missing(load_tree, sound, part):
    tree = changed(sound, part, None)
    *folders, last = part.split(".")
    del (tree[folders[0]] if folders else tree)[last]
    with pytest.raises(ModelError, match=f"not a sound model: {part}: Field required"):
        load_tree(tree)


def test_a_model_holds_its_own_method_and_no_other(load_tree, sound):
    said = r"a model of method (paper|calibrated) holds that method's part alone"
    for part, value in (("method", "calibrated"), ("paper", None)):
        with pytest.raises(ModelError, match=said):
            load_tree(changed(sound, part, value))


def test_not_a_model(load, load_tree, tmp_path):
    with pytest.raises(ModelError, match=r"m\.asdf: not an xsift model \(an ASDF file is wanted\)"):
        load(b"")
    with pytest.raises(ModelError, match="not an xsift model"):
        load(os.urandom(1000))
    sink = io.BytesIO()
    asdf.AsdfFile({"other": np.arange(3)}).write_to(sink)
    with pytest.raises(ModelError, match="an ASDF file, but not an xsift model"):
        load(sink.getvalue())
    with pytest.raises(ModelError, match="an ASDF file, but not an xsift model"):
        load_tree([1, 2])
    with pytest.raises(
        ModelError, match=r"is a directory: give a model file, such as .*model\.asdf"
    ):
        load_model_tree(tmp_path)
    with pytest.raises(ModelError, match="none: cannot be read: No such file"):
        load_model_tree(tmp_path / "none")
    with pytest.raises(ModelError, match="cannot be read: embedded null"):
        load_model_tree("a\0b")


@pytest.mark.skipif(not os.path.exists("/dev/zero"), reason="no devices here")
def test_device_without_end():
    with pytest.raises(ModelError, match="/dev/zero is not a file"):
        load_model_tree("/dev/zero")


class Evil:
    def __init__(self, target):
        self.target = target

    def __reduce__(self):
        return os.mkdir, (self.target,)


def test_a_pickle_is_not_run(load, tmp_path):
    with pytest.raises(ModelError, match="not an xsift model"):
        load(pickle.dumps(Evil(str(tmp_path / "pwned"))))
    assert not (tmp_path / "pwned").exists()


@pytest.mark.parametrize("where", [b"xsift: %s\n", b"xsift: {survey: %s}\n", b"a: %s\nxsift: {}\n"])
@pytest.mark.parametrize(
    "tag", [b"!!python/object/apply:os.mkdir", b"!!python/object/new:os.mkdir"]
)
def test_python_tags_are_not_run(load, tmp_path, where, tag):
    evil = tag + f" ['{tmp_path / 'pwned'}']".encode()
    with pytest.raises(ModelError, match=r"m\.asdf: "):
        load(HEADER + where % evil + b"...\n")
    assert not (tmp_path / "pwned").exists()


def aliases():
    lines = [b"a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [b"a%d: &a%d [%s]" % (i, i, b", ".join([b"*a%d" % (i - 1)] * 9)) for i in range(1, 10)]
    return b"\n".join(lines) + b"\n"


@pytest.mark.parametrize(
    "before",
    [b"", b"y: 1\n...x: 1\n", b"y: 1\r\n...x: 1\r\n"],  # a key that looks like the header's end
)
def test_alias_bomb(load, before):
    with pytest.raises(ModelError, match=r"repeats parts of itself \(YAML aliases\): refused"):
        load(HEADER + before + aliases() + b"xsift: {a: *a9}\n...\n")


@pytest.mark.parametrize("depth", [33, 5000, 50_000])
def test_deep_nesting(load, depth):
    """Far enough down, libyaml overflows the stack of the process."""
    with pytest.raises(ModelError, match="nested deeper than a model: refused"):
        load(HEADER + b"xsift: " + b"[" * depth + b"]" * depth + b"\n...\n")


def test_a_header_without_end(load):
    with pytest.raises(ModelError, match="the header is too large for a model"):
        load(HEADER + b"xsift: [" + b"1," * 4_000_000 + b"1]\n...\n")
    with pytest.raises(ModelError, match=r"m\.asdf: (not a sound model|an ASDF file, but not)"):
        load(HEADER + b"xsift: [" + b"1," * 120_000 + b"1]\n...\n")


@pytest.mark.parametrize("how", ["zlib", "bzp2"])
def test_compressed_blocks(load_tree, sound, how):
    bomb = changed(sound, "paper.mixture.covariances", np.zeros(4_000_000))
    with pytest.raises(ModelError, match="compressed blocks: refused"):
        load_tree(bomb, all_array_compression=how)


@pytest.mark.parametrize("scheme", ["{1}", "file://{0}", "{0}", "other.asdf"])
def test_external_arrays_are_not_loaded(load, whole, tmp_path, server, scheme):
    (tmp_path / "other.asdf").write_bytes(whole)
    web, asked = server
    address = scheme.format(tmp_path / "other.asdf", web)
    start = whole.index(b"source: ", whole.index(b"log_density_quantiles"))
    end = whole.index(b"\n", start)
    with pytest.raises(ModelError, match=r"log_density_quantiles: source '.* is no block"):
        load(whole[:start] + f"source: '{address}'".encode() + whole[end:])
    assert asked == []


def test_references_are_not_followed(load_tree, sound, server):
    web, asked = server
    elsewhere = {"$ref": f"{web}#/a"}
    with pytest.raises(ModelError, match=r"paper.mixture.means: .*an array of numbers is wanted"):
        load_tree(changed(sound, "paper.mixture.means", elsewhere))
    assert asked == []


def test_cut_off_anywhere_is_refused(load, whole):
    # Behind the last block stands only an index, which nothing needs.
    last = whole.rindex(b"\xd3BLK")
    used = int.from_bytes(whole[last + 22 : last + 30], "big")
    for end in [*range(0, last + 54 + used, 4001), last + 54 + used - 1]:
        with pytest.raises(ModelError, match=r"m\.asdf: "):
            load(whole[:end])
    assert load(whole[: last + 54 + used]).survey == "csc20"


@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data(), new=st.binary(min_size=1, max_size=12))
def test_any_change_gives_a_model_or_an_error_of_ours(load, or_refused, whole, data, new):
    at = data.draw(st.integers(0, 6000))  # the header, and the start of the first block
    tree = or_refused(lambda: load(whole[:at] + new + whole[at + len(new) :]))
    assert tree is None or len(tree.features) == 12
