"""Class shares that a user states: what a file may say, and what becomes of the probabilities."""

import json

import numpy as np
import pyarrow.parquet as pq
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from xsift import Settings, run
from xsift.errors import SettingError
from xsift.model import load_model
from xsift.model.prior import under_prior
from xsift.vote import Rule

KNOWN = ("QSO", "AGN", "HXB", "Y*O")


@pytest.fixture(scope="module")
def said(model, X):
    return model.predict(X)


@pytest.fixture
def prior(tmp_path):
    def write(text):
        path = tmp_path / "prior.toml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return str(path)

    return write


def by_hand(said, before, after, none_before, none_after):
    """Bayes: times the new share, divided by the old, to the sum 1; with none as one class more."""
    old = np.append(before * (1 - none_before), none_before)
    new = np.append(after * (1 - none_after), none_after)
    odds = np.column_stack([said.p, said.p_none])
    odds *= np.where(old > 0, new / np.where(old > 0, old, 1), 0)
    return odds / odds.sum(axis=1, keepdims=True)


def test_train_changes_nothing(said, model):
    assert under_prior(said, model, "train") is said


def test_uniform(said, model):
    shares = model.prior.shares
    assert (shares > 0).sum() == 4
    out = under_prior(said, model, "uniform")
    expected = by_hand(said, shares, (shares > 0) / 4, 0.01, 0.01)
    assert_allclose(np.column_stack([out.p, out.p_none]), expected, rtol=1e-10)
    assert_array_equal(out.cluster, said.cluster)


def test_a_file(said, model, prior):
    path = prior('QSO = 6\nAGN = 2\nHXB = 1\n"Y*O" = 1')  # shares are brought to the sum 1
    after = np.zeros(len(model.classes))
    after[[model.classes.codes.index(c) for c in KNOWN]] = 0.6, 0.2, 0.1, 0.1
    out = under_prior(said, model, path)
    expected = by_hand(said, model.prior.shares, after, 0.01, 0.01)
    assert_allclose(np.column_stack([out.p, out.p_none]), expected, rtol=1e-10)


def test_a_file_with_none_and_without_a_class(said, model, prior):
    # 1 of 4 is none of the classes; HXB and Y*O are not there at all.
    out = under_prior(said, model, prior("QSO = 2\nAGN = 1\nnone = 1"))
    after = np.zeros(len(model.classes))
    after[[model.classes.codes.index(c) for c in KNOWN[:2]]] = 2 / 3, 1 / 3
    expected = by_hand(said, model.prior.shares, after, model.prior.none_share, 0.25)
    assert_allclose(np.column_stack([out.p, out.p_none]), expected, rtol=1e-10)
    scored = out.is_scored
    assert (out.p[scored][:, model.classes.codes.index("HXB")] == 0).all()


def test_no_none_is_no_none(said, model, prior):
    out = under_prior(said, model, prior('QSO = 1\nAGN = 1\nHXB = 1\n"Y*O" = 1\nnone = 0'))
    assert (out.p_none[out.is_scored] == 0).all()
    assert_allclose(out.p[out.is_scored].sum(axis=1), 1, rtol=1e-12)


def test_there_and_back(said, model, prior):
    shares = model.prior.shares
    text = "\n".join(
        f'"{c}" = {s!r}' for c, s in zip(model.classes.codes, shares.tolist(), strict=True)
    )
    out = under_prior(said, model, prior(text))
    # But for the classes that were not trained: they had next to nothing, and now have nothing.
    there = np.isin(model.classes.codes, KNOWN)
    total = said.p[:, there].sum(axis=1) + said.p_none
    assert np.nanmin(total) > 0.97
    assert_allclose(out.p[:, there], said.p[:, there] / total[:, None], rtol=1e-9)
    assert_allclose(out.p_none, said.p_none / total, rtol=1e-9)


BAD = [
    ("GRB = 1", "'GRB': allowed are QSO, AGN"),
    ("QSO = -1", "QSO = -1: a share is 0 to 1e"),
    ("QSO = nan", "QSO = nan: a share is 0 to 1e"),
    ("QSO = inf", "QSO = inf: a share is 0 to 1e"),
    ("QSO = true", "QSO = True: a share is 0 to 1e"),
    ('QSO = "half"', "QSO = 'half': a share is 0 to 1e"),
    ("QSO = [1]", r"QSO = \[1\]: a share is 0 to 1e"),
    ("QSO = 0\nAGN = 0", "no class has a share above 0"),
    ("none = 1", "no class has a share above 0"),
    ("", "no class has a share above 0"),
    ("QSO = 1\nSy1 = 1", "the model was trained without Sy1"),
    ("QSO 1", "no TOML file that can be read"),
    (b"\xff\xfe\x00", "no TOML file that can be read"),
]


@pytest.mark.parametrize(("text", "message"), BAD)
def test_files_that_cannot_serve(said, model, prior, text, message):
    with pytest.raises(SettingError, match=r"prior .*prior\.toml: .*" + message) as caught:
        under_prior(said, model, prior(text))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("QSO = 1" + "0" * 400, OverflowError),
        ("QSO = 1" + "0" * 5000, ValueError),
        ("QSO = 1.7e308\nAGN = 1.7e308", RuntimeWarning),  # their sum is infinite
    ],
)
def test_numbers_that_are_too_large(said, model, prior, text, error):
    with pytest.raises(SettingError):
        under_prior(said, model, prior(text))


def test_no_file(said, model, tmp_path):
    with pytest.raises(SettingError, match="prior equal: not train, not uniform, and no TOML"):
        under_prior(said, model, "equal")
    with pytest.raises(SettingError, match="no TOML file that can be read"):
        under_prior(said, model, str(tmp_path))


def test_on_the_command_line(xsift, calibrated, prior, tmp_path):
    table, model = calibrated / "table.parquet", calibrated / "model.asdf"
    done = xsift("classify", table, "--model", model, "--prior", "uniform", "--out", tmp_path / "u")
    assert done.status == 0, done
    record = json.loads((tmp_path / "u" / "run.json").read_text())
    assert record["settings"]["prior"] == "uniform"
    columns = pq.read_table(tmp_path / "u" / "detections.parquet")
    p = np.column_stack([columns[c].to_numpy() for c in columns.column_names if c.startswith("p_")])
    scored = ~np.isnan(p[:, 0])
    assert_allclose(p[scored].sum(axis=1), 1, rtol=1e-12)
    classes = load_model(model).classes
    given = np.array(columns["class"].to_pylist())[scored]
    chosen = Rule.of(classes).decide(p[scored])  # of the reported columns
    assert_array_equal(given, np.array([*classes.codes, "none"])[chosen])
    path = prior("GRB = 1")
    done = xsift("classify", table, "--model", model, "--prior", path, "--out", tmp_path / "b")
    assert done.status == 2
    assert "allowed are QSO" in done.err
    assert not (tmp_path / "b" / "run.json").exists()


@pytest.mark.parametrize("command", ["run", "classify"])
def test_the_papers_method_has_no_shares_to_replace(xsift, files, tmp_path, command):
    how = (
        ("--label-column", "label", "--method", "paper")
        if command == "run"
        else ("--model", "csc20-paper")
    )
    done = xsift(
        *(command, files / "labelled.parquet", *how, "--prior", "uniform", "--out", tmp_path / "o")
    )
    assert done.status == 2
    assert "--prior uniform: the paper's method has no class shares to replace" in done.err
    assert not (tmp_path / "o" / "run.json").exists()


def test_from_python_too(files):
    settings = Settings(method="paper", label_column="label", clusters=2, prior="uniform")
    with pytest.raises(SettingError, match="has no class shares"):
        run(files / "labelled.parquet", settings=settings)
