"""The commands do what they say, on a small table."""

import json
import re
import subprocess

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from xsift import __version__
from xsift.settings import Settings


@pytest.fixture(scope="module")
def catalogue(files):
    from xsift import run

    result = run(
        files / "table.parquet", files / "known.parquet", Settings(method="paper", clusters=2)
    )
    result.write(files / "catalogue")
    return files / "catalogue"


def test_version(xsift):
    assert xsift("--version").out.strip() == f"xsift {__version__}"


def test_commands_are_listed_in_the_order_of_the_data(xsift):
    text = xsift("--help").out
    places = [text.index(f"\n  {c} ") for c in ("demo", "run", "classify", "vote", "show")]
    assert places == sorted(places)


def test_run_writes_the_catalogue(xsift, files, tmp_path):
    said = xsift(
        *("run", files / "table.parquet", "--labels", files / "known.parquet"),
        *("--method", "paper", "--clusters", 2, "--format", "csv"),
        *("--out", tmp_path / "new" / "out"),
    )
    assert said.status == 0
    written = sorted(p.name for p in (tmp_path / "new" / "out").iterdir())
    assert written == [
        *("detections.csv", "detections.parquet", "model.asdf", "run.json"),
        *("sources.csv", "sources.parquet", "xsift-files.json"),
    ]
    record = json.loads((tmp_path / "new" / "out" / "run.json").read_text())
    assert record["settings"]["clusters"] == 2
    assert record["counts"]["detections"] == 600
    assert "detections read" in said.out
    assert "reading" in said.err


def test_no_two_parts_of_a_votable_share_an_id(catalogue):
    for name in ("detections.vot", "sources.vot"):
        ids = re.findall(r'\bID="([^"]*)"', (catalogue / name).read_text())
        assert ids
        assert len(set(ids)) == len(ids)


@pytest.mark.stilts
def test_votlint_finds_nothing_in_a_catalogue(catalogue, stilts):
    for name in ("detections.vot", "sources.vot"):
        lint = ["stilts", "votlint", catalogue / name]
        said = subprocess.run(lint, capture_output=True, text=True, check=False)
        assert said.stdout + said.stderr == ""


def test_json_is_the_record_and_nothing_else(xsift, files, tmp_path):
    said = xsift(
        *(
            "run",
            files / "labelled.parquet",
            "--label-column",
            "label",
            "--clusters",
            2,
            "--method",
            "paper",
        ),
        *("--out", tmp_path, "--json"),
    )
    assert json.loads(said.out) == json.loads((tmp_path / "run.json").read_text())


def test_a_label_column_and_a_labels_file_train_the_same(xsift, files, tmp_path, catalogue):
    # A label in the file serves every detection of its source; write them out by detection.
    label = pq.read_table(catalogue / "detections.parquet")["label"]
    table = pq.read_table(files / "table.parquet").append_column("label", label)
    pq.write_table(table, tmp_path / "t.parquet")
    xsift(
        *(
            "run",
            tmp_path / "t.parquet",
            "--label-column",
            "label",
            "--clusters",
            2,
            "--method",
            "paper",
        ),
        *("--out", tmp_path),
    )
    a, b = (pq.read_table(f / "sources.parquet") for f in (tmp_path, catalogue))
    assert a.equals(b)


def test_classify_with_the_trained_model(xsift, files, tmp_path, catalogue):
    said = xsift(
        *("classify", files / "table.parquet", "--model", catalogue / "model.asdf"),
        *("--out", tmp_path),
    )
    assert said.status == 0
    ours, theirs = (pq.read_table(f / "detections.parquet") for f in (tmp_path, catalogue))
    for column in ("p_qso", "cluster", "typicality", "model_id", "class", "role"):
        assert ours[column].equals(theirs[column])
    assert set(ours["role"].to_pylist()) == {"scored", "trained"}  # it knows what trained it


def test_classify_says_which_model_and_why(xsift, files, tmp_path):
    said = xsift("classify", files / "table.parquet", "--out", tmp_path)
    assert "600 of 600 detections have all of its features" in said.out
    eleven = pq.read_table(files / "table.parquet").drop_columns(["var_newq_b"])
    pq.write_table(eleven, tmp_path / "eleven.parquet")
    said = xsift("classify", tmp_path / "eleven.parquet", "--out", tmp_path)
    assert (
        "packaged model csc21 (trained on the Chandra Source Catalog 2.1): 600 of 600" in said.out
    )


def test_one_detection_is_enough_to_classify_and_to_vote(xsift, files, tmp_path):
    pq.write_table(pq.read_table(files / "table.parquet").slice(5, 1), tmp_path / "one.parquet")
    assert xsift("classify", tmp_path / "one.parquet", "--out", tmp_path / "c").status == 0
    said = xsift("vote", tmp_path / "c" / "detections.parquet", "--out", tmp_path / "v")
    assert said.status == 0
    a, b = (pq.read_table(tmp_path / f / "sources.parquet") for f in ("c", "v"))
    assert a["class"].equals(b["class"])
    assert a["p_qso"].equals(b["p_qso"])


def test_vote_reads_classes_as_column_names(xsift, tmp_path):
    table = pa.table({"name": ["a", "a"], "QSO": [0.2, 0.4], "Seyfert_1": [0.8, 0.6]})
    pq.write_table(table, tmp_path / "t.parquet")
    assert xsift("vote", tmp_path / "t.parquet", "--out", tmp_path).status == 0
    (row,) = pq.read_table(tmp_path / "sources.parquet").to_pylist()
    assert (row["class"], row["group"], row["n_detections"]) == ("Sy1", "Seyfert", 2)
    assert row["p_seyfert_1"] == pytest.approx(0.7)
    assert row["p_qso_std"] == pytest.approx(0.1)
    assert "p_none" not in row


def test_vote_replaces_no_catalogue(xsift, catalogue):
    before = (catalogue / "sources.parquet").read_bytes()
    said = xsift("vote", catalogue / "detections.parquet", "--out", catalogue)
    assert said.status == 1
    assert "holds a catalogue, whose sources this would replace" in said.err
    assert (catalogue / "sources.parquet").read_bytes() == before


def test_files_of_an_earlier_format_go(xsift, files, tmp_path):
    for form in ("csv", "fits"):
        assert xsift("classify", files / "table.parquet", "--out", tmp_path, "--format", form)
    assert not (tmp_path / "detections.csv").exists()
    assert (tmp_path / "detections.fits").exists()


def test_the_models_own_table_is_recognised(xsift, files, tmp_path, catalogue):
    model = catalogue / "model.asdf"
    said = xsift("classify", files / "table.parquet", "--model", model, "--out", tmp_path)
    assert re.search(r"in-sample: \d+ of 600 detections trained the\s+model", said.out)


def test_vote_on_our_own_catalogue_gives_our_own_sources(xsift, tmp_path, catalogue):
    assert xsift("vote", catalogue / "detections.parquet", "--out", tmp_path).status == 0
    ours, again = (pq.read_table(f / "sources.parquet") for f in (catalogue, tmp_path))
    for column in ("name", "class_hard", "class_soft", "p_agn", "p_agn_std"):
        assert ours[column].equals(again[column])


def test_show(xsift, catalogue):
    sources = pq.read_table(catalogue / "sources.parquet").to_pylist()
    name = sources[0]["name"]
    said = xsift("show", name.removeprefix("2CXO ").lower(), "--catalogue", catalogue)
    assert said.status == 0
    assert name in said.out
    assert sources[0]["class"] in said.out
    card = json.loads(xsift("show", name, "--catalogue", catalogue, "--json").out)
    assert card["source"]["class"] == sources[0]["class"]
    first = card["detections"][0]
    assert min(first["squared_distances"], key=first["squared_distances"].get) == first["class"]


def test_show_suggests_the_nearest_name(xsift, catalogue):
    said = xsift("show", "2CXO J000001.0+00000", "--catalogue", catalogue)
    assert said.status == 1
    assert "did you mean 2CXO J000001.0+000000?" in said.err


@pytest.mark.parametrize(
    ("asked", "meant"),
    [
        ("2CXO J000007.4+000059", "2CXO J000007.0+000000"),
        ("J000007.2+000000", "2CXO J000007.0+000000"),
        ("2CXO J000007.4+000201", None),  # two minutes of arc away: another place of the sky
        ("2CXO J120007.0+000000", None),  # one letter beside
        ("2CXO J000007.0+0000", "2CXO J000007.0+000000"),  # no position: the nearest in spelling
        ("nothing like it", None),
        ("CXO J0000", None),  # several names contain it
        ("j 0000 07.0", "2CXO J000007.0+000000"),  # one name contains it
    ],
)
def test_show_suggests_only_what_may_be_meant(xsift, catalogue, asked, meant):
    said = xsift("show", asked, "--catalogue", catalogue)
    assert said.status == 1
    hint = f": did you mean {meant}?" if meant else ""
    assert said.err.splitlines()[-1].endswith(f"no source {asked} among 300{hint}")


def test_own_classes(xsift, files, tmp_path):
    path = tmp_path / "classes.toml"
    rows = (("QSO", "extragalactic"), ("AGN", "extragalactic"), ("YSO", "star"))
    text = "\n".join(f'[[class]]\ncode = "{c}"\ngroup = "{g}"' for c, g in rows)
    path.write_text(text + '\ncolumn = "p_young"')
    said = xsift(
        *(
            "run",
            files / "labelled.parquet",
            "--label-column",
            "label",
            "--clusters",
            2,
            "--method",
            "paper",
        ),
        *("--classes", path, "--out", tmp_path),
    )
    assert said.status == 0
    table = pq.read_table(tmp_path / "detections.parquet")
    assert [c for c in table.column_names if c.startswith("p_")] == [
        *("p_qso", "p_agn", "p_young", "p_none"),
    ]
    assert set(table["group"].drop_null().to_pylist()) <= {"extragalactic", "star"}
    assert "HXB" in json.loads((tmp_path / "run.json").read_text())["set_aside"]
    detections = tmp_path / "detections.parquet"
    said = xsift("vote", detections, "--out", tmp_path / "v")
    assert said.status == 1
    assert "p_young belong to no class that xsift knows: name the classes" in said.err
    said = xsift("vote", detections, "--classes", path, "--out", tmp_path / "v")
    assert said.status == 0
    ours, again = (pq.read_table(f / "sources.parquet") for f in (tmp_path, tmp_path / "v"))
    assert ours["class"].equals(again["class"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("run", "t.vot", "--out", "x"), "give --labels FILE or --label-column COL"),
        (("run", "t.vot", "--out", "x", "--labels", "k", "--clusters", "0"), "allowed is 1 to"),
        (
            ("run", "t.vot", "--out", "x", "--labels", "k", "--method", "best"),
            "allowed are paper, calib",
        ),
        (
            ("run", "t.vot", "--out", "x", "--labels", "k", "--closing", "half"),
            "auto, keep or remove",
        ),
        (
            ("run", "t.vot", "--out", "x", "--labels", "k", "--missing", "half"),
            "auto, keep or remove",
        ),
        (
            ("run", "t.vot", "--out", "x", "--labels", "k", "--clusters", "8"),
            "--clusters 8 does nothing with --method calibrated: leave it out",
        ),
        (
            ("run", "t.vot", "--out", "x", "--labels", "k", "--survey", "xmm"),
            "no such survey (did you mean 4xmm?)",
        ),
        (
            ("run", "t.vot", "--out", "x", "--labels", "k", "--features", "f"),
            "has the sets all, without-newq",
        ),
        (("run", "t.vot", "--out", "x", "--labels", "k", "--format", "xls"), "allowed are parquet"),
        (("run", "t.vot", "--out", "x", "--labels", "k", "--radius", "0"), "above 0"),
        (("run", "t.vot"), "--out"),
        (("sort", "t.vot"), "sort"),
    ],
)
def test_a_wrong_command_line_exits_with_2(xsift, arguments, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    said = xsift(*arguments)
    assert said.status == 2
    assert message in said.err
    assert "Traceback" not in said.err


@pytest.mark.usefixtures("fits_once")
def test_demo(xsift, tmp_path):
    said = xsift("demo", "--out", tmp_path, "--sources", 1500)
    assert said.status == 0
    names = {p.name for p in tmp_path.iterdir()}
    assert {"detections.parquet", "sources.parquet", "model.asdf", "run.json"} <= names
    for figure in ("sky.png", "hardness.png", "variability.png", "confusion.png"):
        assert (tmp_path / figure).read_bytes().startswith(b"\x89PNG")
    recovery = json.loads((tmp_path / "run.json").read_text())["recovery"]
    # Four groups by chance would be 0.25; the published method reaches about 0.6 on real sources.
    assert 0.45 < recovery["balanced_accuracy"] < 0.8
    assert "Recovery of the simulated truth" in said.out
    again = xsift(
        *("run", tmp_path / "simulated_survey.vot", "--features", "all"),
        *("--labels", tmp_path / "simulated_known.csv", "--out", tmp_path / "again"),
    )
    assert again.status == 0
    a, b = (pq.read_table(f / "sources.parquet") for f in (tmp_path, tmp_path / "again"))
    assert a.equals(b)
