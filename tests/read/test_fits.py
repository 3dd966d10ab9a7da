"""FITS tables, damaged ones too."""

import gzip
import io

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import MaskedColumn, Table
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from xsift.errors import TableError
from xsift.read.unreadable import why_unreadable


def fits_bytes(*hdus):
    sink = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), *hdus]).writeto(sink)
    return sink.getvalue()


@pytest.fixture(scope="module")
def whole():
    table = Table(
        {
            "name": ["2CXO J1 ", "", " x"],
            "obsid": MaskedColumn([1, 2, 3], mask=[False, True, False]),
            "bb_kt": MaskedColumn([0.5, 1.5, 2.5], mask=[False, False, True], unit="eV"),
            "hard_hm": np.array([0.1, np.nan, np.inf], dtype=np.float32),
            "pair": np.ones((3, 2)),
            "z": np.ones(3, dtype=complex),
        }
    )
    return fits_bytes(fits.ImageHDU(np.zeros((2, 2))), fits.table_to_hdu(table))


@pytest.mark.parametrize("packed", [False, True])
def test_first_table_with_nulls_units_and_stripped_text(read, whole, packed):
    table = read(gzip.compress(whole) if packed else whole)
    assert table.to_pydict() == {
        "name": ["2CXO J1", None, "x"],
        "obsid": [1, None, 3],
        "bb_kt": [0.5, 1.5, None],
        "hard_hm": [np.float32(0.1), None, np.inf],
        "pair": [None] * 3,
        "z": [None] * 3,
    }
    assert why_unreadable(table.schema.field("pair")) == "arrays of 2 numbers"
    assert why_unreadable(table.schema.field("z")) == "complex numbers"
    assert table.schema.field("bb_kt").metadata == {b"unit": b"eV"}


def test_no_rows(read):
    empty = fits.BinTableHDU.from_columns([fits.Column("name", "5A"), fits.Column("ra", "D")])
    assert read(fits_bytes(empty)).num_rows == 0


@pytest.mark.parametrize("hdus", [(), (fits.ImageHDU(np.zeros((3, 3))),)])
def test_no_table(read, hdus):
    with pytest.raises(TableError, match="t: the FITS file holds no table, only images"):
        read(fits_bytes(*hdus))


def test_a_table_larger_than_any_memory(read, whole):
    number = f"{3:20d}".encode()
    assert whole.count(b"NAXIS2  = " + number) == 1
    content = whole.replace(b"NAXIS2  = " + number, b"NAXIS2  = " + b"%20d" % 10**15)
    with pytest.raises(TableError, match=r"HDU 2: truncated: it declares .* bytes of data"):
        read(content)


def test_cut_off_anywhere_is_refused(read, whole):
    for end in [*range(9, len(whole), 997), len(whole) - 2880, len(whole) - 1]:
        with pytest.raises(TableError, match=r"t: (not|the FITS file holds no table)"):
            read(whole[:end])


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data(), new=st.binary(min_size=1, max_size=12))
def test_any_change_gives_a_table_or_an_error_of_ours(read, or_refused, whole, data, new):
    at = data.draw(st.integers(0, len(whole) - 1))
    table = or_refused(lambda: read(whole[:at] + new + whole[at + len(new) :]))
    assert table is None or table.num_columns >= 1
