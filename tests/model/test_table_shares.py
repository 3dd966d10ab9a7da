"""The shares of a table: intervals, and doubts; and whether gaps change what a model says."""

import json
import warnings
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from xsift.errors import XsiftWarning
from xsift.model import model_of
from xsift.model.by_gaps import GapSums, by_group, warn_of_gaps
from xsift.model.file import load_model_tree
from xsift.model.shares import ShareSums, shares_of

KNOWN = ("QSO", "AGN", "HXB", "Y*O")


@pytest.fixture(scope="module")
def said(model, X):
    return model.predict(X)


def estimated(said, model, is_unlike=False, complete=None, source=None):
    n = len(said.p)
    source = np.arange(n) if source is None else source
    complete = np.ones(n, dtype=bool) if complete is None else complete
    names = pa.array(source).cast(pa.string())
    return shares_of(ShareSums.of(said, names, complete), model, is_unlike)


def shares(*args, **keywords):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", XsiftWarning)
        return estimated(*args, **keywords)


def gaps_of(X, said, model, chosen):
    return warn_of_gaps(GapSums.of(X, said, chosen), model)


def test_the_shares_of_a_table(said, model):
    found = shares(said, model)
    assert set(found) == {"training", "estimated", "low", "high", "mean_p", "doubts"}
    assert sum(found["estimated"].values()) == pytest.approx(1, abs=1e-3)
    for code in model.classes.codes:
        assert 0 <= found["low"][code] <= found["estimated"][code] <= found["high"][code] <= 1
    # The labelled half was drawn at random: the whole has nearly its shares.
    for code in KNOWN:
        assert abs(found["estimated"][code] - found["training"][code]) < 0.1
        assert found["low"][code] - 0.03 < found["training"][code] < found["high"][code] + 0.03
    assert shares(model.predict(np.zeros((99, 12))), model) == {}


def test_what_is_surely_none_of_the_classes_says_nothing_of_their_shares(said, model):
    p, p_none = said.p.copy(), said.p_none.copy()
    p[::7], p_none[::7] = 0, 1
    found = shares(replace(said, p=p, p_none=p_none), model)
    rest = np.arange(len(p)) % 7 != 0
    others = replace(said, p=said.p[rest], p_none=said.p_none[rest])
    expected = shares(others, model, source=np.flatnonzero(rest))
    for name in ("estimated", "mean_p"):
        assert found[name] == expected[name]
        assert all(0 <= share <= 1 for share in found[name].values())


def test_a_large_table_is_estimated_of_some_of_its_sources(said, model, monkeypatch):
    n = len(said.p)
    assert "sample" not in shares(said, model)
    monkeypatch.setattr("xsift.model.shares._MOST_OF_ALL", n // 2)
    found = shares(said, model, source=np.arange(n) // 3)
    whole = int(said.is_scored.sum())
    assert found["sample"]["scored"] == whole
    assert n // 2 <= found["sample"]["detections"] < n // 2 + 3
    for code in KNOWN:
        assert abs(found["estimated"][code] - found["training"][code]) < 0.15


def test_few_sources_have_wider_intervals(said, model):
    of_rows = shares(said, model)
    again = shares(said, model)
    assert again == of_rows
    few = shares(said, model, source=np.arange(len(said.p)) // 20)
    width = {
        name: np.mean([found["high"][c] - found["low"][c] for c in KNOWN])
        for name, found in (("rows", of_rows), ("few", few))
    }
    assert width["rows"] > 0.01
    n = len(said.p) // 20
    assert n < 60
    assert width["few"] != width["rows"]


def test_detections_of_one_source_are_drawn_together(said, model):
    # Each detection ten times over, as one source: ten times the rows, and not narrower.
    ten = replace(said, p=np.repeat(said.p, 10, axis=0))
    one = shares(said, model)
    many = shares(ten, model, source=np.repeat(np.arange(len(said.p)), 10))
    assert many["estimated"] == pytest.approx(one["estimated"], abs=1e-3)
    assert many["low"] == pytest.approx(one["low"], abs=0.01)
    assert many["high"] == pytest.approx(one["high"], abs=0.01)


def test_a_large_table_takes_part_of_its_sources(said, model, monkeypatch):
    monkeypatch.setattr("xsift.model.shares._MOST", 150)
    found = shares(said, model)
    for code in KNOWN:
        assert found["low"][code] <= found["estimated"][code] <= found["high"][code]


def test_shares_of_a_table_of_one_class(calibrated, model, said):
    table = pq.read_table(calibrated / "detections.parquet")
    quasars = np.flatnonzero(np.array(table["class"].to_pylist()) == "QSO")
    some = replace(said, p=said.p[quasars], p_none=said.p_none[quasars])
    assert len(quasars) >= 100
    assert shares(some, model)["estimated"]["QSO"] > 0.9


def test_doubts(said, model):
    n = len(said.p)
    assert shares(said, model)["doubts"] == []
    with pytest.warns(
        XsiftWarning, match="^classes and prob.*do not use .*cannot be trusted: the table is un"
    ):
        found = estimated(said, model, is_unlike=True)
    assert found["doubts"] == ["the table is unlike the training table"]
    # Half of the table is said to be young stars, for no reason but that it lacks something.
    gappy = np.arange(n) % 2 == 1
    p = said.p.copy()
    star = model.classes.codes.index("Y*O")
    p[gappy] = 0.01
    p[gappy, star] = 1
    with pytest.warns(XsiftWarning, match="YSO .*% by complete, 100% by incomplete detections"):
        estimated(replace(said, p=p), model, complete=~gappy)
    # Each detection is a little likelier a young star than in training: so all of them are.
    p = np.tile(model.prior.shares, (n, 1)) + 1e-9
    p[:, star] += 0.02
    with pytest.warns(XsiftWarning, match=r"YSO 1\d*%, where the mean probability is"):
        estimated(replace(said, p=p), model)


def test_the_record_holds_them(calibrated):
    record = json.loads((calibrated / "run.json").read_text())
    assert {"low", "high", "doubts"} <= set(record["shares"])
    assert record["gaps"]["wanted"] == "auto"
    assert record["gaps"]["missing"] == "keep"


class Reads:
    """A model that takes what lacks the first feature for X-ray binaries, as a list taught it."""

    def __init__(self, model, share):
        self.classes, self.features, self.prior = model.classes, model.features, model.prior
        self.gaps_removed = False
        self.at, self.share, self.says = model.classes.codes.index("HXB"), share, model.predict

    def predict(self, X):
        said = self.says(X)
        lacks = np.isnan(X[:, 0])
        p = said.p.copy()
        p[lacks] = (1 - self.share) * p[lacks]
        p[lacks, self.at] += self.share
        return replace(said, p=p)


@pytest.fixture
def gappy(X):
    """Four tables in one, half of whose detections lack the first feature."""
    rng = np.random.default_rng(0)
    X = X[rng.integers(0, len(X), 4 * len(X))].copy()
    X[~np.isnan(X).any(axis=1) & (rng.random(len(X)) < 0.5), 0] = np.nan
    return X


def test_a_model_that_reads_gaps_is_found_out(model, gappy):
    reads = Reads(model, 0.6)
    every = np.ones(len(gappy), bool)
    with pytest.warns(XsiftWarning, match="incomplete detections get other shares") as caught:
        found = gaps_of(gappy, reads.predict(gappy), reads, every)
    said = str(caught[0].message)
    assert "the model reads what is missing; missing remove in training takes that out" in said
    assert f"that lack {model.features[0]}, against" in said
    (pattern,) = (p for p in found["patterns"] if p["lacks"] == [model.features[0]])
    assert pattern["hidden"]["XB"] > 0.5
    turned = np.random.default_rng(1).permutation(len(gappy))
    with pytest.warns(XsiftWarning, match="incomplete"):
        assert gaps_of(gappy[turned], reads.predict(gappy[turned]), reads, every) == found


def test_a_model_that_had_gaps_taken_out_is_not_told_to_take_them_out(model, gappy):
    reads = Reads(model, 0.6)
    reads.gaps_removed = True
    with pytest.warns(XsiftWarning, match="hidden: the model reads what is missing$"):
        gaps_of(gappy, reads.predict(gappy), reads, np.ones(len(gappy), bool))


@pytest.mark.parametrize(("gaps", "removed"), [(None, False), ("keep", False), ("remove", True)])
def test_a_loaded_model_knows_whether_gaps_were_taken_out(calibrated, gaps, removed):
    tree = load_model_tree(calibrated / "model.asdf")
    training = tree.training.model_copy(update={"gaps": gaps and {"missing": gaps}})
    assert model_of(tree.model_copy(update={"training": training})).gaps_removed == removed


def test_other_values_are_told_from_gaps(model, gappy):
    said = model.predict(gappy)
    p_yso = said.p[:, model.classes.codes.index("Y*O")]
    lacks = np.isnan(gappy[:, 0])
    chosen = ~lacks | (p_yso > 0.5)
    with pytest.warns(XsiftWarning, match="YSO .* their values differ; what they lack changes"):
        gaps_of(gappy, said, model, chosen)


def test_gaps_at_random_are_no_matter(model, gappy):
    every = np.ones(len(gappy), bool)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = gaps_of(gappy, model.predict(gappy), model, every)
    assert sum(found["complete"]["shares"].values()) == pytest.approx(1, abs=1e-3)
    assert gaps_of(gappy[:90], model.predict(gappy[:90]), model, every[:90]) == {}


def test_groups_are_sums_of_classes(model):
    found = by_group(model.prior.shares, model)
    assert list(found) == list(model.classes.groups)
    assert sum(found.values()) == pytest.approx(1, abs=1e-3)


def test_a_detection_without_any_feature_is_counted_and_explained(xsift, calibrated, tmp_path):
    names = "hard_hm, hard_hs, hard_ms, powlaw_gamma, bb_kt"
    given = ("classify", calibrated / "table.parquet", "--model", calibrated / "model.asdf")
    done = xsift(*given, "--out", tmp_path / "o")
    assert done.status == 0, done
    for folder in (calibrated, tmp_path / "o"):  # by run and by classify
        record = json.loads((folder / "run.json").read_text())
        assert record["counts"]["without_features"] == record["counts"]["unscored"] == 1
        (reason,) = record["unscored"]
        assert reason.startswith(f"misses {names}")
        assert record["unscored"][reason] == 1
        (said,) = (w for w in record["warnings"] if "without any feature" in w)
        assert said.startswith("detections without any feature: 1 of 600")
        assert f"(not scored: they have no value of {names}" in said
    assert "1  without any feature" in done.out
