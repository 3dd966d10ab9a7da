"""Tables in memory: the same bits as from a file, and what cannot be read is said."""

import datetime
import decimal
import warnings

import astropy.units as u
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy.coordinates import AltAz, SkyCoord
from astropy.table import MaskedColumn, QTable, Table
from astropy.time import Time
from astropy.utils.masked import Masked

from xsift import surveys
from xsift.errors import TableError, XsiftWarning
from xsift.read import as_input, read_detections, read_known, read_table, table_in_memory
from xsift.write.libraries import astropy_table

SURVEY = surveys.load("csc20")


class Capsule:
    """Nothing but the Arrow PyCapsule interface."""

    def __init__(self, table):
        self._table = table

    def __arrow_c_stream__(self, requested_schema=None):
        return self._table.__arrow_c_stream__(requested_schema)


def gappy(table):
    """The table with nulls in the numbers, a unit, and names that are missing."""
    hidden = np.arange(table.num_rows) % 7 == 3
    for name in ("hard_hm", "bb_kt", "obsid"):
        at = table.schema.get_field_index(name)
        field = table.schema.field(at)
        if name == "bb_kt":
            field = field.with_metadata({"unit": "keV"})
        cells = pa.array(table[name].to_numpy(), mask=hidden)
        table = table.set_column(at, field, cells)
    names = table["name"].to_pylist()
    names[5] = None
    return table.set_column(0, "name", pa.array(names))


def views(table):
    return pa.table(
        {
            field.name: column.cast(pa.string_view()) if pa.types.is_string(field.type) else column
            for field, column in zip(table.schema, table.columns, strict=True)
        }
    )


def large(table):
    fields = [
        f.with_type(pa.large_string()) if pa.types.is_string(f.type) else f for f in table.schema
    ]
    return table.cast(pa.schema(fields))


def indexed(table):
    frame = table.to_pandas()
    return frame.drop(columns="name").set_index(pd.Index(frame["name"]).rename(None))


KINDS = {
    "arrow": lambda t: t,
    "chunks": lambda t: pa.concat_tables([t.slice(0, 100), t.slice(100, 1), t.slice(101)]),
    "batch": lambda t: t.combine_chunks().to_batches()[0],
    "reader": lambda t: t.to_reader(),
    "views": views,
    "large": large,
    "dictionary": lambda t: t.set_column(0, "name", t["name"].dictionary_encode()),
    "capsule": Capsule,
    "capsule of views": lambda t: Capsule(views(t)),
    "astropy": astropy_table,
    "astropy, quantities": lambda t: QTable(astropy_table(t)),
    "astropy, bytes": lambda t: of_bytes(astropy_table(t)),
    "astropy, big-endian": lambda t: big_endian(astropy_table(t)),
    "pandas": lambda t: t.to_pandas(),
    "pandas, nullable": lambda t: t.to_pandas().convert_dtypes(),
    "pandas, arrow": lambda t: t.to_pandas(types_mapper=pd.ArrowDtype),
    "pandas, categories": lambda t: t.to_pandas().astype({"name": "category", "label": "category"}),
    "pandas, objects": lambda t: t.to_pandas().astype(object),
    "pandas, filtered": lambda t: pd.concat([t.to_pandas()] * 2).iloc[: t.num_rows],
    "pandas, named index": lambda t: t.to_pandas().set_index("name"),
    "pandas, two indices": lambda t: t.to_pandas().set_index(["name", "obsid"]),
    "pandas, index of text": indexed,
    "polars": pl.from_arrow,
    "polars, categories": lambda t: pl.from_arrow(t).with_columns(
        pl.col("name").cast(pl.Categorical)
    ),
}


def of_bytes(table):
    table["label"] = MaskedColumn(np.ma.asarray(table["label"]).astype("S"))
    return table


def big_endian(table):
    table["ra"] = table["ra"].astype(">f8")
    return table


@pytest.fixture(scope="module")
def tables(tmp_path_factory, small_table):
    table = gappy(small_table)
    path = tmp_path_factory.mktemp("memory") / "table.parquet"
    pq.write_table(table, path)
    return table, path


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_read_as_the_file_is(tables, kind):
    table, path = tables
    features = SURVEY.feature_set("all")
    expected = read_detections(path, SURVEY, features, "name", "label")
    given = KINDS[kind](table)
    with warnings.catch_warnings():
        if kind == "pandas, index of text":
            warnings.simplefilter("ignore", XsiftWarning)
        found = read_detections(as_input(given), SURVEY, features, "name", "label")
    assert found.table.num_rows == 600
    assert found.table.column_names == expected.table.column_names
    for name in expected.table.column_names:
        # To the bit: a null is a null, and equals() tells 0.1 from its neighbours.
        assert found.table[name].equals(expected.table[name]), name
    assert found.label == expected.label


@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"reader"}))
def test_nothing_is_written_to_what_the_user_holds(tables, kind):
    given = KINDS[kind](tables[0])
    before = str(content_of(given))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", XsiftWarning)
        read_detections(as_input(given), SURVEY, SURVEY.feature_set("all"), "name", "label")
    assert str(content_of(given)) == before


def content_of(given):
    if isinstance(given, Table):
        return given.pformat(max_lines=-1, max_width=-1)
    if isinstance(given, Capsule):
        return given._table.to_pydict()
    return given.to_pydict() if hasattr(given, "to_pydict") else pd.DataFrame(given).to_dict()


def test_the_digest_is_that_of_the_content(small_table):
    of = {kind: table_in_memory(KINDS[kind](small_table)).source.sha256 for kind in KINDS_OF_ARROW}
    assert len(set(of.values())) == 1, of
    other = small_table.set_column(2, "ra", pa.array(small_table["ra"].to_numpy() + 1e-13))
    unit = small_table.cast(
        pa.schema([f.with_metadata({"unit": "deg"}) for f in small_table.schema])
    )
    renamed = small_table.rename_columns([n.upper() for n in small_table.column_names])
    more = [other, unit, small_table.slice(1), renamed]
    assert len({table_in_memory(t).source.sha256 for t in (small_table, *more)}) == 1 + len(more)


KINDS_OF_ARROW = ("arrow", "chunks", "batch", "reader", "views", "large", "dictionary", "capsule")


def test_what_lies_under_a_null_is_not_content():
    mask = np.array([False, True])
    one, other = (pa.table({"a": pa.array([1.0, v], mask=mask)}) for v in (2.0, 3.0))
    assert table_in_memory(one).source.sha256 == table_in_memory(other).source.sha256
    text = pa.table({"a": ["ab", "c"]}), pa.table({"a": ["a", "bc"]})
    assert len({table_in_memory(t).source.sha256 for t in text}) == 2


def test_astropy_keeps_units_ucds_descriptions_and_masks():
    given = QTable({"name": ["a", "b"], "bb_kt": Masked([1.0, 2.0] * u.keV, mask=[False, True])})
    given["theta"] = [1, 2] * u.arcmin
    given["theta"].info.meta = {"ucd": "pos.angDistance"}
    given["theta"].info.description = "off-axis angle"
    found = table_in_memory(given).table
    assert found["bb_kt"].to_pylist() == [1.0, None]
    assert found.schema.field("bb_kt").metadata == {b"unit": b"keV"}
    assert found.schema.field("theta").metadata == {
        b"unit": b"arcmin",
        b"ucd": b"pos.angDistance",
        b"description": b"off-axis angle",
    }


def test_a_unit_is_converted_as_of_a_file(small_table):
    given = QTable(astropy_table(small_table))
    given["bb_kt"] = given["bb_kt"] * 1000 * u.eV
    features = SURVEY.feature_set("all")
    found = read_detections(as_input(given), SURVEY, features, "name")
    np.testing.assert_allclose(found.table["bb_kt"], small_table["bb_kt"], rtol=1e-14)
    given["bb_kt"] = given["bb_kt"].value * u.s
    with pytest.raises(TableError, match=r"^the astropy Table: column bb_kt is in 's', which"):
        read_detections(as_input(given), SURVEY, features, "name")


def test_a_skycoord_gives_the_position():
    place = SkyCoord(l=[10, 20], b=[5, -5], unit="deg", frame="galactic")
    with pytest.warns(XsiftWarning, match="ra and dec are those of the SkyCoord column pos, ICRS"):
        found = table_in_memory(Table({"name": ["a", "b"], "pos": place})).table
    np.testing.assert_array_equal(found["ra"], place.icrs.ra.deg)
    np.testing.assert_array_equal(found["dec"], place.icrs.dec.deg)
    assert found.schema.field("ra").metadata[b"unit"] == b"deg"
    assert found.schema.field("ra").metadata[b"ucd"] == b"pos.eq.ra;meta.main"


def test_a_skycoord_beside_a_position_is_left_out():
    place = SkyCoord([1, 2], [3, 4], unit="deg")
    with pytest.warns(XsiftWarning, match=r"left out: pos \(SkyCoord objects\)$"):
        found = table_in_memory(Table({"RA": [5.0, 6.0], "DEC": [7.0, 8.0], "pos": place})).table
    assert found.column_names == ["RA", "DEC", "pos"]
    with pytest.warns(XsiftWarning) as said:
        found = table_in_memory(Table({"a": place, "b": place})).table
    assert found["ra"].to_pylist() == [1.0, 2.0]
    assert "left out: b (SkyCoord objects)" in str(said[1].message)


def test_a_skycoord_without_a_way_to_icrs_is_said():
    place = SkyCoord(AltAz(az=[1] * u.deg, alt=[2] * u.deg))
    with pytest.warns(XsiftWarning) as said:
        table_in_memory(Table({"pos": place}))
    assert str(said[0].message).startswith("the astropy Table: column pos has no ICRS positions: ")


UNREADABLE = {
    "a time": (lambda: Table({"x": Time([1, 2], format="mjd")}), "Time objects"),
    "arrays": (lambda: Table({"x": np.ones((2, 3))}), "arrays of 3 values"),
    "cubes": (lambda: Table({"x": np.ones((2, 3, 4))}), "arrays of 3 by 4 values"),
    "complex": (lambda: Table({"x": np.ones(2) * 1j}), "complex numbers"),
    "structures": (lambda: Table({"x": np.zeros(2, "f8,i4")}), "structures"),
    "lists": (lambda: pa.table({"x": [[1, 2], [3]]}), "lists of several values"),
    "dicts": (lambda: pa.table({"x": [{"a": 1}, None]}), "structures"),
    "mixed": (lambda: pd.DataFrame({"x": [1, [2]]}), r"objects \(int, list\)"),
    "objects": (lambda: pd.DataFrame({"x": [object(), 1]}), r"objects \(int, object\)"),
    "polars objects": (
        lambda: pl.DataFrame({"x": pl.Series([object(), None], dtype=pl.Object)}),
        r"objects \(object\)",
    ),
    "polars lists": (lambda: pl.DataFrame({"x": [[1], [2]]}), "lists of several values"),
}


@pytest.mark.parametrize("case", UNREADABLE)
def test_what_cannot_be_read_is_said_and_refused_where_it_is_used(case):
    make, why = UNREADABLE[case]
    with pytest.warns(
        XsiftWarning, match=rf"columns that xsift cannot read, left out: x \({why}\)$"
    ):
        given = table_in_memory(make())
    with pytest.raises(TableError, match=rf"column x holds {why}: give one value per cell"):
        read_known(given, SURVEY, "x")


def test_one_value_in_an_array_is_a_value():
    assert table_in_memory(Table({"x": np.ones((2, 1))})).table["x"].to_pylist() == [1.0, 1.0]


def test_text_among_numbers_is_text_for_the_judge_of_files(small_table):
    frame = small_table.to_pandas()
    frame["bb_kt"] = frame["bb_kt"].astype(object)
    frame.loc[3, "bb_kt"] = "--"
    frame.loc[4, "bb_kt"] = b"0.5"
    features = SURVEY.feature_set("all")
    found = read_detections(as_input(frame), SURVEY, features, "name").table["bb_kt"].to_pylist()
    expected = small_table["bb_kt"].to_pylist()
    assert found == [*expected[:3], None, 0.5, *expected[5:]]
    frame.loc[3, "bb_kt"] = "faint"
    match = "^the pandas DataFrame: column bb_kt, row 4: 'faint' is not a number$"
    with pytest.raises(TableError, match=match):
        read_detections(as_input(frame), SURVEY, features, "name")


def test_objects_of_python_are_what_arrow_says():
    frame = pd.DataFrame(
        {
            "b": np.array([True, None], dtype=object),
            "big": np.array([2**70, 1], dtype=object),
            "d": np.array([decimal.Decimal("1.5"), None], dtype=object),
            "t": np.array([datetime.date(2020, 1, 2), None], dtype=object),
            "n": np.array([np.float32(0.1), pd.NA], dtype=object),
            "none": np.array([None, None], dtype=object),
            "when": pd.to_datetime(["2020-01-02", None]),
            "sparse": pd.arrays.SparseArray([1.0, np.nan]),
            "bytes": np.array([b"a", b"\xe9"], dtype=object),
        }
    )
    found = table_in_memory(frame).table
    assert found["b"].to_pylist() == [True, None]
    assert found["big"].to_pylist() == [str(2**70), "1"]
    assert found["d"].to_pylist() == [decimal.Decimal("1.5"), None]
    assert found["t"].to_pylist() == [datetime.date(2020, 1, 2), None]
    assert found["n"].to_pylist() == [float(np.float32(0.1)), None]
    assert found["none"].null_count == 2
    assert found["when"][0].as_py().startswith("2020-01-02T00:00:00")
    assert found["when"][1].as_py() is None
    assert found["sparse"].to_pylist() == [1.0, None]
    assert found["bytes"].to_pylist() == ["a", "é"]


def test_an_index_of_text_names_the_sources(small_table):
    with pytest.warns(
        XsiftWarning, match="no column name: the index gives the names of the sources"
    ):
        found = table_in_memory(indexed(small_table))
    assert found.table["name"].to_pylist() == small_table["name"].to_pylist()
    with pytest.warns(XsiftWarning, match="no column src: the index gives the names"):
        assert "src" in table_in_memory(indexed(small_table), "src").table.column_names


def test_an_index_that_is_not_needed_is_said(small_table):
    frame = small_table.to_pandas()
    frame.index = "row " + frame.index.astype(str)
    with pytest.warns(XsiftWarning, match="index of text is not used: column name has the names"):
        assert table_in_memory(frame).table.column_names == small_table.column_names
    frame.index = frame.index.rename("name")
    with pytest.warns(XsiftWarning, match="the index is called name as a column is: the column is"):
        found = table_in_memory(frame).table
    assert found["name"].to_pylist() == small_table["name"].to_pylist()


def test_columns_of_one_name_are_refused_where_they_are_used(small_table):
    frame = small_table.to_pandas()
    doubled = pd.concat([frame, frame[["bb_kt"]]], axis=1)
    arrow = small_table.append_column("bb_kt", small_table["bb_kt"])
    for given, where in ((doubled, "the pandas DataFrame"), (arrow, "the Arrow table")):
        with pytest.raises(TableError, match=f"^{where}: 2 columns are called bb_kt: keep one$"):
            read_detections(as_input(given), SURVEY, SURVEY.feature_set("all"), "name")


def test_names_that_are_numbers_are_text(small_table):
    frame = small_table.to_pandas()
    frame[7] = 1.0
    assert table_in_memory(frame).table.column_names[-1] == "7"


def test_columns_of_several_levels_are_refused(small_table):
    frame = small_table.to_pandas()
    frame.columns = pd.MultiIndex.from_product([["x"], frame.columns])
    with pytest.raises(TableError, match=r"^the pandas DataFrame: its columns have 2 levels: give"):
        table_in_memory(frame)


@pytest.mark.parametrize("kind", ["arrow", "astropy", "pandas", "polars"])
def test_no_rows(small_table, kind):
    given = as_input(KINDS[kind](small_table.slice(0, 0)))
    with pytest.raises(
        TableError, match=r"^the (\w+ )?(T|t|DataF)(able|rame): the table has no rows$"
    ):
        read_detections(given, SURVEY, SURVEY.feature_set("all"), "name")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            {"name": ["a"]},
            "the dict is no table: give a path, an astropy Table, a pandas or polars",
        ),
        ([1, 2], "the list is no table: "),
        (None, "the NoneType is no table: "),
        (pl.LazyFrame({"a": [1]}), "the LazyFrame is no table: "),
        (pl.Series([1]), "the Series: cannot be read: "),
        (np.ones(3), "the ndarray is no table: "),
    ],
)
def test_what_is_no_table_is_refused(given, said):
    with pytest.raises(TableError) as refused:
        as_input(given)
    assert str(refused.value).startswith(said)
    assert "\n" not in str(refused.value)


def test_a_producer_that_fails_is_said():
    class Broken:
        def __arrow_c_stream__(self, requested_schema=None):
            raise RuntimeError("gone\nand more")

    with pytest.raises(TableError, match=r"^the Broken: cannot be read: gone$"):
        table_in_memory(Broken())


def test_masks_and_units_within_the_metadata_of_arrow(tmp_path):
    given = Table({"name": ["a", "b"], "bb_kt": MaskedColumn([1.0, 2.0], mask=[0, 1], unit="keV")})
    given.write(tmp_path / "t.parquet")
    found, _ = read_table(pq.read_table(tmp_path / "t.parquet"))
    assert found.column_names == ["name", "bb_kt"]
    assert found["bb_kt"].to_pylist() == [1.0, None]
    assert found.schema.field("bb_kt").metadata[b"unit"] == b"keV"


def test_known_objects_in_memory(small_table):
    known = small_table.select(["name", "ra", "dec", "label"]).to_pandas()
    found = read_known(as_input(known, role=" of labels"), SURVEY)
    assert (found.path, found.label_column) == ("the pandas DataFrame of labels", "label")
    assert found.table["label"].null_count == small_table["label"].null_count
