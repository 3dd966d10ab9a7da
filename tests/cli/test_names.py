"""The names of files and folders are names: never addresses, options, patterns or markup."""

import os
import shutil

import pytest

from xsift.fetch import Cache
from xsift.mixture import ParquetBlocks
from xsift.model.file import load_model_tree, save_model_tree
from xsift.read import read_table
from xsift.write import write_table

pytestmark = pytest.mark.usefixtures("fits_once")

PRINTABLE = "".join(chr(c) for c in range(33, 127) if chr(c) != "/")
OTHERS = (
    *("ä", "漢字", "😀", "new\nline", "\x1b[31m", " blanks ", "-dash", "..x", "%41", "x.parquet"),
    *("orion:deep", "file:x", "http:", "s3:x", "[bold]", "{}", "~", "$HOME", "C#", "notes?"),
)
NOT_UTF8 = os.fsdecode(b"\xff\xe9")
EVERYTHING = PRINTABLE + "ä漢😀"
FORMS = {"parquet": ".parquet", "votable": ".vot", "fits": ".fits", "csv": ".csv"}


@pytest.fixture(scope="module")
def catalogue(files):
    from xsift import Settings, run

    settings = Settings(method="paper", clusters=2, label_column="label")
    run(files / "labelled.parquet", None, settings).write(files / "catalogue")
    return files / "catalogue"


@pytest.mark.parametrize("name", [*(f"a{c}b" for c in PRINTABLE), *OTHERS, NOT_UTF8, EVERYTHING])
def test_every_reader_and_writer(tmp_path, monkeypatch, small_table, catalogue, name):
    table = small_table.slice(0, 4)
    for place in (tmp_path / name, tmp_path.relative_to(tmp_path.parent) / name):
        monkeypatch.chdir(tmp_path.parent)
        place.mkdir(exist_ok=True)
        for form, end in FORMS.items():
            path = place / (name + end)
            write_table(table, path, form, {"about": str(path)})
            assert read_table(path)[0]["name"].to_pylist() == table["name"].to_pylist()
            if form == "parquet":
                blocks = ParquetBlocks(path, ["ra"])
                assert [len(block) for block in blocks()] == [4]
        save_model_tree(load_model_tree(catalogue / "model.asdf"), place / (name + ".asdf"))
        tree = load_model_tree(place / (name + ".asdf"))
        assert tree.model_id == load_model_tree(catalogue / "model.asdf").model_id
        cache = Cache(place / "cache")
        cache.get({"a": name.encode(errors="replace").decode()}, lambda: table)
        assert cache.get({"a": "b"}, lambda: table)[0].num_rows == 4
    assert {p.name for p in tmp_path.iterdir()} == {name}


@pytest.fixture(params=["orion:deep", EVERYTHING], ids=["scheme", "everything"])
def place(request, tmp_path, monkeypatch, files):
    """A working folder of such a name, and in it tables of such a name."""
    folder = tmp_path / request.param
    folder.mkdir()
    monkeypatch.chdir(folder)
    for file in ("table", "known", "labelled"):
        shutil.copy(files / f"{file}.parquet", folder / f"{file}{request.param}")
    yield request.param
    assert {p.name for p in tmp_path.iterdir()} == {request.param}


def test_the_commands_that_make_a_catalogue(xsift, place):
    out, model = f"out{place}", f"out{place}/model.asdf"
    with open(f"classes{place}", "w") as file:
        for code in ("QSO", "AGN", "HXB", "Y*O"):
            file.write(f'[[class]]\ncode = "{code}"\ngroup = "{code}"\n')
    every = [word for form in FORMS for word in ("--format", form)]
    words = ("--labels", f"known{place}", "--classes", f"classes{place}", "--method", "paper")
    for _ in range(2):  # again into the same folder: the files are xsift's own
        said = xsift("run", f"table{place}", *words, "--clusters", 2, "--out", out, *every)
        assert said.status == 0, said
    assert f"Written to {out}\n" in said.out
    shutil.copy(model, f"model{place}")
    said = xsift("classify", f"table{place}", "--model", f"model{place}", "--out", f"c{place}")
    assert said.status == 0, said
    said = xsift("vote", f"{out}/detections.fits", "--out", f"v{place}")
    assert said.status == 0, said
    assert read_table(f"v{place}/sources.parquet")[0].schema.metadata[b"run_id"]


def test_the_commands_that_read_one(xsift, place, catalogue):
    here = f"c{place}"
    shutil.copytree(catalogue, here)
    name = read_table(f"{here}/sources.parquet")[0]["name"][0].as_py()
    shutil.copy(f"{here}/sources.vot", f"other{place}")
    for words in (
        ("anomalies", here),
        ("show", name, "--catalogue", here, "--figure", f"figure{place}.png"),
        ("compare", here, f"other{place}", "--mapping", "simbad", "--out", f"compared{place}"),
        ("publish", here, "--out", f"service{place}"),
        ("publish", here, "--out", f"static{place}", "--static"),
    ):
        for _ in range(2):
            said = xsift(*words)
            assert said.status == 0, (words, said)


def test_the_commands_that_resume(xsift, place):
    scan = ("scan", f"table{place}", "--k-max", 2, "--restarts", 1, "--out", f"s{place}")
    evaluate = (
        *("evaluate", f"labelled{place}", "--label-column", "label", "--methods", "svc"),
        *("--experiments", "folds", "--folds", 2, "--out", f"e{place}"),
    )
    for words in (scan, evaluate):
        for _ in range(2):
            said = xsift(*words)
            assert said.status == 0, (words, said)


@pytest.mark.slow
def test_the_commands_that_take_long(xsift, place, catalogue):
    shutil.copytree(catalogue, f"c{place}")
    for words in (
        ("report", f"c{place}", "--out", f"r{place}"),
        ("demo", "--out", f"d{place}", "--sources", 1000),
    ):
        for _ in range(2):
            said = xsift(*words)
            assert said.status == 0, (words, said)


@pytest.mark.slow
@pytest.mark.parametrize("name", [*(f"a{c}b" for c in PRINTABLE), *OTHERS])
def test_every_character_in_a_command(xsift, tmp_path, monkeypatch, files, name):
    (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / name)
    shutil.copy(files / "table.parquet", name)
    said = xsift("classify", "--out", f"./{name}o", "--", name)
    assert said.status == 0, said
    assert sorted(p.name for p in (tmp_path / name).iterdir()) == sorted((name, f"{name}o"))


@pytest.mark.parametrize(
    ("out", "victim"), [("results#2", "results"), ("notes?", "notes"), ("half%41", "halfA")]
)
def test_a_file_of_a_name_like_it_stays(xsift, files, tmp_path, monkeypatch, out, victim):
    monkeypatch.chdir(tmp_path)
    (tmp_path / victim).write_text("mine")
    assert xsift("classify", files / "table.parquet", "--out", out).status == 0
    assert (tmp_path / victim).read_text() == "mine"
    assert (tmp_path / out / "model.asdf").exists()
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted((out, victim))


def test_a_name_that_is_no_text(run_python, files, tmp_path):
    """In a process of its own: what it prints goes through a real terminal's encoding."""
    place = tmp_path / NOT_UTF8
    place.mkdir()
    shutil.copy(files / "table.parquet", place / NOT_UTF8)
    code = (
        "import os, sys; from xsift import classify; "
        f"here = os.path.join({os.fspath(tmp_path)!r}, os.fsdecode({os.fsencode(NOT_UTF8)!r})); "
        "classify(os.path.join(here, os.path.basename(here))).write(os.path.join(here, 'out'))"
    )
    run_python(code)
    assert (place / "out" / "run.json").exists()
