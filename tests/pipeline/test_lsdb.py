"""Catalogues of LSDB, classified lazily: the rows of the table in memory, to the bit."""

import pickle
import shutil
import warnings

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from dask.tokenize import tokenize

import xsift
from xsift.errors import (
    MissingColumnsError,
    ModelError,
    SettingError,
    TableError,
    XsiftWarning,
)
from xsift.model.packaged import packaged_models
from xsift.pipeline import lazy
from xsift.surveys.columns import Column, with_metadata
from xsift.write.hats import in_one, write_hats

lsdb = pytest.importorskip("lsdb", reason="lsdb is not installed")

pytestmark = pytest.mark.filterwarnings("ignore::pandas.errors.Pandas4Warning")

N = 400
KEYS = ["name", "obsid", "region_id", "ra"]


@pytest.fixture(scope="module")
def table(table_of, with_limits):
    """Detections with gaps, impossible values and none that tells counts in parts of the sky."""
    rng = np.random.default_rng(2)
    found = table_of(N).append_column("region_id", pa.array(range(N)))
    ra, dec = rng.uniform(0, 360, N), np.degrees(np.arcsin(rng.uniform(-1, 1, N)))
    ra[:20], dec[:20] = rng.uniform(0, 360, 20), 89.9999
    ra[20:40], dec[20:40] = rng.uniform(-3, 3, 20) / 3600 % 360, 0.0
    columns = {n: found[n].combine_chunks() for n in found.column_names}
    columns |= {"ra": pa.array(ra), "dec": pa.array(dec), "kind": pa.array(["a", None] * (N // 2))}
    bb_kt = np.array(columns["bb_kt"].to_numpy(zero_copy_only=False))
    bb_kt[rng.random(N) < 0.1] = -3.0
    columns["bb_kt"] = pa.array(bb_kt, mask=np.isnan(bb_kt) | (dec > 60))
    columns["var_newq_b"] = pc.if_else(pa.array(dec < 30), columns["var_newq_b"], None)
    return with_limits(pa.table(columns), np.where(dec > 0, 30.0, np.nan))


def classified(table, model, **settings):
    """What `classify` gives, whatever it warns of."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", XsiftWarning)
        return xsift.classify(table, model, **settings)


@pytest.fixture(scope="module")
def in_memory(table):
    return {m: classified(table, m, keep="kind") for m in ("csc20", "csc21")}


@pytest.fixture(scope="module")
def whole(in_memory):
    return {m: found.detections for m, found in in_memory.items()}


def catalogue(table, rows=40, **options):
    frame = table.to_pandas(types_mapper=pd.ArrowDtype)
    options = {"ra_column": "ra", "dec_column": "dec", "margin_threshold": 20.0} | options
    return lsdb.from_dataframe(frame, partition_rows=rows, catalog_name="mine", **options)


@pytest.fixture(scope="module")
def cat(table):
    return catalogue(table)


def assert_rows(frame, detections, rows=None):
    """The frame holds these rows of the table of detections, bit by bit."""
    wanted = detections.replace_schema_metadata(None).to_pandas(types_mapper=pd.ArrowDtype)
    frame = pd.DataFrame(frame).sort_values(KEYS).reset_index(drop=True)
    wanted = wanted.sort_values(KEYS).reset_index(drop=True)
    if rows is not None:
        wanted = wanted[wanted["region_id"].isin(rows)].reset_index(drop=True)
    pd.testing.assert_frame_equal(frame, wanted, check_exact=True)


@pytest.fixture
def calls(monkeypatch):
    """Count the partitions that are classified."""
    n_rows, plain = [], lazy.classify_part

    def counted(sample, *more):
        n_rows.append(len(sample))
        return plain(sample, *more)

    monkeypatch.setattr(lazy, "classify_part", counted)
    return n_rows


@pytest.mark.parametrize("model", ["csc20", "csc21"])
def test_the_rows_are_those_of_the_table_in_memory(cat, whole, model):
    found = xsift.classify(cat, model, keep="kind")
    assert isinstance(found, lsdb.Catalog)
    assert list(found.columns) == whole[model].column_names
    assert_rows(found.compute(progress_bar=False), whole[model])
    assert len(found.get_healpix_pixels()) > 10
    pd.testing.assert_frame_equal(
        found.meta, found.partitions[0].compute(progress_bar=False).iloc[:0]
    )


def test_the_margin_is_classified_too(cat, whole):
    found = xsift.classify(cat, "csc20", keep="kind").margin.compute(progress_bar=False)
    rows = found["region_id"].tolist()
    assert len(rows) > 10
    once = found[~found["region_id"].duplicated()]
    assert_rows(once, whole["csc20"], set(rows))


def test_nothing_is_computed_before_it_is_asked_for(cat, calls):
    found = xsift.classify(cat, "csc20")
    assert calls == [1]  # the row that gives the types
    found.cone_search(0.0, 0.0, 60).compute(progress_bar=False)
    assert 1 < len(calls) < len(cat.get_healpix_pixels()) / 2


def test_a_crossmatch_a_classification_and_a_search(cat, table, whole):
    other = pa.table(
        {
            "ra": table["ra"],
            "dec": table["dec"],
            "gaia": table["region_id"],
            "hard_hm": pa.repeat(0.0, N),
        }
    )
    gaia = catalogue(other.filter(pc.less(other["dec"], 50.0)), margin_threshold=5.0)
    chain = cat.crossmatch(
        gaia, radius_arcsec=1, suffixes=("", "_gaia"), suffix_method="overlapping_columns"
    )
    chain = xsift.classify(chain, "csc20", keep=("kind", "gaia")).cone_search(0.0, 0.0, 30_000)
    found = chain.compute(progress_bar=False)
    assert len(found) >= 20
    assert (found["gaia"] == found["region_id"]).all()
    assert_rows(found.drop(columns="gaia"), whole["csc20"], set(found["region_id"]))


def test_partitions_that_a_search_has_emptied(cat):
    none = xsift.classify(cat.query("hard_hm > 7"), "csc20")
    found = none.compute(progress_bar=False)
    assert len(found) == 0
    pd.testing.assert_frame_equal(pd.DataFrame(found), pd.DataFrame(none.meta))


def test_a_catalogue_that_was_written(table, whole, tmp_path):
    described = with_metadata(table, {"bb_kt": Column("bb_kt", "keV")})
    (tmp_path / "rows").mkdir()
    write_hats(in_one(described), tmp_path / "in", "x", tmp_path / "rows", "source", {}, 100)
    opened = lsdb.open_catalog(tmp_path / "in")
    found = xsift.classify(opened, "csc20", keep="kind")
    assert found.margin is not None
    found.write_catalog(tmp_path / "out", catalog_name="classes", progress_bar=False)
    back = lsdb.open_catalog(tmp_path / "out")
    assert_rows(back.compute(progress_bar=False), whole["csc20"])
    in_parts = xsift.read.parts_of(tmp_path / "out")
    assert in_parts.n_rows == N


def test_columns_that_hats_calls_otherwise(table, whole):
    names = [{"ra": "RAJ2000", "dec": "DEJ2000"}.get(n, n) for n in table.column_names]
    other = table.rename_columns(names).append_column("RA", pa.repeat(1.0, N))
    cat = catalogue(other, ra_column="RAJ2000", dec_column="DEJ2000")
    for columns in ({}, {"ra": "RAJ2000"}):
        found = xsift.classify(cat, "csc20", keep="kind", columns=columns)
        info = found.hc_structure.catalog_info
        assert (info.ra_column, info.dec_column) == ("ra", "dec")
        assert_rows(found.compute(progress_bar=False), whole["csc20"])
    with pytest.raises(SettingError, match=r"columns ra=RA: .* mine is sorted by RAJ2000, which"):
        xsift.classify(cat, "csc20", columns={"ra": "RA"})


def test_frames_of_numpy(table, whole):
    frame = table.to_pandas()
    frame["kind"] = frame["kind"].astype(object)
    cat = lsdb.from_dataframe(
        frame, ra_column="ra", dec_column="dec", partition_rows=100, use_pyarrow_types=False
    )
    found = xsift.classify(cat, "csc20", keep="kind").compute(progress_bar=False)
    found.index = found.index.astype("int64[pyarrow]")
    assert_rows(found, whole["csc20"])


def test_counts_are_there_where_their_columns_are(cat, table, whole):
    assert "effective_counts" in xsift.classify(cat, "csc20").columns
    none, names = pa.nulls(N, pa.float64()), table.column_names
    untold = pa.table({n: none if "lim" in n else table[n] for n in names})
    assert "effective_counts" not in xsift.classify(untold, "csc20").detections.column_names
    found = xsift.classify(catalogue(untold), "csc20").compute(progress_bar=False)
    assert found["effective_counts"].isna().all()
    without = untold.select([n for n in untold.column_names if "lim" not in n])
    assert "effective_counts" not in xsift.classify(catalogue(without), "csc20").columns


def test_the_model_by_the_names_of_the_columns(cat, table):
    said = "both fit its columns, and which of them fits more rows only its values tell: name"
    with pytest.raises(SettingError, match=rf"catalogue mine: csc20 and csc21 {said} one with"):
        xsift.classify(cat)
    less = catalogue(table.drop_columns(["var_newq_b"]))
    ours = xsift.load_model("csc21").model_id
    found = xsift.classify(less).partitions[0].compute(progress_bar=False)
    assert set(found["model_id"]) == {ours}


def test_a_model_file_and_a_model_in_memory(cat, whole, tmp_path):
    model = xsift.load_model("csc20")
    path = shutil.copy(packaged_models()["csc20"], tmp_path / "mine.asdf")
    for given in (model, path, str(path)):
        found = xsift.classify(cat, given, keep="kind").partitions[1].compute(progress_bar=False)
        assert_rows(found, whole["csc20"], set(found["region_id"]))
    lazily = xsift.classify(cat, path)
    shutil.copy(packaged_models()["csc21"], path)
    lazy._HELD.clear()
    with pytest.raises(RuntimeError, match=r"mine\.asdf: the model is \w+, and was \w+ when the"):
        lazily.compute(progress_bar=False)


@pytest.fixture(scope="module")
def own(small_table):
    """A model of one's own, in memory."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", XsiftWarning)
        found = xsift.run(small_table, label_column="label", method="paper", clusters=2)
    return found.model


def test_a_model_of_ones_own_travels_as_it_is(cat, table, own):
    found = classified(cat, own)
    sent = pickle.loads(pickle.dumps(partition_of(found)))
    lazy._HELD.clear()
    frame = sent(cat.compute(progress_bar=False))
    assert_rows(frame, classified(table, own).detections)


def test_a_survey_of_ones_own(own_survey, tmp_path):
    table = pq.read_table(own_survey / "table.parquet")
    model = own_survey / "model.asdf"
    found = classified(catalogue(table, 1000), model).compute(progress_bar=False)
    wanted = classified(table, model).detections.to_pandas(types_mapper=pd.ArrowDtype)
    keys = ["name", "ra", "dec", "hr1"]
    one, other = (pd.DataFrame(f).sort_values(keys).reset_index(drop=True) for f in (found, wanted))
    pd.testing.assert_frame_equal(one, other, check_exact=True)
    tree = xsift.load_model(model)
    profile = tree.profile.model_dump()
    profile["columns"] = [c for c in profile["columns"] if c["name"] != "dec"]
    blind = tree.model_copy(update={"profile": type(tree.profile).model_validate(profile)})
    with pytest.raises(ModelError, match="has no columns ra and dec, by which LSDB finds the"):
        xsift.classify(catalogue(table, 1000), type(tree).of(blind))


@pytest.mark.slow
def test_on_a_cluster_of_processes(cat, table, whole, own):
    distributed = pytest.importorskip("distributed", reason="distributed is not installed")
    options = {"host": "127.0.0.1", "dashboard_address": "127.0.0.1:0", "silence_logs": 50}
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, **options) as cluster,
        distributed.Client(cluster),
    ):
        found = xsift.classify(cat, "csc20", keep="kind").compute(progress_bar=False)
        assert_rows(found, whole["csc20"])
        found = classified(cat, own).compute(progress_bar=False)
        assert_rows(found, classified(table, own).detections)


def partition_of(catalogue_):
    return catalogue_._operation.func


def test_what_travels_is_small_and_named_by_what_it_does(cat, tmp_path):
    one, same, other = (
        partition_of(xsift.classify(cat, "csc20", prior=prior))
        for prior in ("train", "train", "uniform")
    )
    assert tokenize(one) == tokenize(same) != tokenize(other)
    assert tokenize(one) == tokenize(pickle.loads(pickle.dumps(one)))
    for given in ("csc20", xsift.load_model("csc20")):
        assert len(pickle.dumps(partition_of(xsift.classify(cat, given)))) < 30_000
    prior = tmp_path / "prior.toml"
    tokens = set()
    for shares in ("QSO = 1", "QSO = 2\nAGN = 1"):
        prior.write_text(shares)
        tokens.add(tokenize(partition_of(xsift.classify(cat, "csc20", prior=str(prior)))))
    assert len(tokens) == 2


def test_it_is_said_at_once_what_the_catalogue_lacks(cat, table):
    few = catalogue(table.select(["name", "ra", "dec"]))
    with pytest.raises(MissingColumnsError, match=r"LSDB catalogue mine: missing column.* hard_hm"):
        xsift.classify(few, "csc20")
    with pytest.raises(MissingColumnsError, match="missing column nothing"):
        xsift.classify(cat, "csc20", keep="nothing")
    with pytest.raises(ModelError, match="no such file; packaged models are"):
        xsift.classify(cat, "csc99")
    with pytest.raises(ModelError, match="trained for survey csc20, not csc21"):
        xsift.classify(cat, "csc20", survey="csc21")
    with pytest.warns(XsiftWarning, match=r"no column bb_kt.*: counted as missing in every row"):
        xsift.classify(catalogue(table.drop_columns(["bb_kt"])), "csc20")


def test_partitions_warn_of_nothing_and_leave_the_filters_alone(table):
    """What is to be said is said at once: filters of warnings are the process's, not a thread's."""
    names = {"hard_hm": "hard_hm_1", "var_prob_b": "VAR_PROB_B", "bb_kt": "bb_kt [KEV]"}
    other = table.rename_columns([names.get(n, n) for n in table.column_names])
    other = other.drop_columns(["powlaw_gamma"])
    with pytest.warns(XsiftWarning) as caught:
        found = xsift.classify(catalogue(other), "csc20", keep="kind")
    said = " ".join(str(w.message) for w in caught)
    assert "hard_hm from hard_hm_1" in said
    assert "no column powlaw_gamma" in said
    before = list(warnings.filters)
    frame = found.compute(progress_bar=False)  # a warning is an error here
    assert warnings.filters == before
    assert_rows(frame, classified(other, "csc20", keep="kind").detections)


def test_other_units_are_refused_for_lsdb_carries_none(table, tmp_path):
    (tmp_path / "rows").mkdir()
    described = with_metadata(table, {"bb_kt": Column("bb_kt", "eV")})
    write_hats(in_one(described), tmp_path / "in", "x", tmp_path / "rows", "source", {})
    opened = lsdb.open_catalog(tmp_path / "in")
    with pytest.raises(
        TableError, match=r"column bb_kt is in eV in its files, and LSDB carries no units: put it"
    ):
        xsift.classify(opened, "csc20")
    mended = opened.rename({"bb_kt": "kt_kev"})
    xsift.classify(mended, "csc20", columns={"bb_kt": "kt_kev"})


def test_a_column_that_cannot_be_read_fails_where_it_is_computed(table):
    words = pa.array(["0.5"] * (N - 1) + ["none of it"])
    at = table.schema.get_field_index("hard_hm")
    cat = catalogue(table.set_column(at, "hard_hm", words))
    with pytest.raises(RuntimeError, match=r"the LSDB catalogue mine: column hard_hm.*none of it"):
        xsift.classify(cat, "csc20").compute(progress_bar=False)


def test_votes_of_what_was_computed(cat, in_memory):
    found = xsift.classify(cat, "csc20").compute(progress_bar=False)
    voted = xsift.vote_table(found)
    same = [n for n in voted.sources.column_names if n.startswith(("p_", "n_")) or n == "name"]
    assert len(same) > 20
    for name in same:
        assert voted.sources[name].equals(in_memory["csc20"].sources[name]), name


def test_other_functions_say_what_to_do_with_a_catalogue(cat):
    with pytest.raises(TableError, match=r"the LSDB catalogue: it is not in memory.*compute\(\)"):
        xsift.vote_table(cat)
