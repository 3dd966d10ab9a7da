"""Whatever is wrong with the data: one clear line, status 1, nothing lost, no traceback."""

import errno
import gzip
import json
import os
import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy.io import fits

from xsift.model.file import load_model_tree, save_model_tree
from xsift.write import Staging


@pytest.fixture(scope="module")
def catalogue(files):
    from xsift import Settings, run

    result = run(
        files / "labelled.parquet", None, Settings(method="paper", clusters=2, label_column="label")
    )
    result.write(files / "catalogue")
    return files / "catalogue"


@pytest.fixture
def refused(xsift, tmp_path):
    """Call a command that must fail with one line; return the line. The old results stay."""

    def call(*arguments, status=1, out=True):
        folder = tmp_path / "results"
        with Staging(folder, kind="catalogue") as staging:
            staging.path("sources.parquet").write_text("old")
        before = {p.name: p.read_bytes() for p in folder.iterdir()}
        said = xsift(*arguments, *(("--out", folder) if out else ()))
        assert said.status == status, said
        line = said.err.splitlines()[-1]
        assert line.startswith("xsift: ")
        assert said.err.count("xsift: ") == 1
        assert "Traceback" not in said.err + said.out
        assert line.isprintable()
        assert said.out == ""
        assert {p.name: p.read_bytes() for p in folder.iterdir()} == before
        return line.removeprefix("xsift: ")

    return call


@pytest.fixture
def saved(tmp_path):
    """Write a table or bytes into a file."""

    def write(what, name="t.parquet"):
        path = tmp_path / name
        if isinstance(what, pa.Table):
            pq.write_table(what, path)
        else:
            path.write_bytes(what)
        return path

    return write


def with_column(table, name, values):
    return table.set_column(table.column_names.index(name), name, pa.array(values))


LABELLED = ("--label-column", "label", "--method", "paper", "--clusters", 2)


def test_missing_columns_with_the_nearest(refused, saved, small_table):
    names = ["hard-hm" if n == "hard_hm" else n for n in small_table.column_names]
    path = saved(small_table.rename_columns(names))
    assert refused("run", path, *LABELLED).endswith(
        "t.parquet: missing column hard_hm (did you mean hard-hm?). If so, give "
        "--column hard_hm=hard-hm"
    )
    said = refused("classify", path, "--model", "csc20-paper")
    assert "missing column hard_hm (did you mean hard-hm?). If so" in said


def test_one_message_names_the_source_column_and_the_features(refused, saved, small_table):
    own = {"name": "Source", "hard_hm": "Hard hm", "hard_hs": "Hard_x_hs", "bb_kt": "kT"}
    own |= {"powlaw_gamma": "Gamma"}
    path = saved(small_table.rename_columns([own.get(n, n) for n in small_table.column_names]))
    give = (
        "If so, give --column 'hard_hm=Hard hm' --column hard_hs=Hard_x_hs; nothing like "
        "powlaw_gamma, bb_kt was found: name them yourself with --column NAME=YOURS"
    )
    for command in (("classify",), ("run", *LABELLED)):
        said = refused(command[0], path, *command[1:])
        assert said.endswith(f"{give}. Name the column of source names with --source-column")
    said = refused("run", path, *LABELLED, "--source-column", "Source")
    assert said.endswith(give)
    unlike = small_table.rename_columns(
        ["Source" if n == "name" else "kT" if n == "bb_kt" else n for n in small_table.column_names]
    )
    assert refused("classify", saved(unlike), "--model", "csc20").endswith(
        "Name the column of source names with --source-column; nothing like bb_kt was found: name "
        "it yourself with --column NAME=YOURS"
    )


def test_a_column_is_suggested_once(refused, saved, small_table):
    table = small_table.drop_columns(["hard_hm", "hard_ms"])
    names = ["hard_h" if n == "hard_hs" else n for n in table.column_names]
    said = refused("run", saved(table.rename_columns(names)), *LABELLED)
    assert said.endswith(
        "If so, give --column hard_hm=hard_h; nothing like hard_hs, hard_ms was found: name them "
        "yourself with --column NAME=YOURS"
    )


def test_unknown_columns_of_the_command_line(refused, files):
    path = files / "labelled.parquet"
    said = refused("run", path, "--label-column", "labell")
    assert said.endswith("missing column labell (did you mean label?)")
    said = refused("run", path, *LABELLED, "--source-column", "names")
    assert "missing column names (did you mean name?). Name the column" in said
    said = refused("vote", path)
    assert "labelled.parquet: missing column p_qso or QSO" in said


def test_wrong_units(refused, saved, small_table):
    field = pa.field("bb_kt", pa.float64(), metadata={"unit": "K"})
    at = small_table.column_names.index("bb_kt")
    said = refused("run", saved(small_table.set_column(at, field, small_table["bb_kt"])), *LABELLED)
    assert said.endswith("t.parquet: column bb_kt is in 'K', which does not convert to keV")


def test_a_column_that_is_wholly_wrong(refused, saved, small_table):
    table = with_column(small_table, "bb_kt", [-1.0] * 600)
    said = refused("run", saved(table), *LABELLED)
    assert "bb_kt: 600 of 600 values are not above 0, to 1000 keV (row 1: -1): another unit" in said


@pytest.mark.parametrize("command", [("run", *LABELLED), ("classify",)])
def test_an_empty_table(refused, saved, small_table, command):
    path = saved(small_table.slice(0, 0))
    assert refused(command[0], path, *command[1:]).endswith("t.parquet: the table has no rows")


def test_too_little_to_train_on(refused, saved, small_table):
    one = saved(with_column(small_table.slice(0, 1), "label", ["QSO"]))
    assert "two classes are needed at least" in refused("run", one, *LABELLED)
    one_class = with_column(small_table, "label", ["QSO"] * 600)
    said = refused("run", saved(one_class), *LABELLED)
    assert said.startswith("600 detections of one class with all features")
    none = with_column(small_table, "label", pa.nulls(600, pa.string()))
    assert "column label: no type is one of the classes" in refused("run", saved(none), *LABELLED)


def test_no_detection_is_complete(refused, saved, small_table):
    path = saved(with_column(small_table, "hard_hm", pa.nulls(600, pa.float64())))
    said = refused("run", path, *LABELLED)
    assert "t.parquet: no detection has a value of hard_hm, and --method paper takes" in said
    assert "no detection has a value of hard_hm, and a scan takes only" in refused("scan", path)
    apart = with_column(small_table, "hard_hm", [0.1 if i % 2 else None for i in range(600)])
    apart = with_column(apart, "bb_kt", [None if i % 2 else 0.1 for i in range(600)])
    said = refused("run", saved(apart), *LABELLED)
    assert "no detection has all of hard_hm, hard_hs" in said
    assert "leave it out (the calibrated method takes incomplete detections)" in said


def test_more_clusters_than_detections(refused, saved, small_table):
    path = saved(small_table.slice(0, 40))
    said = refused("run", path, "--label-column", "label", "--method", "paper", "--clusters", 50)
    assert said.startswith("40 complete detections are too few for 50 clusters")


def test_labels_that_match_nothing(refused, saved, files):
    far = saved(pa.table({"ra": [200.0], "dec": [80.0], "label": ["QSO"]}), "known.parquet")
    said = refused("run", files / "table.parquet", "--labels", far)
    assert "none of 1 known objects matches a detection: the nearest pair is" in said
    nameless = saved(pa.table({"ident": ["a"], "label": ["QSO"]}), "known.parquet")
    said = refused("run", files / "table.parquet", "--labels", nameless)
    assert "known.parquet: missing columns ra, dec. Or give a name column" in said
    untyped = saved(pa.table({"name": ["a"], "lable": ["QSO"]}), "known.parquet")
    said = refused("run", files / "table.parquet", "--labels", untyped)
    assert "did you mean lable?). Name the column of types with --label-column" in said
    empty = saved(
        pa.table({"name": pa.nulls(0, pa.string()), "label": pa.nulls(0)}), "known.parquet"
    )
    assert refused("run", files / "table.parquet", "--labels", empty).endswith("has no rows")


IMAGE = fits.HDUList([fits.PrimaryHDU(np.zeros((2, 2)))])
LOL = b'<?xml version="1.0"?><!DOCTYPE VOTABLE [<!ENTITY a "b">]><VOTABLE>&a;</VOTABLE>'


def image(tmp_path):
    IMAGE.writeto(tmp_path / "image.fits")
    return (tmp_path / "image.fits").read_bytes()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (LOL, "the VOTable declares entities: refused as unsafe"),
        (b"<VOTABLE><RESOURCE><TABLE>", "not a whole VOTable"),
        (image, "the FITS file holds no table, only images"),
        ("name,ra\né,1\n".encode("latin-1"), "line 2 is not UTF-8 text: save the file as UTF-8"),
        ("name,ra\n".encode("utf-16"), "UTF-16 text: save the file as UTF-8"),
        (
            gzip.compress(b"name,ra\na,1\n" * 99, mtime=0)[:-20],
            "the gzip file is damaged or cut off",
        ),
        (b"", "the file is empty"),
        (b"PAR1garbage", "not a whole Parquet file"),
    ],
)
@pytest.mark.parametrize("command", ["run", "classify", "vote", "labels"])
def test_files_that_are_no_tables(refused, saved, files, tmp_path, content, said, command):
    path = saved(content(tmp_path) if callable(content) else content, "bad.table")
    (tmp_path / "image.fits").unlink(missing_ok=True)
    if command == "labels":
        line = refused("run", files / "table.parquet", "--labels", path)
    else:
        line = refused(command, path, *(LABELLED if command == "run" else ()))
    assert re.search(rf"bad\.table: .*{said}", line)


def test_a_directory_where_a_file_is_expected(refused, files, tmp_path):
    table, nothing = files / "table.parquet", tmp_path / "nothing"
    nothing.mkdir()
    for command in (("run", nothing, *LABELLED), ("classify", nothing), ("vote", nothing)):
        said = refused(*command)
        assert said.endswith("no Parquet files here: give a table file, or a folder of such")
    said = "are no parts of one table: labelled.parquet has a column obsid, and known.parquet has"
    assert said in refused("run", files, *LABELLED)
    assert said in refused("run", table, "--labels", files)
    assert "is a directory: give a model file" in refused("classify", table, "--model", files)
    assert "no such file" in refused("classify", table, "--model", files / "none.asdf")
    assert "No such file" in refused("run", files / "none.parquet", *LABELLED)


@pytest.mark.parametrize(
    "toml",
    [
        "",
        "[class]\ncode = 'QSO'\ngroup = 'AGN'\n",
        "[[class]]\ncode = 'QSO'\n",
        "[[class]]\ncode = 5\ngroup = 'AGN'\n",
        "[[class]]\ncode = ''\ngroup = 'AGN'\n",
        "class = 5",
        "class = [1]",
        "class = ['ab']",
        "not toml",
        "x = " + "[" * 100_000,
        b"\xff",
        "[[class]]\ncode = 'a'\ngroup = 'g'\n[[class]]\ncode = 'a'\ngroup = 'g'\n",
        "ambiguous = 5\n[[class]]\ncode = 'a'\ngroup = 'g'\n",
        "[[class]]\ncode = '***'\ngroup = 'g'\n",
        "[[class]]\ncode = 'none'\ngroup = 'g'\n",
    ],
)
def test_lists_of_classes_that_are_none(refused, saved, files, toml):
    path = saved(toml if isinstance(toml, bytes) else toml.encode(), "classes.toml")
    line = refused("run", files / "labelled.parquet", *LABELLED, "--classes", path)
    assert re.search(r"classes\.toml: not a (readable )?list of classes: ", line)


def rewritten(path, target, **changes):
    save_model_tree(load_model_tree(path).model_copy(update=changes), target)
    return target


def test_models_of_other_tables(refused, files, catalogue, tmp_path):
    table, model = files / "table.parquet", catalogue / "model.asdf"
    said = refused("classify", table, "--model", model, "--survey", "csc21")
    assert said.endswith("model.asdf: trained for --survey csc20, not csc21: give another --model")
    said = refused("classify", table, "--model", model, "--features", "without-newq")
    assert "trained for --features all, not without-newq" in said
    other = rewritten(model, tmp_path / "m.asdf", survey="xmm")
    said = refused("classify", table, "--model", other)
    assert "m.asdf: trained for survey 'xmm', which this xsift knows not" in said
    other = rewritten(model, tmp_path / "m.asdf", feature_set="evil")
    assert "m.asdf: " in refused("classify", table, "--model", other)
    features = [f"f{i}" for i in range(12)]
    other = rewritten(model, tmp_path / "m.asdf", features=features)
    assert "its features are not the set all" in refused("classify", table, "--model", other)


def test_models_that_are_none(refused, saved, files):
    table = files / "table.parquet"
    said = refused("classify", table, "--model", saved(b"\x80\x04.", "m.asdf"))
    assert said.endswith("m.asdf: not an xsift model (an ASDF file is wanted)")
    said = refused("classify", table, "--model", table)
    assert said.endswith("not an xsift model (an ASDF file is wanted)")


def test_output_that_cannot_be_written(xsift, saved, files, tmp_path):
    path = saved(b"x", "file")
    for out in (path, path / "below", tmp_path / ("x" * 300)):
        said = xsift("classify", files / "table.parquet", "--out", out)
        assert (said.status, said.out) == (1, "")
        assert re.fullmatch(r"xsift: --out .*(is a file|cannot be written).*\n", said.err)
    assert path.read_bytes() == b"x"


@pytest.mark.parametrize("form", ["parquet", "votable", "fits", "csv"])
def test_a_disk_that_fills(refused, files, monkeypatch, form):
    import xsift.write.tables

    writers = {"parquet": "_write_parquet", "votable": "_write_votable"}
    writers |= {"fits": "_write_fits", "csv": "_write_csv"}

    def full(table, path, about):
        path.write_text("half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(xsift.write.tables, writers[form], full)
    said = refused("classify", files / "table.parquet", "--format", form)
    assert said.endswith("cannot be written: No space left on device; what was there is unchanged")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--clusters", 0), "--clusters 0: allowed is 1 to 1000"),
        (("--radius", "nan"), "--radius nan: allowed is above 0"),
        (("--seed", -1), "--seed -1"),
        (
            ("--method", "paper", "--min-members", 2**64),
            "--min-members 18446744073709551616: allowed is 2 to 2147483648",
        ),
        (
            ("--features", "csc13"),
            "--features csc13: survey csc20 has the sets all, without-newq; or name columns",
        ),
        (
            ("--survey", "rosat"),
            "--survey rosat: no such survey: give 2sxps, 4xmm, csc20, csc21, erass1",
        ),
        (("--match", "magic"), "--match 'magic'"),
    ],
)
def test_wrong_options_are_status_2(refused, files, arguments, said):
    path = files / "labelled.parquet"
    assert said in refused("run", path, "--label-column", "label", *arguments, status=2)
    assert "no known objects: give --labels" in refused("run", path, status=2)


def test_single_bad_values_are_marked_and_counted(xsift, saved, small_table, tmp_path):
    table = with_column(small_table, "hard_hm", [3.0, float("inf"), None, *[0.1] * 597])
    table = with_column(table, "bb_kt", [0.5, 0.5, 0.5, -1.0, *[0.5] * 596])
    table = with_column(table, "name", [*small_table["name"].to_pylist()[:599], None])
    table = with_column(table, "ra", [800.0, *[10.0] * 599])
    how = ("--model", "csc20-paper", "--format", "csv")
    said = xsift("classify", saved(table), *how, "--out", tmp_path / "o")
    assert said.status == 0
    rows = pq.read_table(tmp_path / "o" / "detections.parquet").to_pylist()
    assert [row["flag"] for row in rows[:5]] == [
        "hard_hm = 3 is not -1 to 1",
        "hard_hm = inf is not -1 to 1",
        "misses hard_hm",
        "bb_kt = -1 is not above 0, to 1000 keV",
        None,
    ]
    assert {row["role"] for row in rows[:4]} == {"unscored"}
    assert all(row["p_qso"] is None and row["class"] is None for row in rows[:4])
    assert rows[0]["hard_hm"] == 3.0
    record = json.loads((tmp_path / "o" / "run.json").read_text())
    assert record["counts"]["with_impossible_values"] == 3
    assert record["counts"]["with_missing_features"] == 1
    assert record["counts"]["unscored"] == 4
    for warning in (
        "detections with a hard_hm that is not -1 to 1: 2 (the value is not used)",
        "detections with a bb_kt that is not above 0, to 1000 keV: 1 (the value is not used)",
        "detections without a source name: 1 (they vote for no source)",
        "detections with a ra that is not 0 to 360 deg: 1 (not matched on the sky)",
    ):
        assert warning in record["warnings"]
        assert warning in said.out


def test_repeated_keys_are_kept_counted_and_warned_of(xsift, saved, small_table, tmp_path):
    table = pa.concat_tables([small_table.slice(0, 20), small_table.slice(0, 3)])
    said = xsift("classify", saved(table), "--out", tmp_path / "o")
    assert said.status == 0
    assert "detections that repeat a (name, obsid): 3 (kept, and each votes)" in said.out
    assert pq.read_table(tmp_path / "o" / "detections.parquet").num_rows == 23
    sources = pq.read_table(tmp_path / "o" / "sources.parquet")
    assert sum(sources["n_detections"].to_pylist()) == 23


def test_nothing_can_be_scored_is_a_catalogue_too(xsift, saved, small_table, tmp_path):
    """Every detection misses a feature: no error for `classify`, and the tables are whole."""
    table = with_column(small_table.slice(0, 5), "hard_hm", pa.nulls(5, pa.float64()))
    formats = [x for f in ("fits", "csv", "votable") for x in ("--format", f)]
    how = ("--model", "csc20-paper", *formats)
    said = xsift("classify", saved(table), *how, "--out", tmp_path / "o")
    assert said.status == 0, said
    assert pq.read_table(tmp_path / "o" / "sources.parquet").num_rows == 0
    again = xsift("vote", tmp_path / "o" / "detections.parquet", "--out", tmp_path / "v")
    assert again.status == 1
    assert "no detection has a source name and probabilities" in again.err


@pytest.mark.skipif(os.name != "posix", reason="names are bytes only there")
def test_a_file_name_that_is_no_text(xsift, small_table, tmp_path):
    path = os.path.join(os.fsencode(tmp_path), b"t\xff\x1b[2J.parquet")
    pq.write_table(small_table, tmp_path / "t")
    os.rename(tmp_path / "t", path)
    formats = [x for f in ("fits", "csv", "votable") for x in ("--format", f)]
    said = xsift("run", os.fsdecode(path), *LABELLED, *formats, "--out", tmp_path / "o")
    assert said.status == 0
    record = json.loads((tmp_path / "o" / "run.json").read_text())
    assert record["input"] == "t??[2J.parquet"
    assert load_model_tree(tmp_path / "o" / "model.asdf").training.input == "t??[2J.parquet"
    assert "t??[2J.parquet" in said.out


def test_a_column_name_does_not_steer_the_terminal(refused, saved, small_table):
    names = ["hard_hm\x1b" if n == "hard_hm" else n for n in small_table.column_names]
    said = refused("run", saved(small_table.rename_columns(names)), *LABELLED)
    assert "did you mean hard_hm??)" in said


def show(xsift, *arguments):
    said = xsift("show", *arguments)
    assert said.status == 1, said
    assert said.err.count("\n") == 1
    assert said.out == ""
    return said.err


@pytest.mark.parametrize("command", ["classify", "run", "vote", "evaluate"])
def test_a_folder_made_for_results_that_never_come_goes_again(xsift, tmp_path, command):
    (tmp_path / "t.csv").write_text("name\n")
    more = ["--label-column", "x"] if command in ("run", "evaluate") else []
    assert xsift(command, tmp_path / "t.csv", *more, "--out", tmp_path / "new").status == 1
    assert not (tmp_path / "new").exists()
    (tmp_path / "there").mkdir()
    assert xsift(command, tmp_path / "t.csv", *more, "--out", tmp_path / "there").status == 1
    assert (tmp_path / "there").is_dir()


def test_show_of_folders_that_are_no_catalogues(xsift, tmp_path, catalogue, files, small_table):
    assert "no sources.parquet here" in show(xsift, "x", "--catalogue", tmp_path)
    assert "no source 2CXO J9 among 300" in show(xsift, "2CXO J9", "--catalogue", catalogue)
    name = small_table["name"][0].as_py()
    for file in ("detections.parquet", "sources.parquet", "model.asdf"):
        (tmp_path / file).write_bytes((catalogue / file).read_bytes())
    assert xsift("show", name, "--catalogue", tmp_path).status == 0
    for file in ("detections.parquet", "sources.parquet"):
        whole = (tmp_path / file).read_bytes()
        (tmp_path / file).write_bytes(whole[:1000])
        assert f"{file}: not a whole Parquet file" in show(xsift, name, "--catalogue", tmp_path)
        pq.write_table(pa.table({"other": [1]}), tmp_path / file)
        assert f"{file}: " in show(xsift, name, "--catalogue", tmp_path)
        pq.write_table(pa.table({"name": [name]}), tmp_path / file)
        assert f"{file}: " in show(xsift, name, "--catalogue", tmp_path)
        (tmp_path / file).write_bytes(whole)
    other = rewritten(catalogue / "model.asdf", tmp_path / "model.asdf", survey="xmm")
    assert str(Path(other).name) in show(xsift, name, "--catalogue", tmp_path)
