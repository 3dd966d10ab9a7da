"""A model knows the rows that trained it: by hashes that are the same on every machine."""

import io
import time
from types import SimpleNamespace

import asdf
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_array_equal

from xsift.errors import ModelError
from xsift.model.file import load_model_tree, save_model_tree
from xsift.model.recognise import hash_features, hash_keys, recognise, training_rows
from xsift.model.training_rows import TrainingRowsTree

KEY, ROW = 8060833869804263312, 3985572779855725360


def sample(X, **keys):
    """What recognition takes of a table: features, and the columns of its keys."""
    X = np.asarray(X, dtype=float)
    features = SimpleNamespace(X=X, usable=~np.isnan(X), values=X)
    table = pa.table({"name": pa.nulls(len(X), pa.string()), **keys})

    class Few:
        keys, features = table, None

        def __len__(self):
            return len(X)

    few = Few()
    few.features = features
    return few


def features_of(n, d=4, seed=0):
    return np.random.default_rng(seed).normal(size=(n, d))


def trained(given, rows=None):
    chosen = np.ones(len(given), dtype=bool) if rows is None else np.isin(range(len(given)), rows)
    return training_rows(given, chosen)


def test_hashes_are_these_on_every_machine():
    keys = pa.table({"name": ["2CXO J004244.3-411608", None], "obsid": [303, 1]})
    hashed, known = hash_keys(keys, ("name", "obsid"))
    assert (hashed[0], known.tolist()) == (KEY, [True, False])
    assert hash_features(np.array([[1.0, np.nan, -2.5, 0.0]]))[0][0] == ROW


def test_a_hash_is_of_bytes_in_little_endian():
    import hashlib

    wanted = hashlib.blake2b(np.array([1, np.nan, 3.0], "<f8").tobytes(), digest_size=8).digest()
    found = hash_features(np.array([[1, np.nan, 3.0]], dtype=">f8"))[0]
    assert found.astype("<i8").tobytes() == wanted


@given(arrays(np.float64, (3, 4), elements=st.floats(width=64)))
def test_nans_and_zeros_are_one(X):
    other = np.where(np.isnan(X), -np.nan, np.where(X == 0, -0.0, X))
    assert_array_equal(hash_features(X)[0], hash_features(other)[0])


def test_rows_with_fewer_than_three_different_sizes_say_nothing():
    few = [[1, 2, np.nan, np.nan], [0.9994, -0.9994, 0.9994, -0.9994], [np.nan] * 4, [1, 1, 2, -2]]
    assert hash_features(np.array(few, dtype=float))[1].tolist() == [False] * 4
    enough = [[1, 2, np.nan, 3], [0.0, 1, -2, np.nan]]
    assert hash_features(np.array(enough, dtype=float))[1].tolist() == [True] * 2


def test_by_name_and_by_values():
    X = features_of(4)
    known = trained(sample(X, name=list("abcd"), obsid=[1, 2, 3, 4]), [0, 1])
    new = features_of(5, seed=1)
    new[4] = X[1]
    found = recognise(known, sample(new, name=["a", "a", "c", "x", "y"], obsid=[1, 2, 3, 1, 9]))
    assert found.by_name.tolist() == [True, False, False, False, False]
    assert found.by_values.tolist() == [False, False, False, False, True]
    assert found.rows.tolist() == [True, False, False, False, True]


def test_names_are_compared_as_people_copy_them():
    known = trained(sample(features_of(1), name=["2CXO  J004244.3\u2212411608"]))
    found = recognise(known, sample(features_of(1, seed=1), name=["2cxo j004244.3-411608"]))
    assert found.by_name.all()


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ({"name": ["a", "b"], "obsid": [1, 2], "obi": [0, 0]}, {"name": ["a", "c"]}),
        ({"name": ["a", "b"]}, {"name": ["a", "c"], "obsid": [7, 8]}),
        ({"name": ["a"] * 2, "obsid": [1, 2]}, {"name": ["a"] * 2, "obsid": [2, 3], "obi": [1, 1]}),
    ],
)
def test_keys_are_compared_as_far_as_both_tables_have_them(theirs, ours):
    known = trained(sample(features_of(2), **theirs))
    found = recognise(known, sample(features_of(2, seed=1), **ours))
    assert found.by_name.tolist() == [True, False]


def test_mere_numbers_are_names_only_beside_an_observation():
    numbers = {"name": ["1", "2"]}
    known = trained(sample(features_of(2), **numbers))
    assert not len(known.keys)
    assert not recognise(known, sample(features_of(2, seed=1), **numbers)).rows.any()
    numbers["obsid"] = pa.array([303, None])
    known = trained(sample(features_of(2), **numbers))
    found = recognise(known, sample(features_of(2, seed=1), **numbers))
    assert found.by_name.tolist() == [True, False]


def test_the_name_is_the_archives_where_the_sources_are_numbered():
    archive = {"archive_name": ["2CXO J1", None], "name": ["7", "8"]}
    known = trained(sample(features_of(2), **archive))
    found = recognise(known, sample(features_of(2, seed=1), name=["2CXO J1", "8"]))
    assert found.by_name.tolist() == [True, False]


def test_a_table_without_names_is_recognised_by_values():
    known = trained(sample(features_of(3)))
    assert (known.key_columns, len(known.keys), len(known.features)) == ([], 0, 3)
    assert recognise(known, sample(features_of(3), name=list("abc"))).by_values.all()


def test_nothing_is_known_of_no_rows():
    assert not recognise(TrainingRowsTree(), sample(features_of(3), name=list("abc"))).rows.any()
    known = trained(sample(features_of(3), name=list("abc")))
    assert not len(recognise(known, sample(features_of(0), name=pa.array([], pa.string()))).rows)


def test_sixty_thousand_rows_take_a_second():
    n = 60_000
    given = sample(features_of(n, 12), name=[f"2CXO J{i}" for i in range(n)], obsid=range(n))
    start = time.process_time()
    assert recognise(trained(given), given).by_name.all()
    assert time.process_time() - start < 5  # 0.7 s on one idle core


@pytest.fixture(scope="module")
def tree(calibrated):
    return load_model_tree(calibrated / "model.asdf")


def test_a_run_writes_the_rows_that_taught_the_scorer(tree, calibrated):
    """Those with a class, and those of another type: with these the fixture ends."""
    import pyarrow.parquet as pq

    detections = pq.read_table(calibrated / "detections.parquet")
    taught = np.isin(detections["role"].to_pylist(), ["trained", "set_aside"])
    assert taught.sum() > tree.training.counts["trained"]
    keys, known = hash_keys(detections.filter(pa.array(taught)), ("name", "obsid"))
    assert known.all()
    assert np.isin(keys, tree.training_rows.keys).all()
    others, _ = hash_keys(detections.filter(pa.array(~taught)), ("name", "obsid"))
    assert not np.isin(others, tree.training_rows.keys).any()
    assert tree.version == 5


def test_they_are_in_the_digest_and_not_in_the_name(tree):
    without = tree.model_copy(update={"training_rows": TrainingRowsTree()})
    assert without.model_id == tree.model_id
    assert without.digest != tree.digest


def test_no_name_is_in_the_file(calibrated):
    assert b"2CXO" not in (calibrated / "model.asdf").read_bytes()


def test_a_model_without_rows_has_no_such_part(tree, tmp_path):
    without = tree.model_copy(update={"training_rows": TrainingRowsTree()})
    save_model_tree(without, tmp_path / "m.asdf")
    assert b"training_rows" not in (tmp_path / "m.asdf").read_bytes()
    assert load_model_tree(tmp_path / "m.asdf").digest == without.digest


@pytest.mark.parametrize(
    ("part", "value", "said"),
    [
        ("keys", lambda a: a[::-1].copy(), "training_rows.keys: .*the hashes are to rise"),
        ("features", lambda a: a * 0, "training_rows.features: .*the hashes are to rise"),
        ("keys", lambda a: a.astype(float), "a list of whole numbers is wanted"),
        ("features", lambda a: a[:, None], "a list of whole numbers is wanted"),
        ("keys", "rows", "a list of whole numbers is wanted"),
        ("key_columns", ["obsid"], "key_columns are to be the first of name, obsid, obi, region"),
        ("key_columns", ["name"] * 9, "List should have at most 4 items"),
        ("names", ["a"], "Extra inputs are not permitted"),
    ],
)
def test_damaged_rows_are_refused(calibrated, tmp_path, part, value, said):
    content = io.BytesIO((calibrated / "model.asdf").read_bytes())
    with asdf.open(content, memmap=False, lazy_load=False) as file:
        plain = dict(file["xsift"])
    rows = plain["training_rows"] = dict(plain["training_rows"])
    rows[part] = value(np.array(rows[part])) if callable(value) else value
    asdf.AsdfFile({"xsift": plain}).write_to(tmp_path / "m.asdf")
    with pytest.raises(ModelError, match=rf"m\.asdf: not a sound model: .*{said}"):
        load_model_tree(tmp_path / "m.asdf")
