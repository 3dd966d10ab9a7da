"""`xsift fetch ...`, and `xsift run` and `classify SURVEY --cone`, as a user calls them."""

import json
import socket
from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from loopback import QUICK, ROWS

from xsift.cli import services
from xsift.errors import MissingPackageError
from xsift.fetch import Client


@pytest.fixture
def quick(monkeypatch, tmp_path):
    """A folder to work in, with a cache of its own; and no long waits."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(
        services, "limits", lambda budget=services.BUDGET: replace(QUICK, budget=budget)
    )
    return tmp_path


CONE = ("--cone", "0 0 2")


def test_csc_and_simbad(xsift, archive, quick):
    said = xsift("fetch", "csc", *CONE, "--url", archive.url, "--out", "new/d.parquet")
    assert said.status == 0, said.err
    n = pq.read_table("new/d.parquet").num_rows
    assert said.out == f"{n} detections from {archive.url}, written to new/d.parquet\n"
    said = xsift("fetch", "simbad", "new/d.parquet", "--url", archive.url, "--out", "new/k.vot")
    assert said.status == 0, said.err
    assert "positions have an object of SIMBAD within 1 arcsec" in said.out
    assert "Chance gives 0.00 %" in said.out
    assert sorted(p.name for p in (quick / "new").iterdir()) == [
        *("d.parquet", "k.otypes.json", "k.vot", "xsift-files.json"),
    ]
    said = xsift(
        *("fetch", "simbad", "new/d.parquet", "--via", "xmatch", "--url", archive.xmatch),
        *("--out", "x.parquet", "--json"),
    )
    assert json.loads(said.out)["service"] == archive.xmatch


def test_json_is_the_header_and_the_warnings(xsift, archive, quick):
    pq.write_table(pa.table({"name": [ROWS["name"][0], "nobody"]}), "names.parquet")
    said = xsift(
        *("fetch", "csc", "--names", "names.parquet", "--url", archive.url),
        *("--out", "d.parquet", "--json", "--release", "2.1"),
    )
    about = json.loads(said.out)
    assert about["warnings"] == [
        "1 of 2 values of name have no detections, such as nobody",
    ]
    assert about["release"] == "2.1"
    header = pq.read_schema("d.parquet").metadata
    said = {k.encode(): v.encode() for k, v in about.items() if k != "warnings"}
    assert said.items() <= header.items()


def test_positions_obsids_and_all(xsift, archive, quick):
    pq.write_table(pa.table({"ra": ROWS["ra"][:6], "dec": ROWS["dec"][:6]}), "places.parquet")
    for words in (("--positions", "places.parquet"), ("--obsid", 100, "--obsid", 101), ("--all",)):
        said = xsift("fetch", "csc", *words, "--url", archive.url, "--out", "d.parquet", "--async")
        assert said.status == 0, said.err
    assert archive.polls > 0


def test_what_has_been_fetched_is_not_fetched_again(xsift, archive, quick):
    words = ("fetch", "csc", *CONE, "--url", archive.url, "--out", "d.parquet")
    xsift(*words)
    n = len(archive.asked)
    xsift(*words)
    assert len(archive.asked) == n
    xsift(*words, "--fresh")
    assert len(archive.asked) == 2 * n
    xsift(*words, "--cache", "elsewhere")
    assert len(archive.asked) == 3 * n


def test_the_query_is_shown_without_a_network(xsift, quick, monkeypatch):
    monkeypatch.setattr(socket.socket, "connect", lambda *a: pytest.fail("the network was used"))
    said = xsift("fetch", "csc", "--show-query")
    assert said.status == 0
    assert said.out.endswith("o.bb_kt IS NOT NULL\n")
    said = xsift("fetch", "csc", "--show-query", "--cone", "0 0 1", "--no-cuts")
    assert said.out.count("SELECT") == 2
    assert "bb_kt IS" not in said.out
    assert list(quick.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("csc", "--out", "x.parquet"), "say which part of the catalogue: --cone, --names"),
        (("csc", *CONE, "--all", "--out", "x.vot"), "--cone and --all: say only one"),
        (("csc", *CONE), "say where to write with --out FILE"),
        (("csc", *CONE, "--out", "x.csv"), "a CSV file cannot say where its rows came from"),
        (("csc", *CONE, "--out", "x"), "give a name that ends in .parquet, .vot, .fits, .xml"),
        (("csc", *CONE, "--release", "1.1"), "known releases are 2.0, 2.1"),
        (("csc", *CONE, "--out", "x.vot", "--url", "file:///x"), "give the address of a service"),
        (("csc", *CONE, "--out", "x.vot", "--url", "http://u:p@x/"), "give the base address alone"),
        (("csc", *CONE, "--out", "x.vot", "--url", "http://x:y/"), "--url http://x:y/: "),
        (("simbad", "t.vot", "--out", "x.vot", "--radius", "0"), "above 0, to 180 arcsec"),
        (("simbad", "t.vot", "--out", "x.vot", "--via", "post"), "allowed are tap and xmatch"),
        (("simbad", "t.vot"), "say where to write"),
    ],
)
def test_a_wrong_command_line_exits_with_2(xsift, quick, words, message):
    said = xsift("fetch", *words)
    assert said.status == 2
    assert message in said.err
    assert list(quick.iterdir()) == []


def test_a_service_at_fault_exits_with_1(xsift, quick):
    said = xsift("fetch", "csc", *CONE, "--out", "x.vot", "--url", "http://127.0.0.1:9/tap")
    assert said.status == 1
    assert said.err.startswith("xsift: http://127.0.0.1:9/tap: the connection is refused")
    assert not (quick / "x.vot").exists()


def test_a_file_of_the_users_is_not_replaced(xsift, archive, quick):
    csc = ("fetch", "csc", *CONE, "--url", archive.url, "--out", "d.parquet")
    (quick / "d.parquet").write_text("mine")
    asked = len(archive.asked)
    said = xsift(*csc)
    assert said.status == 1
    assert "d.parquet is not xsift's, and the result would replace it: move it" in said.err
    (quick / "d.parquet").unlink()
    run = ("run", "csc21", *CONE, "--out", ".", "--url", archive.url, "--simbad-url", archive.url)
    for name in ("detections_input.parquet", "simbad.parquet", "simbad.otypes.json", "run.json"):
        (quick / name).write_text("mine")
        said = xsift(*run)
        assert said.status == 1
        assert f"{name} is not xsift's" in said.err
        assert (quick / name).read_text() == "mine"
        (quick / name).unlink()
    assert len(archive.asked) == asked  # it is seen before anything is fetched
    assert xsift(*csc).status == 0
    simbad = ("fetch", "simbad", "d.parquet", "--url", archive.url, "--out")
    said = xsift(*simbad, "./d.parquet")
    assert "d.parquet is an input of this command" in said.err
    said = xsift(*simbad, "k.vot", "--snapshot", "k.vot")
    assert (said.status, "--snapshot k.vot is --out" in said.err) == (2, True)
    (quick / "k.otypes.json").write_text("mine")
    assert "k.otypes.json is not xsift's" in xsift(*simbad, "k.vot").err
    assert (quick / "k.otypes.json").read_text() == "mine"
    for out in ("s.vot", "t.vot", "t.vot"):  # the snapshot is made beside them, then used
        said = xsift(*simbad, out, "--snapshot", "snapshot.parquet")
        assert said.status == 0, said.err


@pytest.mark.parametrize("name", ["orion:deep", "C# half%41? [b] ä"])
def test_names_are_no_addresses(xsift, archive, quick, name):
    (quick / name).mkdir()
    csc = ("fetch", "csc", *CONE, "--url", archive.url, "--cache", f"{name}/cache")
    simbad = ("fetch", "simbad", f"{name}/{name}.parquet", "--url", archive.url)
    for words in (
        (*csc, "--out", f"{name}/{name}.parquet"),
        (*csc, "--out", f"{name}/{name}.fits"),
        (*simbad, "--out", f"{name}/{name}.vot", "--snapshot", f"{name}/snapshot {name}.parquet"),
        (*simbad, "--out", f"{name}/{name}.vot", "--snapshot", f"{name}/snapshot {name}.parquet"),
    ):
        said = xsift(*words)
        assert said.status == 0, (words, said.err)
    there = {p.name for p in quick.iterdir() if not p.stem.isdecimal()}  # the archive's own
    assert there <= {name, "cache"}


def test_a_run_whose_archive_is_away_leaves_no_catalogue(xsift, archive, quick):
    words = ("run", "csc21", *CONE, "--out", "out")
    said = xsift(*words, "--url", "http://127.0.0.1:9/tap", "--simbad-url", archive.url)
    assert said.status == 1
    assert said.err.splitlines()[-1].startswith("xsift: http://127.0.0.1:9/tap: the connection is")
    assert not (quick / "out").exists()
    said = xsift(*words, "--url", archive.url, "--simbad-url", "http://127.0.0.1:9/tap")
    assert said.status == 1
    assert sorted(f.name for f in (quick / "out").iterdir()) == [
        *("detections_input.parquet", "xsift-files.json"),
    ]


def test_bad_tables_are_told(xsift, quick):
    pq.write_table(pa.table({"names": ["a"], "ra": [1.0]}), "t.parquet")
    said = xsift("fetch", "csc", "--names", "t.parquet", "--out", "x.vot")
    assert (said.status, "missing column name" in said.err) == (1, True)
    said = xsift("fetch", "simbad", "t.parquet", "--out", "x.vot")
    assert (said.status, "missing column dec" in said.err) == (1, True)


@pytest.fixture
def labelled(archive):
    """The archive, with an object of one of three classes at each source."""
    ra, dec = ROWS["ra"][::2], ROWS["dec"][::2]
    archive.objects = {
        "main_id": [f"obj {i}" for i in range(len(ra))],
        "ra": ra,
        "dec": dec,
        "otype": [("QSO", "HXB", "Y*O", "X")[i % 4] for i in range(len(ra))],
    }
    return archive


def test_from_the_archive_to_the_catalogue(xsift, labelled, quick):
    words = ("run", "csc21", "--cone", "84 -5 90", "--url", labelled.url)
    words += ("--simbad-url", labelled.url, "--method", "paper", "--clusters", 1, "--out", "out")
    said = xsift(*words)
    assert said.status == 0, said.err
    steps = ["fetching detections of Chandra Source Catalog 2.1", "detections fetched"]
    steps += ["asking SIMBAD", "objects of SIMBAD fetched", "reading", "matching known", "scoring"]
    places = [said.err.index(step) for step in steps]
    assert places == sorted(places)
    names = {p.name for p in (quick / "out").iterdir()}
    assert {"detections_input.parquet", "simbad.parquet", "sources.vot", "run.json"} <= names
    record = json.loads((quick / "out" / "run.json").read_text())
    assert record["settings"]["survey"] == "csc21"
    assert record["counts"]["trained"] > 60
    n = len(labelled.asked)
    assert xsift(*words).status == 0
    assert len(labelled.asked) == n
    labels = quick / "own.parquet"
    own = [("QSO", "AGN")[i // 2 % 2] for i in range(len(ROWS["ra"]))]
    pq.write_table(pa.table({"ra": ROWS["ra"], "dec": ROWS["dec"], "label": own}), labels)
    assert xsift(*words, "--labels", labels).status == 0
    record = json.loads((quick / "out" / "run.json").read_text())
    assert set(record["labels"]) == {"QSO", "AGN"}


def test_from_the_archive_to_classes_of_a_packaged_model(xsift, archive, quick):
    words = ("classify", "csc21", "--cone", "84 -5 90", "--url", archive.url, "--out", "out")
    said = xsift(*words)
    assert said.status == 0, said.err
    steps = ["fetching detections of Chandra Source Catalog 2.1", "detections fetched", "scoring"]
    places = [said.err.index(step) for step in steps]
    assert places == sorted(places)
    assert "SIMBAD" not in said.err
    names = {p.name for p in (quick / "out").iterdir()}
    assert {"detections_input.parquet", "sources.vot", "run.json"} <= names
    assert "simbad.parquet" not in names
    record = json.loads((quick / "out" / "run.json").read_text())
    assert record["model_choice"].startswith("packaged model csc21")
    n = len(archive.asked)
    assert xsift(*words).status == 0
    assert len(archive.asked) == n
    assert xsift(*words, "--fresh").status == 0
    assert len(archive.asked) == 2 * n
    by_name = xsift(*words, "--model", "csc20")  # a model of another release, by its name
    assert by_name.status == 0, by_name.err
    assert "model csc20, as asked for" in by_name.out


def test_a_survey_without_a_packaged_model_is_refused_before_it_is_asked(xsift, archive, quick):
    said = xsift("classify", "erass1", *CONE, "--url", archive.url, "--out", "out")
    assert said.status == 1
    assert "no packaged model is for survey erass1" in said.err
    assert not archive.asked
    assert not (quick / "out").exists()


@pytest.mark.parametrize("command", ["run", "classify"])
def test_what_a_command_says_about_surveys(xsift, quick, command):
    said = xsift(command, "csc21", "--out", "o")
    assert (said.status, "csc21 is a survey: say which part with --cone" in said.err) == (2, True)
    said = xsift(command, "t.vot", *CONE, "--out", "o")
    assert said.status == 2
    assert (
        "--cone: TABLE is then a survey, one of 2sxps, 4xmm, csc20, csc21, erass1; not t.vot"
        in said.err
    )


def test_a_file_called_like_a_survey_is_a_file(xsift, quick, small_table):
    pq.write_table(small_table, "csc20")
    said = xsift("run", "csc20", "--label-column", "label", "--out", "o")
    assert said.status == 0, said.err


def test_without_requests_it_says_what_to_install(without):
    without("requests")
    with pytest.raises(MissingPackageError, match=r'^cannot fetch: requests .*"xsift\[fetch\]"$'):
        Client("http://127.0.0.1/x")


def test_nothing_of_the_network_is_imported_early(run_python):
    loaded = run_python("import sys, xsift.cli.app, xsift.cli.fetch; print(*sys.modules)").split()
    assert not {"requests", "urllib3", "pyarrow", "numpy"} & set(loaded)


def test_positions_west_of_zero_are_asked_about_and_those_without_are_counted(
    xsift, archive, quick, tmp_path
):
    place = tmp_path / "places.csv"
    west = [x - 360 for x in ROWS["ra"][:6]]
    rows = [f"{x},{y}" for x, y in zip(west, ROWS["dec"][:6], strict=True)]
    place.write_text("ra,dec\n" + "\n".join([*rows, ",5", "10,95"]) + "\n")
    words = ("fetch", "csc", "--positions", place)
    said = xsift(*words, "--url", archive.url, "--out", "d.parquet", "--json")
    assert said.status == 0, said.err
    about = json.loads(said.out)
    assert "ra: 6 of 8 values are taken modulo 360" in about["warnings"][0]
    assert about["warnings"][1].startswith(f"{place}: rows not asked about: 1 without a position")
    straight = tmp_path / "straight.csv"
    rows = [f"{x},{y}" for x, y in zip(ROWS["ra"][:6], ROWS["dec"][:6], strict=True)]
    straight.write_text("ra,dec\n" + "\n".join(rows) + "\n")
    words = ("fetch", "csc", "--positions", straight)
    assert xsift(*words, "--url", archive.url, "--out", "s.parquet").status == 0
    found, wanted = (pq.read_table(f"{name}.parquet") for name in "ds")
    assert found.num_rows == wanted.num_rows > 0
    shown = xsift("fetch", "csc", "--positions", place, "--show-query")
    assert shown.status == 0
    assert "xsift: " in shown.err
    assert "taken modulo 360" in shown.err


@pytest.mark.parametrize(("given", "same"), [("-10 0 1", "350 0 1"), ("370 0 1", "10 0 1")])
def test_a_cone_may_lie_west_of_zero(xsift, given, same):
    one, other = (xsift("fetch", "csc", "--show-query", "--cone", cone) for cone in (given, same))
    assert (one.status, one.out) == (0, other.out)


@pytest.mark.parametrize("cone", ["-361 0 1", "721 0 1", "nan 0 1", "0 91 1", "0 nan 1", "0 0 inf"])
def test_an_impossible_cone_is_refused(xsift, cone):
    said = xsift("fetch", "csc", "--show-query", "--cone", cone)
    assert said.status == 2
    assert f'--cone "{cone}": allowed are RA -360 to 720 (modulo 360), Dec -90 to 90' in said.err
