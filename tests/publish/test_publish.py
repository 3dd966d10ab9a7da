"""A catalogue as a DaCHS resource and as static files: whole, described, and safe to open."""

import json
from xml.etree import ElementTree as ET

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy import units as u
from astropy.io.votable.ucd import check_ucd
from mocpy import MOC

from xsift import publish
from xsift.errors import OutputError, TableError
from xsift.publish import publication
from xsift.read import read_table
from xsift.write import Staging

HOSTILE = "<script>&amp;\"'\x00\x1b[31m \\sql{drop} ]]> | *x*\n# y"


@pytest.fixture
def copy(catalogue, tmp_path):
    """The catalogue in a folder of its own, to be changed."""
    folder = tmp_path / "catalogue"
    folder.mkdir()
    for file in catalogue.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    return folder


def resource(table: pa.Table, **said) -> publish.Resource:
    text = dict.fromkeys(
        ("title", "description", "creator", "licence", "reference", "created"), ""
    ) | {"schema": "x", "provenance": {}}
    tables = (publish.ResourceTable("sources", "Sources", publish.published(table, "x"), None),)
    return publish.Resource(**(text | said), tables=tables)


def test_the_descriptor_has_every_column_with_what_it_is(catalogue, tmp_path):
    publication.publish(catalogue, tmp_path, creator="Doe, J.", licence="CC0-1.0")
    root = ET.parse(tmp_path / "q.rd").getroot()
    assert root.get("schema") == "xsift"
    for name in ("sources", "detections"):
        table = pq.read_table(catalogue / f"{name}.parquet")
        element = root.find(f"table[@id='{name}']")
        assert (element.get("onDisk"), element.get("adql")) == ("True", "True")
        columns = {c.get("name"): c for c in element.findall("column")}
        assert list(columns) == [{"group": "class_group"}.get(c, c) for c in table.column_names]
        for column in columns.values():
            assert check_ucd(column.get("ucd"), check_controlled_vocabulary=True)
            assert column.get("description")
            u.Unit(column.get("unit", ""), format="vounit")
        data, _ = read_table(tmp_path / f"{name}.vot")
        assert data.num_rows == table.num_rows
        assert data.column_names == list(columns)
        assert root.find(f"service/scsCore[@queriedTable='{name}']") is not None
    assert root.find("table[@id='sources']").get("primary") == "name"
    assert root.find("table[@id='detections']").get("primary") is None
    meta = {m.get("name"): m.text for m in root.findall("meta")}
    assert meta["creator"] == "Doe, J."
    assert meta["rights.rightsURI"] == "https://creativecommons.org/publicdomain/zero/1.0/"
    assert "table.parquet (sha256 " in meta["_longdoc"]


def test_integers_may_be_missing_and_keywords_are_mapped():
    table = pa.table({"name": ["a"], "obi": pa.array([None], pa.int64()), "n": [1], "class": ["x"]})
    root = ET.fromstring(publish.resource_descriptor(resource(table)))
    obi, n = root.find(".//column[@name='obi']"), root.find(".//column[@name='n']")
    assert (obi.get("required"), obi.find("values").get("nullLiteral")) == (None, str(-(2**63)))
    assert (n.get("required"), n.find("values")) == ("True", None)
    assert {m.get("key"): m.text for m in root.findall(".//map")} == {"class": "@class_"}


def test_hostile_text_stays_text():
    field = pa.field("name", pa.string(), metadata={"description": HOSTILE, "unit": HOSTILE})
    said = dict.fromkeys(("title", "description", "creator", "reference", "created"), HOSTILE)
    made = resource(
        pa.table([[HOSTILE]], schema=pa.schema([field])), **said, provenance={"x": HOSTILE}
    )
    text = publish.resource_descriptor(made)
    assert "\\" not in text
    assert not any(ord(c) < 32 and c not in "\n\t" for c in text)
    root = ET.fromstring(text)
    assert {e.tag for e in root.iter()} <= set(
        "resource meta table index column data sources voTableGrammar make rowmaker".split()
    )
    assert root.find("meta[@name='title']").text.startswith("<script>&amp;\"'")
    page = publish.as_markdown(made)
    assert "<" not in page
    assert not any(ord(c) < 32 and c != "\n" for c in page)
    assert not any(line.startswith("# y") for line in page.splitlines())
    row = next(line for line in page.splitlines() if line.startswith("| name"))
    assert row.replace("\\|", "").count("|") == 7
    assert json.loads(json.dumps(publish.as_json(made)))["title"] == HOSTILE


def test_what_cannot_be_published_is_said():
    for name in ("Name", "a b", "1a", "é", "x" * 70, 'a"b'):
        with pytest.raises(TableError, match=r"column .* cannot be published: allowed"):
            publish.published(pa.table({name: [1]}), "t.parquet")
    with pytest.raises(TableError, match=r"column 'a' is list.*: allowed are text"):
        publish.published(pa.table({"a": [[1]]}), "t.parquet")
    with pytest.raises(TableError, match="two columns are called class_group"):
        publish.published(pa.table({"group": ["a"], "class_group": ["b"]}), "t.parquet")

    with pytest.raises(TableError, match="column 'ra' holds no degrees"):
        publish.published(pa.table({"ra": ["1"]}), "t.parquet")


def test_three_types_and_no_nan():
    table = pa.table(
        {
            "flag": [True, None],
            "short": pa.array([1, None], pa.int16()),
            "single": pa.array([np.nan, 0.5], pa.float32()),
            "word": pa.array(["a", None], pa.large_string()).dictionary_encode(),
        }
    )
    made = publish.published(table, "t")
    assert [str(t) for t in made.schema.types] == ["int64", "int64", "double", "string"]
    assert made.to_pydict() == {
        "flag": [1, None],
        "short": [1, None],
        "single": [None, 0.5],
        "word": ["a", None],
    }


def sky(ra, dec) -> pa.Table:
    return pa.table({"ra": pa.array(ra, pa.float64()), "dec": pa.array(dec, pa.float64())})


def test_coverage_holds_each_position_and_little_more():
    ra = np.array([0.0, 360.0, 83.82, 12.0, 12.0, 359.99999])
    dec = np.array([0.0, 10.0, -5.39, 90.0, -90.0, 0.0])
    moc = MOC.from_string(publish.coverage(sky(ra, dec)))
    assert moc.contains_lonlat(ra % 360 * u.deg, dec * u.deg).all()
    assert moc.max_order == 7
    assert moc.sky_fraction <= 6 / (12 * 4**7) * (1 + 1e-9)
    assert not moc.contains_lonlat([180.0] * u.deg, [0.0] * u.deg).any()


def test_without_positions_there_is_no_coverage():
    assert publish.coverage(pa.table({"name": ["a"]})) == ""
    assert publish.coverage(sky([None, np.nan, 1.0], [1.0, 1.0, None])) == ""


def test_static_files(catalogue, tmp_path):
    done = publication.publish(
        catalogue, tmp_path, static=True, title="T", creator="Doe, J.", licence="CC0-1.0"
    )
    about = pq.read_schema(tmp_path / "sources.parquet").metadata
    assert [about[k] for k in (b"title", b"creator", b"licence")] == [b"T", b"Doe, J.", b"CC0-1.0"]
    assert about[b"made_by"].startswith(b"xsift ")
    written = {str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*") if p.is_file()}
    assert written == {*done.files, "xsift-files.json"}
    said = json.loads((tmp_path / "dictionary.json").read_text())
    for name, about in said["tables"].items():
        written = pq.read_table(tmp_path / about["file"])
        assert written.column_names == [c["name"] for c in about["columns"]]
        assert [c["n_null"] for c in about["columns"]] == [c.null_count for c in written.columns]
        given_ = pq.read_table(catalogue / f"{name}.parquet")
        assert written.num_rows == about["rows"] == given_.num_rows
        for column in given_.column_names:
            new = {"group": "class_group"}.get(column, column)
            assert written[new].to_pylist() == given_[column].to_pylist()
        top = tmp_path / "hats" / name / name
        lines = (top / "partition_info.csv").read_text().split()
        parts = [tuple(map(int, line.split(","))) for line in lines[1:]]
        rows = sum(
            pq.read_metadata(
                top / f"dataset/Norder={k}/Dir={n // 10_000 * 10_000}/Npix={n}.parquet"
            ).num_rows
            for k, n in parts
        )
        assert rows == given_.num_rows
        properties = dict(
            line.split("=", 1) for line in (top / "hats.properties").read_text().splitlines()[1:-1]
        )
        assert int(properties["hats_nrows"]) == rows


def test_partitions_of_an_earlier_catalogue_go(catalogue, tmp_path):
    name = "hats/sources/sources/dataset/Norder=3/Dir=0/Npix=700.parquet"
    with Staging(tmp_path, kind="static files") as staging:
        staging.path(name).write_bytes(b"old")
    publication.publish(catalogue, tmp_path, static=True)
    assert not (tmp_path / name).exists()


def test_a_partition_of_somebody_else_is_refused(catalogue, tmp_path):
    other = tmp_path / "hats/sources/sources/dataset/Norder=3/Dir=0/Npix=700.parquet"
    other.parent.mkdir(parents=True)
    other.write_bytes(b"mine")
    with pytest.raises(
        OutputError, match=r"Npix=700\.parquet is not xsift's, and the result would"
    ):
        publication.publish(catalogue, tmp_path, static=True)
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == [other]


def test_a_catalogue_without_positions(copy, tmp_path, xsift):
    for name in ("sources", "detections"):
        path = copy / f"{name}.parquet"
        pq.write_table(pq.read_table(path).drop_columns(["ra", "dec"]), path)
    said = xsift("publish", copy, "--out", tmp_path / "out")
    assert said.status == 0
    assert "sources have no positions: no cone search" in said.out
    root = ET.parse(tmp_path / "out" / "q.rd").getroot()
    assert root.find("service") is None
    assert root.find("coverage") is None
    assert root.find("table").get("mixin") is None


@pytest.mark.parametrize("static", [False, True])
def test_a_catalogue_without_sources_or_usable_positions(copy, tmp_path, static):
    path = copy / "sources.parquet"
    pq.write_table(pq.read_table(path).slice(0, 0), path)
    path = copy / "detections.parquet"
    table = pq.read_table(path)
    table = table.set_column(table.schema.get_field_index("dec"), "dec", pa.repeat(200.0, 600))
    pq.write_table(table, path)
    done = publication.publish(copy, tmp_path / "out", static=static)
    assert [len(t.table) for t in done.resource.tables] == [0, 600]
    assert done.resource.coverage == ""
    assert not (tmp_path / "out" / "hats").exists()


@pytest.mark.parametrize(("package", "options"), [("mocpy", []), ("hats", ["--static"])])
def test_without_the_extra_it_says_what_to_install(
    catalogue, tmp_path, xsift, without, package, options
):
    without(package)
    said = xsift("publish", catalogue, "--out", tmp_path, *options)
    assert said.status == 1
    assert said.err.splitlines()[-1] == (
        f"xsift: cannot publish: {package} is not installed; install it with pip install "
        '"xsift[publish]"'
    )
    assert not list(tmp_path.iterdir())


def test_the_command_says_what_to_do_next(catalogue, tmp_path, xsift):
    said = xsift("publish", catalogue, "--out", tmp_path, "--schema", "my_x")
    assert said.status == 0
    assert "600 detections" in said.out
    assert "dachs imp my_x/q" in said.out
    assert "no licence is stated" in said.out
    said = xsift("publish", catalogue, "--out", tmp_path, "--json")
    assert json.loads(said.out)["files"] == ["q.rd", "sources.vot", "detections.vot"]


@pytest.mark.parametrize(
    ("options", "status", "text"),
    [
        (["--schema", "public"], 2, "--schema 'public': allowed are"),
        (["--schema", "A"], 2, "--schema 'A': allowed are"),
        (["--schema", "x;drop"], 2, "--schema 'x;drop': allowed are"),
        (["--schema", "pg_x"], 2, "names in pg_ are PostgreSQL's own"),
        (["--licence", "GPL"], 2, "--licence 'GPL': allowed are CC0-1.0, CC-BY-4.0, CC-BY-SA-4.0"),
    ],
)
def test_a_wrong_option_is_refused_before_writing(
    catalogue, tmp_path, xsift, options, status, text
):
    out = tmp_path / "out"
    said = xsift("publish", catalogue, "--out", out, *options)
    assert (said.status, said.out) == (status, "")
    assert text in said.err
    assert not out.exists()


def _drop(name):
    return lambda folder: (folder / name).unlink()


def _write(name, text):
    return lambda folder: (folder / name).write_text(text)


@pytest.mark.parametrize(
    ("harm", "text"),
    [
        (_drop("run.json"), "run.json: No such file or directory: give a folder that run"),
        (_drop("sources.parquet"), "no sources.parquet here: give a folder that run"),
        (_write("run.json", "["), "run.json: the file: Invalid JSON"),
        (_write("run.json", "{}"), "run.json: command: Field required: write the catalogue anew"),
        (_write("sources.parquet", "PAR1"), "sources.parquet"),
        (_drop("detections.parquet"), "no detections.parquet here: they are published, too."),
    ],
)
def test_a_damaged_catalogue_is_refused(copy, tmp_path, xsift, harm, text):
    harm(copy)
    said = xsift("publish", copy, "--out", tmp_path / "out")
    assert (said.status, said.out) == (1, "")
    assert text in said.err
    assert not (tmp_path / "out").exists()


def test_the_catalogue_itself_is_not_overwritten(copy, xsift):
    before = {p.name: p.read_bytes() for p in copy.iterdir()}
    said = xsift("publish", copy, "--out", copy, "--static")
    assert said.status == 2
    assert "is the catalogue itself: give another folder" in said.err
    assert {p.name: p.read_bytes() for p in copy.iterdir()} == before


def test_what_is_published_says_its_own_survey_features_and_method(
    own_survey, catalogue, calibrated, tmp_path
):
    own = publication.publish(own_survey, tmp_path / "own").resource
    assert own.title == "Classes of X-ray sources in My XMM sources"
    assert own.reference == "Doe et al. 2026"
    assert "from 5 features (hr1, hr2, flux, lf, w1): the detections are clustered" in (
        own.description
    )
    assert "Chandra" not in (tmp_path / "own" / "q.rd").read_text("utf-8")
    paper = publication.publish(catalogue, tmp_path / "paper").resource
    assert "in Chandra Source Catalog 2.0" in paper.description
    said = publication.publish(calibrated, tmp_path / "calibrated").resource.description
    assert "calibrated on held-out sources" in said
    assert "geometric mean" in said  # how its sources are pooled; the published method: the mean
    assert "geometric mean" not in paper.description
    assert "clustered" not in said


def test_without_a_reference_none_is_stated():
    text = publish.resource_descriptor(resource(pa.table({"name": ["a"], "class": ["x"]})))
    assert ET.fromstring(text).find("meta[@name='source']") is None
