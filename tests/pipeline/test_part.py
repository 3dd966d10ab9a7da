"""A table cut into parts, its sources into buckets: the same rows, the same record."""

import json
import warnings
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xsift import Settings, classify, load_model
from xsift.catalogue.sums import Sums
from xsift.errors import XsiftWarning
from xsift.model import model_of
from xsift.model.sample import read_sample
from xsift.model.sums import added
from xsift.pipeline.part import classify_part, finished_record, vote_bucket
from xsift.read import Look, as_input
from xsift.read.look import ColumnLook
from xsift.simulate import simulate

SETTINGS = Settings(keep=("kind", "p_qso"), vote_trained=True)


def hard_table(n=1_000):
    """Detections of few sources, with repeated keys, gaps, impossible values and no names."""
    rng = np.random.default_rng(0)
    table = simulate(n, seed=3).detections.replace_schema_metadata(None).slice(0, n)
    columns = {name: table[name].combine_chunks() for name in table.column_names}
    # Sources far apart in the table, their keys repeated: ties go by the place in the table.
    names = table["name"].take(pa.array(rng.integers(0, 150, n)))
    columns["name"] = pa.array(names.to_pylist(), mask=rng.random(n) < 0.02)
    columns["obsid"] = pa.array(rng.integers(1, 4, n), mask=rng.random(n) < 0.2)
    columns["obi"] = pa.array(rng.integers(0, 2, n), mask=rng.random(n) < 0.5)
    gamma = np.array(columns["powlaw_gamma"].to_numpy(zero_copy_only=False))
    gamma[rng.random(n) < 0.3] = np.nan
    columns["powlaw_gamma"] = pa.array(gamma, mask=np.isnan(gamma))
    bb_kt = np.array(columns["bb_kt"].to_numpy(zero_copy_only=False))
    bb_kt[rng.random(n) < 0.05] = -3
    columns["bb_kt"] = pa.array(bb_kt, mask=np.isnan(bb_kt))
    nothing = pa.array(rng.random(n) < 0.02)
    for name in columns:
        if name.startswith(("hard", "var", "powlaw", "flux")):
            columns[name] = pc.if_else(nothing, None, columns[name])
    kt = [
        k if not no else [-3.25, None, -4.0][i % 3]
        for i, (k, no) in enumerate(
            zip(columns["bb_kt"].to_pylist(), nothing.to_pylist(), strict=True)
        )
    ]
    columns["bb_kt"] = pa.array(kt, pa.float64())
    columns["significance"] = pa.array(np.exp(rng.normal(1, 1, n)))
    columns["kind"] = pa.array(rng.choice(["a", "b"], n)).dictionary_encode()
    columns["p_qso"] = pa.array(rng.random(n))
    return pa.table(columns)


@pytest.fixture(scope="module")
def tree():
    return load_model("csc20")


@pytest.fixture(scope="module")
def model(tree):
    return model_of(tree)


@pytest.fixture(scope="module")
def table():
    return hard_table()


@pytest.fixture(scope="module")
def whole(table, tree):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", XsiftWarning)
        return classify(table, tree, SETTINGS)


def look_of(table, sample):
    columns = {
        name: ColumnLook(n_rows=len(sample), n_values=len(sample) - sample.keys[name].null_count)
        for name in sample.keys.column_names
    }
    n_told = int(np.isfinite(sample.features.counts).sum())
    return Look(n_rows=table.num_rows, n_told=n_told, columns=columns, names_are_whole=False)


def sample_of(table, tree, chosen=SETTINGS):
    survey = tree.survey_profile
    features = survey.feature_set(tree.feature_set, tree.features)
    return read_sample(as_input(table), survey, features, chosen)


def again(sums):
    return Sums.from_dict(json.loads(json.dumps(sums.as_dict())))


def through_parquet(table):
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    return pq.read_table(pa.BufferReader(sink.getvalue()))


def assert_bit_equal(found, expected):
    assert found.schema.equals(expected.schema, check_metadata=True)
    for name in expected.column_names:
        one, other = (t[name].combine_chunks() for t in (found, expected))
        if pa.types.is_floating(one.type):
            one, other = (c.fill_null(-1.5).to_numpy().view(np.int64) for c in (one, other))
            assert (one == other).all(), name
        else:
            assert one.to_pylist() == other.to_pylist(), name


def cut_and_joined(table, tree, model, chosen, seed):
    """Classify a table in parts, its sources in buckets; return the tables and the record."""
    rng, n = np.random.default_rng(seed), table.num_rows
    look = look_of(table, sample_of(table, tree, chosen))
    ends = np.unique([0, n, *rng.integers(1, n, rng.integers(0, 5))])
    parts = []
    for first, end in pairwise(ends):
        sample = sample_of(table.slice(first, end - first), tree, chosen)
        parts.append(classify_part(sample, model, tree, chosen, look, int(first)))
    turned = [parts[k] for k in rng.permutation(len(parts))]
    ballots = pa.concat_tables([through_parquet(p.ballots) for p in turned])
    names = np.array(ballots["name"].to_pylist())
    distinct = np.unique(names)
    cuts = np.unique([0, len(distinct), *rng.integers(1, len(distinct), rng.integers(0, 4))])
    buckets = []
    for first, end in pairwise(cuts):
        mine = ballots.filter(pa.array(np.isin(names, distinct[first:end])))
        buckets.append(vote_bucket(mine, model, tree, chosen, look))
    sums = [again(one.sums) for one in (*turned, *buckets)]
    total = added(sums[k] for k in rng.permutation(len(sums)))
    detections = pa.concat_tables([p.detections for p in parts])
    sources = pa.concat_tables([b.sources for b in buckets])
    return detections, sources, finished_record(total, model, tree, chosen, "", {})


def assert_same(found, whole):
    detections, sources, record = found
    assert_bit_equal(detections, whole.detections)
    assert_bit_equal(sources, whole.sources)
    for name, said in record.items():
        if name != "input_sha256":
            assert json.dumps(said) == json.dumps(whole.record[name]), name


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=12)
def test_any_cut_gives_the_same_rows_and_the_same_record(table, whole, tree, model, seed):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", XsiftWarning)
        assert_same(cut_and_joined(table, tree, model, SETTINGS, seed), whole)


@pytest.mark.parametrize("seed", range(3))
def test_any_cut_finds_the_same_detections_that_trained(calibrated, seed):
    table = pq.read_table(calibrated / "table.parquet").drop_columns("label")
    tree = load_model(calibrated / "model.asdf")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", XsiftWarning)
        whole = classify(table, tree)
        assert whole.record["in_sample"]["by_name"] > 100
        assert whole.record["in_sample"]["sources_without_a_vote"] > 10
        found = cut_and_joined(table, tree, model_of(tree), Settings(), seed)
        assert_same(found, whole)


def test_the_record_says_what_is_in_the_tables(whole, table):
    counts, record = whole.record["counts"], whole.record
    names = set(table["name"].drop_null().to_pylist())
    assert counts["sources_in"] == len(names)
    assert counts["sources"] == whole.sources.num_rows
    assert counts["unique"] == whole.sources["status"].to_pylist().count("unique")
    keys = list(zip(*(table[c].to_pylist() for c in ("name", "obsid", "obi")), strict=True))
    known = [k for k in keys if k[0] is not None and k[1] is not None]
    (said,) = (w for w in record["warnings"] if "that repeat" in w)
    assert said.startswith(
        f"detections that repeat a (name, obsid, obi): {len(known) - len(set(known)):,} "
    )
    assert (
        record["missing"]["powlaw_gamma"]
        == np.isnan(whole.detections["powlaw_gamma"].to_numpy()).sum()
    )
    assert record["by_gaps"]["patterns"]
    assert record["shares"]["estimated"]
    assert record["unscored"]
    told = whole.detections["effective_counts"].drop_null().to_numpy()
    assert record["faintness"]["median_counts"] == pytest.approx(np.median(told), abs=0.051)


def test_verdicts_are_counted(table, whole, tree, model):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", XsiftWarning)
        part = classify_part(sample_of(table, tree), model, tree, SETTINGS)
    found = vote_bucket(part.ballots, model, tree, SETTINGS).sums.verdicts
    by = zip(*(whole.sources[c].to_pylist() for c in ("group", "class", "status")), strict=True)
    rows = ["\t".join(row) for row in by]
    assert found == {row: rows.count(row) for row in rows}


def test_names_of_a_bucket_are_numbers_only_where_all_are(table, tree, model):
    numbers = pa.array([str(k % 40) for k in range(table.num_rows)])
    numbered = table.set_column(table.column_names.index("name"), "name", numbers)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", XsiftWarning)
        part = classify_part(sample_of(numbered, tree), model, tree, SETTINGS)
    plain = Look(n_rows=table.num_rows, names_are_whole=False)
    as_numbers = vote_bucket(part.ballots, model, tree, SETTINGS)
    as_text = vote_bucket(part.ballots, model, tree, SETTINGS, plain)
    found = [b.sources["name"].to_pylist() for b in (as_numbers, as_text)]
    assert found[0] == [str(k) for k in range(40)]
    assert found[1] == sorted(found[0])


def test_a_part_without_names_has_no_ballots(table, tree, model):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", XsiftWarning)
        part = classify_part(sample_of(table, tree), model, tree, SETTINGS)
    none = vote_bucket(part.ballots.slice(0, 0), model, tree, SETTINGS)
    assert none.sources.num_rows == 0
    assert none.sources.schema.equals(
        vote_bucket(part.ballots, model, tree, SETTINGS).sources.schema, check_metadata=True
    )
    assert part.sums + none.sums + Sums() == part.sums + none.sums
