"""Uploads: the same answer as `xsift classify`, hostile ones in one line, none of them kept."""

import gzip
import io
import pickle
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy.table import Table

from xsift.serve import limits

FORMATS = ("csv", "parquet", "fits", "vot")


@pytest.fixture(scope="module")
def few(small_table):
    """Thirty detections, without labels; a column that nobody asked for."""
    table = small_table.slice(0, 30).drop_columns(["label"])
    ra = pa.field("ra", pa.float64(), metadata={"unit": "deg"})
    table = table.set_column(table.column_names.index("ra"), ra, table["ra"])
    return table.append_column("mood", pa.array(["calm"] * 30))


@pytest.fixture(scope="module")
def as_file(few, tmp_path_factory):
    from xsift.write import write_table

    folder = tmp_path_factory.mktemp("uploads")
    for form, long in zip(FORMATS, ("csv", "parquet", "fits", "votable"), strict=True):
        write_table(few, folder / f"few.{form}", long, {})
    return lambda form: (folder / f"few.{form}").read_bytes()


def written(table, form):
    from xsift.write import write_table

    long = {"csv": "csv", "vot": "votable", "fits": "fits", "parquet": "parquet"}[form]
    with tempfile.TemporaryDirectory() as folder:
        write_table(table, Path(folder) / "t", long, {})
        return (Path(folder) / "t").read_bytes()


@pytest.fixture(scope="module")
def classified(calibrated, few, tmp_path_factory):
    """What `xsift classify` makes of the same table."""
    from xsift import classify

    path = tmp_path_factory.mktemp("classified") / "few.parquet"
    pq.write_table(few, path)
    return classify(path, calibrated / "model.asdf")


def json_of(table):
    return table.drop_columns(["model_id"]).to_pylist()


@pytest.mark.parametrize("form", FORMATS)
def test_the_answer_is_that_of_the_command(upload, as_file, classified, form, no_leftovers):
    answer = upload(as_file(form), name=f"few.{form}")
    assert answer.status_code == 200, answer.text
    said = answer.json()
    for level in ("detections", "sources"):
        rows = [{k: v for k, v in r.items() if k != "model_id"} for r in said[level]]
        wanted = json_of(getattr(classified, level))
        for row, want in zip(rows, wanted, strict=True):
            numbers = {k for k, v in want.items() if isinstance(v, float)}
            assert {k: v for k, v in row.items() if k not in numbers} == {
                k: v for k, v in want.items() if k not in numbers
            }
            assert [row[k] for k in numbers] == pytest.approx([want[k] for k in numbers], rel=1e-9)
    assert said["n_detections"] == 30
    # Of three sources all detections trained the model of the catalogue.
    assert said["n_sources"] == 12
    assert said["warnings"][0].startswith("in-sample: ")
    assert said["truncated"] is False
    assert sum(said["summary"].values()) == 12
    assert said["ignored"] == ["mood"]
    assert said["missing"] == []
    used = {c["column"]: c for c in said["understood"]}
    assert used["name"]["used_as"] == "name"
    assert used["ra"]["unit"] == ("" if form == "csv" else "deg")
    assert len(used) == 16


def test_the_answer_holds_what_the_maps_draw(upload, as_file, few, monkeypatch):
    drawn = upload(as_file("parquet")).json()["drawn"]
    assert list(drawn)[:2] == ["ra", "dec"]
    assert len(drawn) == 14
    assert drawn["ra"] == pytest.approx(few["ra"].to_pylist(), rel=1e-7)
    given = few["hard_hm"].to_pylist()
    assert drawn["hard_hm"] == [v if v is None else pytest.approx(v, rel=1e-4) for v in given]


def test_more_rows_than_the_answer_shows_are_drawn(upload, few):
    """A table of 3,701 detections is drawn whole, though the answer lists 1,000 of them."""
    many = pa.concat_tables([few] * 124)
    sink = io.BytesIO()
    pq.write_table(many.drop_columns(["mood"]), sink)
    said = upload(sink.getvalue(), "many.parquet").json()
    assert said["truncated"] is True
    assert len(said["detections"]) == limits.SHOWN_ROWS
    assert said["n_detections"] == 3720 == len(said["drawn"]["ra"])
    assert 3720 < limits.DRAWN_ROWS <= limits.UPLOAD_ROWS


@pytest.mark.parametrize(
    ("form", "level"),
    [("csv", "sources"), ("vot", "detections"), ("fits", "sources"), ("parquet", "detections")],
)
def test_the_answer_as_a_file(upload, as_file, classified, form, level):
    answer = upload(as_file("csv"), format=form, level=level)
    assert answer.status_code == 200, answer.text
    assert f'filename="xsift-{level}.{form}"' in answer.headers["content-disposition"]
    content = io.BytesIO(answer.content)
    if form == "parquet":
        table = Table(pq.read_table(content).to_pydict())
    else:
        table = Table.read(content, format={"vot": "votable", "csv": "ascii.csv"}.get(form, form))
    want = getattr(classified, level)
    assert table.colnames == want.column_names
    np.testing.assert_allclose(table["p_qso"], want["p_qso"].to_numpy(), rtol=1e-9)


def test_missing_features_and_another_source_column(upload, few, csv_bytes):
    table = few.rename_columns(["Star" if n == "name" else n for n in few.column_names])
    empty = pa.nulls(30, pa.float64())
    table = table.set_column(table.column_names.index("bb_kt"), "bb_kt", empty)
    said = upload(csv_bytes(table), source_column="star").json()
    assert said["missing"] == ["bb_kt"]
    used = {c["column"]: c for c in said["understood"]}
    assert used["Star"]["used_as"] == "name"
    assert used["bb_kt"]["n_missing"] == 30
    assert said["n_sources"] == 12


def test_columns_by_other_names(upload, few, csv_bytes, as_file):
    own = {"hard_hs": "HR_hs", "bb_kt": "kT", "ra": "RAJ2000"}
    table = few.rename_columns([own.get(n, n) for n in few.column_names])
    refused = upload(csv_bytes(few.rename_columns([n + "_x" for n in few.column_names])))
    assert refused.status_code == 422
    assert "give columns hard_hm=hard_hm_x columns hard_hs=hard_hs_x" in refused.json()["detail"]
    columns = ["hard_hs=HR_hs", "bb_kt=kT"]
    wanted = upload(as_file("csv")).json()
    for form in ("vot", "fits"):
        said = upload(written(table, form), columns=columns).json()
        assert said["detections"] == wanted["detections"], form
        used = {c["column"]: c["used_as"] for c in said["understood"]}
        assert [used[n] for n in ("HR_hs", "kT", "RAJ2000")] == ["hard_hs", "bb_kt", "ra"]
        assert said["ignored"] == ["mood"]


def test_the_column_that_another_replaces_is_ignored(upload, few, csv_bytes):
    table = few.append_column("mine", few["hard_hm"])
    said = upload(csv_bytes(table), columns=["hard_hs=mine"]).json()
    assert said["ignored"] == ["hard_hs", "mood"]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (["hard_hs"], "columns hard_hs: give NAME=COLUMN, such as hard_hs=HS"),
        (["bb_kt=a", "bb_kt=b"], "columns bb_kt=b: bb_kt is a already"),
        (["bb_kt=no"], "columns bb_kt=no: missing column no"),
        (["hs=name"], "columns hs=name: survey csc20 has no column hs"),
        (["bb_kt=" + "x" * 200], "columns"),
        (["bb_kt=a\nb"], "columns"),
        ([f"c{i}=a" for i in range(101)], "columns"),
    ],
)
def test_columns_that_cannot_serve_are_refused_in_one_line(upload, as_file, columns, message):
    answer = upload(as_file("csv"), columns=columns)
    assert answer.status_code == 422
    assert message in answer.json()["detail"]
    assert "\n" not in answer.json()["detail"]


def test_names_with_markup_come_back_as_text(upload, few, csv_bytes):
    names = pa.array([f'<img src=x onerror="{i // 2}">' for i in range(30)])
    answer = upload(csv_bytes(few.set_column(0, "name", names)))
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["sources"][0]["name"] == '<img src=x onerror="0">'


BOMB = b"""<?xml version="1.0"?><!DOCTYPE VOTABLE [<!ENTITY a "aaaaaaaaaa">
<!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">]>
<VOTABLE><RESOURCE><TABLE><DESCRIPTION>&c;</DESCRIPTION></TABLE></RESOURCE></VOTABLE>"""
REMOTE = b"""<?xml version="1.0"?><VOTABLE version="1.4"><RESOURCE><TABLE>
<FIELD name="name" datatype="char" arraysize="*"/><DATA><FITS>
<STREAM href="%s"/></FITS></DATA></TABLE></RESOURCE></VOTABLE>"""


def zipped(content):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("table.csv", content)
    return file.getvalue()


def parquet_bomb():
    file = io.BytesIO()
    pq.write_table(pa.table({"name": pa.array(["x"]).take(pa.array([0] * 3_000_000))}), file)
    return file.getvalue()


def nested():
    return b"<VOTABLE>" + b"<RESOURCE>" * 200_000


class Trap:
    def __reduce__(self):
        import os

        return os.system, ("touch /tmp/xsift-was-here",)


HOSTILE = {
    "a pickle": lambda: pickle.dumps(Trap()),
    "an old pickle": lambda: pickle.dumps(Trap(), protocol=0),
    "numpy objects": lambda: b"\x93NUMPY\x01\x00" + b"\x00" * 100,
    "entities": lambda: BOMB,
    "a remote stream": lambda: REMOTE % b"http://169.254.169.254/",
    "a local stream": lambda: REMOTE % b"file:///etc/passwd",
    "a gzip bomb": lambda: gzip.compress(b"0" * 300_000_000),
    "a zip bomb": lambda: zipped(b"0" * 50_000_000),
    "a Parquet bomb": parquet_bomb,
    "a nested VOTable": nested,
    "a page": lambda: b"<html><script>alert(1)</script></html>",
    "an image": lambda: b"\x89PNG\r\n\x1a\n" + b"\x00" * 100,
    "zeros": lambda: b"\0" * 1000,
    "blanks": lambda: b"  \n" * 1000,
    "a header alone": lambda: b"name,obsid\n",
    "other columns": lambda: b"a,b\n1,2\n",
    "numbers alone": lambda: b"1,2\n3,4\n",
    "UTF-16": lambda: "name,obsid\nx,1\n".encode("utf-16"),
    "one long line": lambda: b"x" * 20_000_000,
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_file_is_refused_in_one_line(upload, get, tmp_path, what, no_leftovers):
    answer = upload(HOSTILE[what](), name="../../etc/<b>bad</b>.vot")
    assert answer.status_code == 422, answer.text[:300]
    (line,) = answer.json().values()
    assert line.startswith("b_.vot: "), line
    assert "\n" not in line
    assert "Traceback" not in line
    assert "/tmp" not in line
    assert str(tmp_path) not in line
    assert get("/api/health") == {"ok": True}


@pytest.mark.parametrize("form", FORMATS)
def test_a_file_that_is_cut_off(upload, as_file, form):
    content = as_file(form)
    answer = upload(content[: int(len(content) * 0.6)], name=f"few.{form}")
    # The end of a text can be missing without a sign of it, where a line ends in a number.
    assert answer.status_code == 422 or (form == "csv" and answer.status_code == 200)
    if answer.status_code == 422:
        assert answer.json()["detail"].startswith(f"few.{form}: ")


@pytest.mark.parametrize("name", ["model.asdf", "result", "../result", "..", "", "a" * 300, "%00"])
def test_any_name_will_do(upload, name, no_leftovers):
    answer = upload(b"name\nx\n", name=name)
    assert answer.status_code == 422
    assert ": missing columns hard_hm" in answer.json()["detail"]


def test_wrong_types_are_named(upload, few, csv_bytes):
    words = pa.array(["soft"] * 30)
    at = few.column_names.index("bb_kt")
    answer = upload(csv_bytes(few.set_column(at, "bb_kt", words)), name="few.csv")
    assert answer.status_code == 422
    line = answer.json()["detail"]
    assert line == "few.csv: column bb_kt, row 1: 'soft' is not a number"


def test_a_large_body_is_cut_off_early(client):
    said = "the file is larger than 64 MiB: use xsift classify for it"
    body = (b"x" * (1 << 20) for _ in range(65))  # no length is told in advance
    answer = client.post("/api/classify", content=body, headers={"X-Xsift": "1"})
    assert (answer.status_code, answer.json()) == (413, {"detail": said})
    length = {"X-Xsift": "1", "Content-Length": str(2 * 1024**3)}
    answer = client.post("/api/classify", content=b"x", headers=length)
    assert (answer.status_code, answer.json()) == (413, {"detail": said})


def test_too_many_rows(upload, few, csv_bytes, monkeypatch):
    many = few.take(pa.array(np.resize(np.arange(30), limits.UPLOAD_ROWS + 1)))
    file = io.BytesIO()
    pq.write_table(many, file)
    answer = upload(file.getvalue(), name="many.parquet")
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith("many.parquet: 200,001 rows: at most 200,000 are")


@pytest.mark.parametrize("parameters", [{"format": "exe"}, {"level": "x"}, {"source_column": ""}])
def test_what_is_asked_must_be_known(upload, parameters):
    assert upload(b"name\nx\n", **parameters).status_code == 422


@pytest.mark.real
@pytest.mark.parametrize("name", ["csc20_query.vot", "csc20_query.fits", "csc_cli_example.vot"])
def test_real_tables(upload, real, name):
    answer = upload(real(name).read_bytes(), name=name)
    assert answer.status_code == 200, answer.text[:300]
    assert answer.json()["n_sources"] > 0
