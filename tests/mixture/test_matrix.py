"""Features from tables of every kind: the same numbers, the names kept, and clear errors."""

import astropy.units as u
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from astropy.table import MaskedColumn, QTable, Table
from numpy.testing import assert_array_equal

from xsift.errors import TableError
from xsift.mixture import GaussianMixture
from xsift.mixture.matrix import is_table, matrix_of

NAMES = ("hard_hs", "n_counts", "is_variable")
VALUES = np.array([[0.5, 3, 1], [np.nan, 4, 0], [-0.25, np.nan, 1], [0.125, 7, np.nan]])


class Capsule:
    """A table of a library that nobody has heard of."""

    def __init__(self, table):
        self.table = table

    def __arrow_c_stream__(self, requested_schema=None):
        return self.table.__arrow_c_stream__(requested_schema)


def columns():
    return [[None if np.isnan(v) else v for v in x] for x in VALUES.T.tolist()]


def arrow():
    hs, n, variable = columns()
    variable = [None if v is None else bool(v) for v in variable]
    return pa.table(
        {
            NAMES[0]: pa.array(hs, pa.float32()),
            NAMES[1]: pa.chunked_array([pa.array(n[:1], pa.int16()), pa.array(n[1:], pa.int16())]),
            NAMES[2]: pa.array(variable, pa.bool_()),
        }
    )


def pandas_nullable():
    hs, n, variable = columns()
    frame = pd.DataFrame(
        {
            NAMES[0]: pd.array(hs, dtype="Float64"),
            NAMES[1]: pd.array(n, dtype="Int64"),
            NAMES[2]: pd.array([None if v is None else bool(v) for v in variable], dtype="boolean"),
        }
    )
    return frame.set_index(pd.Index(["a", "b", "b", "d"], name="source"))


def astropy_table(kind, unit):
    hs, n, variable = VALUES.T
    return kind(
        {
            NAMES[0]: hs,
            NAMES[1]: MaskedColumn(np.nan_to_num(n).astype(int), mask=np.isnan(n), unit=unit),
            NAMES[2]: MaskedColumn(np.nan_to_num(variable) > 0, mask=np.isnan(variable)),
        }
    )


TABLES = {
    "pandas": lambda: pd.DataFrame(VALUES, columns=NAMES, index=[9, 9, 3, 1]),
    "pandas, nullable": pandas_nullable,
    "pandas, objects": lambda: pd.DataFrame(dict(zip(NAMES, columns(), strict=True)), dtype=object),
    "pandas, of arrow": lambda: arrow().to_pandas(types_mapper=pd.ArrowDtype),
    "polars": lambda: pl.from_arrow(arrow()),
    "pyarrow": arrow,
    "pyarrow batch": lambda: arrow().combine_chunks().to_batches()[0],
    "a stream of pyarrow": lambda: arrow().to_reader(),
    "a capsule": lambda: Capsule(arrow()),
    "astropy": lambda: astropy_table(Table, None),
    "astropy, quantities": lambda: astropy_table(QTable, u.ct),
}


@pytest.mark.parametrize("kind", TABLES)
def test_every_table_gives_the_same_matrix(kind):
    table = TABLES[kind]()
    assert is_table(table)
    values, names = matrix_of(table)
    assert_array_equal(values, VALUES)
    assert values.dtype == np.float64
    assert values.flags.writeable
    assert names == NAMES


@pytest.mark.parametrize("kind", TABLES)
def test_the_mixture_takes_every_table(kind):
    model = GaussianMixture(reg_covar=1e-2).fit(TABLES[kind]())
    alone = GaussianMixture(reg_covar=1e-2).fit(VALUES)
    assert_array_equal(model.means_, alone.means_)
    assert_array_equal(model.covariances_, alone.covariances_)
    assert model.feature_names_in_.tolist() == list(NAMES)
    assert_array_equal(model.score_samples(TABLES[kind]()), alone.score_samples(VALUES))


@pytest.mark.parametrize("other", ["pandas", "polars", "astropy", "a capsule"])
def test_other_columns_than_in_the_fit_are_refused(other):
    model = GaussianMixture(reg_covar=1e-2).fit(TABLES["astropy"]())
    turned = arrow().select(NAMES[::-1])
    table = {
        "pandas": turned.to_pandas(),
        "polars": pl.from_arrow(turned),
        "astropy": astropy_table(Table, None)[list(NAMES[::-1])],
        "a capsule": Capsule(turned),
    }[other]
    with pytest.raises(ValueError, match="must be in the same order as they were in fit"):
        model.predict(table)


def test_no_table_is_no_table():
    for X in [VALUES, VALUES.tolist(), "features.parquet", iter([VALUES]), pl.Series([1.0, 2.0])]:
        assert not is_table(X)


def test_columns_without_names_are_numbered():
    model = GaussianMixture(reg_covar=1e-2).fit(pd.DataFrame(VALUES))
    assert not hasattr(model, "feature_names_in_")
    assert model.n_features_in_ == 3


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (
            pd.DataFrame({"hs": [0.1, 0.2], "name": ["a", "b"]}),
            "column 'name' holds values of type str, not numbers: leave it out",
        ),
        (
            pd.DataFrame({"name": ["a", 1.0]}, dtype=object),
            "column 'name' holds text, such as 'a', not numbers",
        ),
        (
            pd.DataFrame({"when": pd.to_datetime(["2020-01-01", None])}),
            r"column 'when' holds values of type datetime64\[\w+\], not numbers",
        ),
        (
            pd.DataFrame({"kind": pd.Categorical([1, 2])}),
            "column 'kind' holds values of type category, not numbers",
        ),
        (
            pl.DataFrame({"hs": [0.1, 0.2], "name": ["a", None]}),
            "column 'name' holds values of type (large_)?string(_view)?, not numbers",
        ),
        (
            pa.table({"list": [[1.0], [2.0]]}),
            r"column 'list' holds values of type list<.*>, not numbers",
        ),
        (Table({"name": ["a", "b"]}), "column 'name' holds values of type <U1, not numbers"),
        (
            Table({"flux": np.ones((2, 3))}),
            r"column 'flux' holds arrays of shape \(3,\), not numbers",
        ),
        (
            pd.DataFrame([[1.0, 2.0]], columns=["a", "a"]),
            "column 'a' stands more than once: name each column once",
        ),
        (
            pd.DataFrame([[1.0, 2.0]], columns=["a", 1]),
            r"column names are of several types \(int, str\): make all of them text",
        ),
        (Capsule(pa.chunked_array([[1.0, 2.0]])), "X, of type Capsule, is no table of columns"),
    ],
)
def test_what_holds_no_numbers_is_named(table, said):
    with pytest.raises(TableError, match=said) as found:
        GaussianMixture().fit(table)
    assert "\n" not in str(found.value)


def test_skycoord_column_is_named():
    from astropy.coordinates import SkyCoord

    table = QTable({"where": SkyCoord([1, 2] * u.deg, [3, 4] * u.deg)})
    with pytest.raises(TableError, match="column 'where' holds SkyCoord, not numbers"):
        matrix_of(table)


def test_masked_quantities_and_null_columns_are_missing():
    from astropy.utils.masked import Masked

    table = QTable({"flux": Masked([1.0, 2.0], mask=[False, True]) * u.mJy})
    assert_array_equal(matrix_of(table)[0], [[1.0], [np.nan]])
    assert_array_equal(matrix_of(pa.table({"a": pa.nulls(2)}))[0], [[np.nan], [np.nan]])
