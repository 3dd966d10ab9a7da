"""The verdict of a catalogue: its columns follow one rule, and the setting chooses it."""

import json
import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import xsift
from xsift.catalogue.folder import recorded_prior
from xsift.classes import PAPER_CLASSES, named_classes
from xsift.errors import SettingError
from xsift.vote import Rule

WIDE = named_classes("wide")
COLUMNS = [*WIDE.columns, "p_none"]
CODES = np.array([*WIDE.codes, "none", ""])
GROUPS = np.array([*(c.group for c in WIDE.classes), "none", ""])
SHARES = "QSO = 1\nAGN = 3\nHXB = 2\n'Y*O' = 2\nnone = 1\n"


@pytest.fixture(scope="module", params=["probable", "balanced", "balanced under a prior"])
def written(request, calibrated, with_limits, tmp_path_factory):
    """A folder with the small table classified, as faint: few are sure. And its rule."""
    folder = tmp_path_factory.mktemp("verdict")
    (folder / "shares.toml").write_text(SHARES)
    rule, under, _ = f"{request.param}  ".split(" ", 2)
    prior = str(folder / "shares.toml") if under else "train"
    table = with_limits(pq.read_table(calibrated / "table.parquet"), 8)
    result = xsift.classify(table, calibrated / "model.asdf", verdict=rule, prior=prior)
    result.write(folder / "out")
    return folder / "out", rule


def column(table, name):
    return np.array([v or "" for v in table[name].to_pylist()])


def test_every_column_follows_its_rule(written):
    folder, rule = written
    record = json.loads((folder / "run.json").read_text())
    assert list(record["prior"]) == [*WIDE.codes, "none"]
    prior = np.array(list(record["prior"].values()))
    assert prior.sum() == pytest.approx(1)
    if "shares" in record["settings"]["prior"]:
        assert prior[-1] == pytest.approx(1 / 9)
    assert record["verdict"].startswith(f"{rule}, ")
    for stem in ("detections", "sources"):
        table = pq.read_table(folder / f"{stem}.parquet")
        p = np.column_stack([table[c].to_numpy() for c in COLUMNS])
        best = {
            "probable": Rule.of(WIDE).decide(p),
            "balanced": Rule.of(WIDE, prior).decide(p),
        }
        assert (best["probable"] != best["balanced"]).any()
        for name, at in best.items():
            assert (column(table, f"class_{name}") == CODES[at]).all()
            assert (column(table, f"group_{name}") == GROUPS[at]).all()
        assert table["class"].equals(table[f"class_{rule}"])
        assert table["group"].equals(table[f"group_{rule}"])
        said = table.schema.field("class").metadata[b"description"].decode()
        assert ("p / prior" in said) == (rule == "balanced")
    assert table["class"].equals(table["class_soft"])


def test_vote_repeats_it(written, xsift, tmp_path):
    folder, rule = written
    said = xsift("vote", folder / "detections.parquet", "--verdict", rule, "--out", tmp_path)
    assert said.status == 0, said.err
    assert rule in said.out
    ours, voted = (pq.read_table(f / "sources.parquet") for f in (folder, tmp_path))
    for name in ("class", "class_soft", "class_hard", "class_balanced", "group_probable"):
        assert voted[name].equals(ours[name])


def test_vote_without_shares_has_one_verdict(written, xsift, tmp_path):
    shutil.copy(written[0] / "detections.parquet", tmp_path / "detections.parquet")
    table = tmp_path / "detections.parquet"
    assert xsift("vote", table, "--out", tmp_path / "v").status == 0
    names = pq.read_table(tmp_path / "v" / "sources.parquet").column_names
    assert "class_probable" in names
    assert "class_balanced" not in names
    said = xsift("vote", table, "--verdict", "balanced", "--out", tmp_path / "w")
    assert said.status == 2
    assert f"--verdict balanced: no class shares to divide by are known of {table}" in said.err
    assert "a folder that run or classify wrote by the calibrated method" in said.err


@pytest.mark.parametrize(
    "said",
    [
        "{}",
        '{"prior": 3}',
        '{"prior": {"QSO": 1}}',
        '{"prior": {"QSO": 1, "AGN": "x", "none": 0}}',
        '{"prior": {"QSO": true, "AGN": 0, "none": 0}}',
        '{"prior": {"QSO": 0, "AGN": 0, "none": 0}}',
        '{"prior": {"QSO": NaN, "AGN": 0, "none": 0}}',
        "[" * 100_000,
    ],
)
def test_a_record_that_says_no_shares(tmp_path, said):
    (tmp_path / "run.json").write_text(said)
    two = PAPER_CLASSES.model_copy(update={"classes": PAPER_CLASSES.classes[:2]})
    assert recorded_prior(tmp_path / "detections.parquet", two) is None


def test_shares_beside_another_table_are_not_its_own(tmp_path):
    two = PAPER_CLASSES.model_copy(update={"classes": PAPER_CLASSES.classes[:2]})
    (tmp_path / "run.json").write_text('{"prior": {"QSO": 0.5, "AGN": 0.25, "none": 0.25}}')
    assert recorded_prior(tmp_path / "detections.fits", two).tolist() == [0.5, 0.25, 0.25]
    assert recorded_prior(tmp_path / "other.fits", two) is None


def test_the_published_method_has_one_verdict(xsift, files, own_survey, tmp_path):
    table = pq.read_table(own_survey / "sources.parquet")
    assert table["class"].equals(table["class_soft"])
    assert table["class"].equals(table["class_probable"])
    assert "class_balanced" not in table.column_names
    arguments = ("--label-column", "label", "--method", "paper", "--verdict", "balanced")
    said = xsift("run", files / "labelled.parquet", *arguments, "--out", tmp_path)
    assert said.status == 2
    assert "--verdict balanced does nothing with --method paper" in said.err
    with pytest.raises(SettingError, match="verdict balanced: the paper's method has no class"):
        xsift_classify(own_survey)


def xsift_classify(folder):
    return xsift.classify(folder / "table.parquet", folder / "model.asdf", verdict="balanced")


def test_a_rule_that_there_is_not():
    with pytest.raises(SettingError, match="verdict 'best': allowed are probable, balanced"):
        xsift.Settings(verdict="best")


def test_a_missing_p_none_counts_as_zero(xsift, tmp_path):
    table = pa.table({"name": ["a", "b"], "p_qso": [0.8, 0.2], "p_yso": [0.2, 0.3],
                      "p_none": [None, 0.5]})  # fmt: skip
    pq.write_table(table, tmp_path / "t.parquet")
    said = xsift("vote", tmp_path / "t.parquet", "--out", tmp_path / "v")
    assert said.status == 0, said.err
    found = pq.read_table(tmp_path / "v" / "sources.parquet")
    assert found["class"].to_pylist() == ["QSO", "none"]


def test_show_says_both(written, xsift):
    folder, _ = written
    name = pq.read_table(folder / "sources.parquet")["name"][0].as_py()
    said = xsift("show", name, "--catalogue", folder).out
    assert "verdict by each rule: probable " in said
