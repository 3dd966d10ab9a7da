"""A model file says what its content is: damage is seen, whatever it damaged, and names are names.

The packaged models are held to the package's own list, too.
"""

import hashlib
import io
import json
import shutil
from pathlib import Path

import asdf
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from xsift.errors import ModelError, XsiftWarning
from xsift.model import file as model_file
from xsift.model import load_model, packaged
from xsift.model.file import load_model_tree, save_model_tree
from xsift.model.packaged import chosen_model, named_model, packaged_models
from xsift.settings import Settings

NAMES = ["4xmm", "csc20", "csc20-paper", "csc21", "csc21-paper"]
# Fingerprints of the models as they were trained: saving them again must not change a number.
MODEL_IDS = ["ec211b4d7454", "5e0bf5f83823", "90c3cb6de8b3", "c4b2e7b1d829", "b0e828e00a38"]


@pytest.fixture(scope="module")
def whole():
    return packaged_models()["csc20-paper"].read_bytes()


@pytest.fixture(scope="module")
def tree():
    return load_model_tree(packaged_models()["csc20-paper"])


def plain(content):
    with asdf.open(io.BytesIO(content), memmap=False, lazy_load=False) as file:
        return dict(file["xsift"])


def written(tree, path):
    asdf.AsdfFile({"xsift": tree}).write_to(path)
    return path


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("release", "2.2"),
        ("evaluation", {"sources_accuracy": 0.99}),
        ("training.created", "2020-01-01T00:00:00Z"),
        ("training.settings.seed", 43),
        ("training.class_counts.QSO", 692),
        ("training.warnings", []),
        ("classes.classes.0.title", "star"),
        ("paper.min_members", 13),
        ("paper.means", lambda a: np.nextafter(a, np.inf)),
        ("paper.n_members", lambda a: a[::-1].copy()),
        ("digest", "0" * 64),
        ("digest", None),
        ("digest", 7),
    ],
)
def test_other_content_than_was_saved(whole, tmp_path, part, value):
    tree = place = plain(whole)
    *folders, last = (int(name) if name.isdigit() else name for name in part.split("."))
    for name in folders:
        place = place[name]
    place[last] = value(place[last]) if callable(value) else value
    said = r"m\.asdf: damaged: the content is not what was saved \(its digest is another\); copy"
    with pytest.raises(ModelError, match=said):
        load_model_tree(written(tree, tmp_path / "m.asdf"))


def turned(tree):
    if isinstance(tree, dict):
        return {k: turned(tree[k]) for k in reversed(tree)}
    return [turned(v) for v in tree] if isinstance(tree, list) else tree


def test_the_digest_is_of_content_not_of_bytes(whole, tree, tmp_path):
    path = written(turned(plain(whole)), tmp_path / "m.asdf")
    assert path.read_bytes() != whole
    again = load_model_tree(path)
    assert again.digest == tree.digest
    assert len(tree.digest) == 64
    assert tree.model_copy(update={"release": "x"}).digest != tree.digest


@pytest.mark.parametrize("version", [1, 2, 3, 4])
def test_files_of_earlier_versions(whole, tmp_path, version):
    tree = plain(whole) | {"version": version}
    said = rf"version {version}, of an earlier xsift: this one reads version 5; train the model ag"
    with pytest.raises(ModelError, match=said):
        load_model_tree(written(tree, tmp_path / "m.asdf"))


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
WHOLE_NUMBERS = st.integers(2 - 2**63, 2**63 - 1)  # those that asdf writes


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(text=TEXT, key=TEXT, number=st.floats(), whole_number=WHOLE_NUMBERS)
def test_what_is_saved_is_loaded(tmp_path, text, key, number, whole_number):
    tree = load_model_tree(packaged_models()["csc20-paper"])
    about = {
        "input": text,
        "warnings": [text, "", key * 30],
        "settings": {key: text, "a": number, "b": whole_number, "c": True, "d": None},
    }
    odd = tree.model_copy(
        update={"release": text, "training": tree.training.model_copy(update=about)}
    )
    save_model_tree(odd, tmp_path / "m.asdf")
    again = load_model_tree(tmp_path / "m.asdf")
    assert again.digest == odd.digest
    assert (again.release, again.training.warnings) == (text, about["warnings"])


def test_too_large_to_be_read_is_not_saved(tree, whole, tmp_path, monkeypatch):
    monkeypatch.setattr(model_file, "MAX_BYTES", 140_000)
    said = (
        r"the model takes 150,\d\d\d bytes: xsift reads models of 140,000 at most; fewer clusters"
    )
    with pytest.raises(ModelError, match=said):
        save_model_tree(tree, tmp_path / "m.asdf")
    assert not (tmp_path / "m.asdf").exists()
    (tmp_path / "m.asdf").write_bytes(whole)
    with pytest.raises(ModelError, match=r"m\.asdf: larger than 0 MiB: not a model"):
        load_model_tree(tmp_path / "m.asdf")


def test_asdf_reads_what_is_saved(tree, tmp_path):
    save_model_tree(tree, tmp_path / "m.asdf")
    read = plain((tmp_path / "m.asdf").read_bytes())
    assert np.array_equal(read["paper"]["precisions"], tree.paper.precisions)
    assert read["digest"] == tree.digest


def test_views_and_shared_arrays_are_saved_one_by_one(calibrated, tmp_path):
    """asdf writes one block for two views, and the whole array that a view is of."""
    tree = load_model_tree(calibrated / "model.asdf").model_dump()
    scorer = tree["calibrated"]["scorers"][0]["plain"]
    both = np.arange(4 * len(scorer["intercept"]), dtype=float)
    scorer["intercept"] = both[: len(scorer["intercept"])]
    scorer["trees"]["baseline"] = scorer["intercept"]
    scorer["slope"] = np.asfortranarray(scorer["slope"])
    model = type(load_model_tree(calibrated / "model.asdf")).model_validate(tree)
    save_model_tree(model, tmp_path / "m.asdf")
    assert load_model_tree(tmp_path / "m.asdf").digest == model.digest


ODD = [chr(c) for c in range(32, 127) if chr(c) not in "/."]
ODD += ["é", "星", "\udcff", "%41", "a:b"]


@pytest.mark.parametrize("character", ODD, ids=ascii)
def test_names_are_names(tree, tmp_path, monkeypatch, character):
    """asdf takes a name for an address: `C#/model.asdf` would be the file `C`."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "results").write_text("the user's own")
    for name in (f"results{character}2", f"{character}", f"file:{character}x", f"x{character}"):
        Path(name).mkdir(exist_ok=True)
        path = Path(name, f"m{character}.asdf")
        save_model_tree(tree, path)
        assert load_model_tree(path).model_id == tree.model_id
        assert load_model_tree(str(path)).model_id == tree.model_id
        assert [p.name for p in Path(name).iterdir()] == [path.name]
        shutil.rmtree(name)
    assert [p.name for p in tmp_path.iterdir()] == ["results"]
    assert (tmp_path / "results").read_text() == "the user's own"


def test_packaged_models_are_those_of_the_list():
    found = packaged_models()
    listed = json.loads((found["csc20"].parent / "digests.json").read_text())
    assert sorted(found) == sorted(listed) == NAMES
    for name, path in found.items():
        assert hashlib.sha256(path.read_bytes()).hexdigest() == listed[name]
        assert named_model(name) == path
    assert [load_model_tree(found[name]).model_id for name in NAMES] == MODEL_IDS


@pytest.mark.parametrize(("name", "is_open"), [("csc20", True), ("csc21", True), ("4xmm", False)])
def test_packaged_models_judge(name, is_open):
    """Those of Chandra know other kinds and faint detections; the table of 4XMM tells neither."""
    model = load_model(packaged_models()[name])
    assert model.takes_counts == is_open
    assert [scorer.opened is not None for scorer in model.scorers] == [is_open] * (1 + is_open)
    assert all(scorer.thresholds is not None for scorer in model.scorers)
    assert (model.classes.n_plain < len(model.classes)) == is_open
    assert 0 < model.prior.none_share < 0.5
    X = np.column_stack([np.quantile(v, np.linspace(0.05, 0.95, 50)) for v in model.scores.value])
    X = X[:, : len(model.features)]
    if model.closing == "remove" and model.closure is not None:
        X[:, list(model.closure)] = np.tanh(X[:, list(model.closure)])
    found = []
    for counts in (15.0, np.inf):
        said = model.predict(X, np.full(50, counts))
        assert said.is_scored.all()
        assert np.allclose(said.p.sum(axis=1) + said.p_none, 1)
        found.append(said.p)
    assert (np.abs(found[0] - found[1]).max() > 0.1) == is_open
    if is_open:
        figures = load_model_tree(packaged_models()[name]).evaluation
        assert figures["counts_15_log_loss"] > figures["counts_100000_log_loss"] + 0.2


@pytest.fixture
def copies(tmp_path, monkeypatch):
    """Copies of the packaged models, in their place."""
    folder = tmp_path / "models"
    shutil.copytree(packaged_models()["csc20"].parent, folder)
    found = {path.stem: path for path in sorted(folder.glob("*.asdf"))}
    monkeypatch.setattr(packaged, "packaged_models", lambda: found)
    return folder


def test_a_packaged_model_that_is_another(copies, small_table, tmp_path):
    other = copies / "csc20.asdf"
    tree = load_model_tree(other).model_copy(update={"release": "9"})
    save_model_tree(tree, other)
    said = r"packaged model csc20: .*csc20\.asdf is not the file that came with xsift: install"
    with pytest.raises(ModelError, match=said):
        named_model("csc20")
    with pytest.raises(ModelError, match=said):
        chosen_model("unread", None, Settings(features="all"))
    assert named_model("csc21") == copies / "csc21.asdf"
    assert named_model(str(other)) == other  # by its path it is the user's own


@pytest.mark.parametrize("text", [None, "", "[]", "{}", '{"csc20": 5}'])
def test_a_list_that_does_not_know_a_packaged_model(copies, text):
    (copies / "digests.json").unlink()
    if text is not None:
        (copies / "digests.json").write_text(text)
    said = r"csc20: (its digest is not in .*digests\.json|.* came with xsift): install xsift again"
    with pytest.raises(ModelError, match=said):
        named_model("csc20")


@pytest.mark.parametrize(
    ("earlier", "now"),
    [("csc12", "csc20"), ("csc11", "csc21"), ("csc12-paper", "csc20-paper")],
)
def test_an_earlier_name_serves_and_is_said(earlier, now):
    with pytest.warns(XsiftWarning, match=f"the packaged model {earlier} is called {now} now"):
        assert named_model(earlier) == packaged_models()[now]


def test_an_earlier_name_of_no_model_is_none():
    with pytest.raises(ModelError, match=r"^model csc12-forest: no such file"):
        named_model("csc12-forest")
