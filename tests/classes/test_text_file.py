"""Files that a user wrote: with a byte-order mark, other line ends, in another encoding."""

import codecs
from importlib import resources

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from xsift.classes import PAPER_CLASSES, read_classes
from xsift.classes.text_file import read_text_file
from xsift.compare import load_mapping
from xsift.model.calibrated import Prior
from xsift.model.prior import _read_prior
from xsift.read import read_table
from xsift.simulate.populations import load_populations

CLASSES = '[[class]]\ncode = "étoile"\ngroup = "Star"\ncolumn = "p_star"\n'
MAPPING = 'title = "x"\nreference = "x"\nclass_columns = ["class"]\n[classes]\nQSO = "AGN"\n'
PRIOR = "QSO = 0.2\nAGN = 0.3\n"


def _prior(path):
    return _read_prior(path, PAPER_CLASSES, Prior(PAPER_SHARES, 0.1))


PAPER_SHARES = pa.array([0.1] * 10).to_numpy()
POPULATIONS = resources.files("xsift.simulate").joinpath("populations.json").read_text("utf-8")
READERS = {
    "classes": (read_classes, CLASSES),
    "mapping": (load_mapping, MAPPING),
    "prior": (_prior, PRIOR),
    "populations": (load_populations, POPULATIONS),
}


@pytest.mark.parametrize("kind", list(READERS))
@pytest.mark.parametrize("change", ["bom", "crlf", "cr"])
def test_what_editors_add_changes_nothing(tmp_path, kind, change):
    read, text = READERS[kind]
    plain, changed = tmp_path / "plain", tmp_path / "changed"
    plain.write_bytes(text.encode())
    content = text.encode()
    if change == "bom":
        content = codecs.BOM_UTF8 + content
    else:
        content = content.replace(b"\n", {"crlf": b"\r\n", "cr": b"\r"}[change])
    changed.write_bytes(content)
    assert str(read(plain)) == str(read(changed))


@pytest.mark.parametrize("kind", list(READERS))
@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_utf_16_is_refused_in_words(tmp_path, kind, encoding):
    read, text = READERS[kind]
    path = tmp_path / "given"
    path.write_bytes(text.encode(encoding))
    with pytest.raises(ValueError, match="the file is in UTF-16 or UTF-32: save it as UTF-8"):
        read(path)


@pytest.mark.parametrize("kind", list(READERS))
def test_other_encodings_are_refused_in_words(tmp_path, kind):
    read, text = READERS[kind]
    path = tmp_path / "given"
    path.write_bytes(b"# \xe9toile\n" + text.encode())
    with pytest.raises(ValueError, match="byte 3 is not UTF-8: save the file as UTF-8"):
        read(path)


@pytest.mark.parametrize("kind", ["classes", "mapping", "prior"])
def test_deep_nesting_is_refused(tmp_path, kind):
    path = tmp_path / "given"
    path.write_text("a = " + "[" * 50_000)
    with pytest.raises(ValueError, match="given: no"):
        READERS[kind][0](path)


def test_a_class_list_with_a_mark_serves_a_command(xsift, tmp_path):
    path, ballots = tmp_path / "own.toml", tmp_path / "b.parquet"
    path.write_bytes(codecs.BOM_UTF8 + CLASSES.encode())
    pq.write_table(pa.table({"name": ["a"], "p_star": [1.0]}), ballots)
    said = xsift("vote", ballots, "--classes", path, "--out", tmp_path / "o")
    assert said.status == 0, said.err
    path.write_bytes(CLASSES.encode("utf-16"))
    said = xsift("vote", ballots, "--classes", path, "--out", tmp_path / "o")
    assert said.status == 1
    assert said.err.startswith(f"xsift: {path}: not a readable list of classes: the file is in")


def test_a_csv_with_a_mark(tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes(codecs.BOM_UTF8 + b"name,ra\na,1\n")
    assert read_table(path)[0].column_names == ["name", "ra"]


def test_a_missing_file_is_no_traceback(tmp_path):
    with pytest.raises(OSError, match="No such file"):
        read_text_file(tmp_path / "none")
