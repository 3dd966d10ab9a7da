"""`xsift compare`: a catalogue against other catalogues, whole, through the command line."""

import json
import re

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from xsift import Settings, run
from xsift.classes import PAPER_CLASSES
from xsift.compare.comparison import compare, read_ours

GROUP = {"QSO": "AGN+Seyfert", "AGN": "AGN+Seyfert", "HXB": "XB", "Y*O": "YSO"}
HOSTILE = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def catalogue(files):
    run(
        files / "table.parquet", files / "known.parquet", Settings(method="paper", clusters=2)
    ).write(files / "catalogue", ())
    return files / "catalogue"


@pytest.fixture(scope="module")
def truth(small_table):
    """Class of every source in the other catalogue, by name; ours says it about as often as not."""
    kinds = tuple(GROUP)
    names = dict.fromkeys(small_table["name"].to_pylist())
    return {name: kinds[i // 3 % len(kinds)] for i, name in enumerate(names)}


@pytest.fixture
def other(tmp_path, truth, small_table):
    """Write the truth as another catalogue, with positions 0.3 arcsec off, and other columns."""

    def write(file="other.csv", change=lambda name, label: label, **columns):
        first = {}
        table = small_table.to_pydict()
        for name, ra, dec in zip(table["name"], table["ra"], table["dec"], strict=True):
            first.setdefault(name, (ra, dec + 0.3 / 3600))
        rows = {
            "name": list(first),
            "ra": [ra for ra, _ in first.values()],
            "dec": [dec for _, dec in first.values()],
            "class": [change(name, truth[name]) for name in first],
        }
        rows |= {k: [f(name) for name in first] for k, f in columns.items()}
        path = tmp_path / file
        if path.suffix == ".parquet":
            pq.write_table(pa.table(rows), path)
        else:
            import pyarrow.csv

            pyarrow.csv.write_csv(pa.table(rows), path)
        return path

    return write


def by_hand(catalogue, truth):
    """Count (theirs, ours) with a loop."""
    counts = {}
    for row in pq.read_table(catalogue / "sources.parquet").to_pylist():
        pair = GROUP[truth[row["name"]]], GROUP[row["class"]]
        counts[pair] = counts.get(pair, 0) + 1
    return counts


@pytest.mark.parametrize("how", ["name", "sky", "auto"])
def test_confusion_is_that_of_a_loop(catalogue, truth, other, how):
    record = compare(catalogue, other(), match=how).record
    found = record["all"]
    wanted = by_hand(catalogue, truth)
    for i, row in enumerate(found["rows"]):
        for j, column in enumerate(found["columns"]):
            assert found["confusion"][i][j] == wanted.get((row, column), 0)
    assert found["n"] == sum(wanted.values()) == record["counts"]["compared"] > 50
    assert record["matched_how"] == {"name": "name", "sky": "sky", "auto": "sky"}[how]
    assert record["comparable"]["confusion"] == found["confusion"]


def test_too_small_a_radius_matches_nothing(catalogue, other, xsift, tmp_path):
    said = xsift("compare", catalogue, other(), "--radius", 0.1, "--out", tmp_path / "o")
    assert said.status == 1
    assert "has a counterpart in" in said.err
    assert "try --radius or --match" in said.err


def test_classes_that_ours_cannot_name(catalogue, truth, other):
    path = other(change=lambda name, label: "Pulsar" if label == "HXB" else label)
    record = compare(catalogue, path).record
    assert record["all"]["rows"] == ["AGN+Seyfert", "XB", "YSO", "none"]
    none = record["all"]["recall"]["none"]
    n = sum(n for (t, _), n in by_hand(catalogue, truth).items() if t == "XB")
    assert (none["value"], none["n"]) == (0.0, n)
    assert record["comparable"]["n"] == record["all"]["n"] - n
    assert sum(record["by_class"]["Psr"].values()) == n


def test_what_is_ignored_takes_no_part(catalogue, truth, other):
    path = other(change=lambda name, label: "X" if label == "HXB" else label)
    record = compare(catalogue, path).record
    n = sum(n for (t, _), n in by_hand(catalogue, truth).items() if t == "XB")
    assert record["counts"]["ignored"] == n
    assert "none" not in record["all"]["rows"]


@pytest.fixture
def unsure(catalogue, tmp_path):
    """The same sources with probabilities drawn at random, and a class by them."""
    sources = pq.read_table(catalogue / "sources.parquet")
    p = np.random.default_rng(2).dirichlet(np.ones(10), sources.num_rows)
    best = p.argmax(axis=1)
    columns = dict(zip(PAPER_CLASSES.columns, p.T, strict=True))
    columns["class"] = np.array(PAPER_CLASSES.codes)[best]
    columns["group"] = np.array([c.group for c in PAPER_CLASSES.classes])[best]
    for name, values in columns.items():
        at = sources.column_names.index(name)
        sources = sources.set_column(at, name, pa.array(values))
    folder = tmp_path / "unsure"
    folder.mkdir()
    pq.write_table(sources, folder / "sources.parquet")
    return folder


def test_disagreements_are_sorted_and_are_all_of_them(unsure, truth, other):
    found = compare(unsure, other(), match="name").disagreements
    p = found["p_group"].to_numpy()
    assert (np.diff(p) <= 0).all()
    assert p[0] > p[-1]
    sources = {r["name"]: r for r in pq.read_table(unsure / "sources.parquet").to_pylist()}
    merged = {"AGN": "AGN+Seyfert", "Seyfert": "AGN+Seyfert"}
    differ = {
        n for n, s in sources.items() if merged.get(s["group"], s["group"]) != GROUP[truth[n]]
    }
    assert set(found["name"].to_pylist()) == differ
    assert found.num_rows == len(differ)
    columns = {
        "XB": ("p_hmxb", "p_lmxb", "p_xb"),
        "YSO": ("p_yso", "p_ttau", "p_orion_v"),
        "AGN+Seyfert": ("p_qso", "p_agn", "p_seyfert_1", "p_seyfert_2"),
    }
    for row in found.to_pylist():
        source = sources[row["name"]]
        assert row["class"] == source["class"]
        assert row["other_group"] == GROUP[truth[row["name"]]] != row["group"]
        wanted = sum(source[c] for c in columns[row["group"]])
        assert row["p_group"] == pytest.approx(wanted, abs=1e-12)
    assert found.schema.field("separation").metadata[b"unit"] == b"arcsec"


def test_the_command(catalogue, other, xsift, tmp_path):
    out = tmp_path / "o"
    said = xsift("compare", catalogue, other("o.parquet"), "--out", out, "--format", "votable")
    assert said.status == 0, said
    written = sorted(p.name for p in out.iterdir())
    assert written == [
        *("comparison.html", "comparison.json"),
        *("disagreements.parquet", "disagreements.vot", "xsift-files.json"),
    ]
    assert "Only classes that ours can name" in said.out
    record = json.loads((out / "comparison.json").read_text())
    kappa = record["all"]["kappa"]
    assert (
        f"Cohen's kappa {kappa['value']:.2f} ({kappa['low']:.2f}-{kappa['high']:.2f})" in said.out
    )
    printed = xsift("compare", catalogue, other(), "--out", out, "--json")
    assert json.loads(printed.out)["all"] == record["all"]
    assert not (out / "disagreements.vot").exists()  # of the run before
    page = (out / "comparison.html").read_text()
    assert "default-src 'none'" in page
    assert page.count("<svg") == 4  # and those of the sources that trained
    assert record["in_sample"]["compared"] > 50
    assert f"{kappa['value']:.3f}" in page


def test_where_and_class_column(catalogue, other, xsift, tmp_path):
    names = pq.read_table(catalogue / "sources.parquet")["name"].to_pylist()
    chosen = set(names[::2])
    path = other(kind=lambda name: "YSO", CT=lambda name: 2.0 if name in chosen else 1.0)
    said = xsift(
        *("compare", catalogue, path, "--class-column", "kind", "--where", "CT>=2"),
        *("--match", "name", "--json", "--out", tmp_path / "o"),
    )
    record = json.loads(said.out)
    assert record["counts"]["other_rows"] == record["all"]["n"] == len(chosen)
    assert record["all"]["confusion"][0] == [0, 0, 0]
    assert sum(record["all"]["confusion"][2]) == len(chosen)
    assert record["settings"]["where"] == ["CT>=2"]


def test_a_catalogue_agrees_with_itself(catalogue):
    record = compare(catalogue, catalogue, match="name").record
    assert record["all"]["kappa"]["value"] == 1
    assert record["all"]["accuracy"]["value"] == 1
    assert compare(catalogue, catalogue, match="name").disagreements.num_rows == 0


def test_unique_leaves_the_ambiguous_out(catalogue, other):
    table = pq.read_table(catalogue / "sources.parquet")
    unique = table["status"].to_pylist().count("unique")
    assert compare(catalogue, other(), unique=True).record["counts"]["sources"] == unique


def test_own_merge_keeps_agn_and_seyfert_apart(catalogue, other, tmp_path):
    path = tmp_path / "m.toml"
    path.write_text('title = "t"\nrest = "none"\n[merge]\n[classes]\nQSO = "AGN"\nYSO = "YSO"\n')
    record = compare(catalogue, other(), path).record
    assert record["all"]["rows"] == ["AGN", "Seyfert", "XB", "YSO", "none"]


def test_a_catalogue_that_says_none(catalogue, tmp_path):
    """Without a model, too: the classes are the paper's."""
    sources = pq.read_table(catalogue / "sources.parquet")
    n = sources.num_rows
    for name, values in (
        ("class", ["none"] * 5 + sources["class"].to_pylist()[5:]),
        ("group", ["none"] * 5 + sources["group"].to_pylist()[5:]),
        ("p_none", [0.6] * 5 + [0.1] * (n - 5)),
    ):
        at = sources.column_names.index(name)
        sources = sources.set_column(at, name, pa.array(values))
    pq.write_table(sources, tmp_path / "sources.parquet")
    lines = "".join(f"{name},Pulsar\n" for name in sources["name"].to_pylist())
    (tmp_path / "other.csv").write_text("name,class\n" + lines)
    found = compare(tmp_path, tmp_path / "other.csv")
    record = found.record
    assert record["all"]["columns"] == ["AGN+Seyfert", "XB", "YSO", "none"]
    assert record["all"]["confusion"][3][3] == 5
    assert record["all"]["accuracy"]["value"] == pytest.approx(5 / n)
    assert record["comparable"]["n"] == 0
    assert np.isnan(record["comparable"]["kappa"]["value"])
    assert found.disagreements.num_rows == n - 5
    found.write(tmp_path / "o")
    assert "No source." in (tmp_path / "o" / "comparison.html").read_text()


def test_a_published_table_on_either_side(catalogue, other, tmp_path, xsift):
    head = "QSO,AGN,Seyfert_1,Seyfert_2,HMXB,LMXB,XB,YSO,TTau*,Orion_V*"
    sources = pq.read_table(catalogue / "sources.parquet").to_pylist()
    spelled = {"QSO": "QSO", "AGN": "AGN", "HXB": "HMXB", "Y*O": "YSO"}
    lines = [f"{s['name']},{spelled[s['class']]},2," + ",".join(["0.1±0.01"] * 10) for s in sources]
    path = tmp_path / "published.csv"
    path.write_text(f"name,master_class,detection_count,{head}\n" + "\n".join(lines), "utf-8")
    record = compare(catalogue, path, "perez-diaz2024").record
    assert record["all"]["accuracy"]["value"] == 1
    ours = read_ours(path)
    assert len(ours.group) == len(sources)
    found = compare(path, other(), match="name").record
    assert found["all"]["confusion"] == compare(catalogue, other()).record["all"]["confusion"]


def test_hostile_names_and_classes_are_text(catalogue, other, xsift, tmp_path):
    path = other(change=lambda name, label: HOSTILE if label == "HXB" else label)
    mapping = tmp_path / "<b>m.toml"
    mapping.write_text(
        f'title = "{HOSTILE}"\nnote = "{HOSTILE}"\n[merge]\n"{HOSTILE}" = ["AGN", "Seyfert"]\n'
        f'[classes]\nQSO = "AGN"\nAGN = "AGN"\nYSO = "YSO"\n"{HOSTILE}" = "XB"\n'
    )
    said = xsift("compare", catalogue, path, "--mapping", mapping, "--out", tmp_path / "o")
    assert said.status == 0, said
    page = (tmp_path / "o" / "comparison.html").read_text()
    assert "alert(1)" in page
    assert "<script" not in page
    assert "<b>m" not in page


def test_rich_markup_in_a_class_is_printed_as_it_is(catalogue, other, xsift, tmp_path):
    mapping = tmp_path / "m.toml"
    mapping.write_text(
        'title = "[red]t"\nrest = "none"\n[merge]\n"[bold]" = ["AGN"]\n[classes]\na = "XB"\n'
    )
    said = xsift("compare", catalogue, other(), "--mapping", mapping, "--out", tmp_path / "o")
    assert "[red]t" in said.out
    assert "[bold]" in said.out


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\x00\x01", "other.csv"),
        (b"", "other.csv"),
        (b"name,x\na,1\n", "missing column class_of"),
        (b"x,class\na,QSO\n", "missing columns ra, dec. Or give a name column"),
        (b"name,class\n", "no rows"),
    ],
)
def test_an_unreadable_other_is_one_line(catalogue, xsift, tmp_path, content, said):
    path = tmp_path / "other.csv"
    path.write_bytes(content)
    column = ("--class-column", "class_of") if b"x\n" in content else ()
    found = xsift("compare", catalogue, path, *column, "--out", tmp_path / "o")
    assert found.status == 1
    error = found.err.splitlines()[-1]
    assert error.startswith("xsift: ")
    assert said in error
    assert not (tmp_path / "o").exists()


def test_what_is_no_catalogue_of_ours(xsift, tmp_path, other):
    (tmp_path / "empty").mkdir()
    said = xsift("compare", tmp_path / "empty", other(), "--out", tmp_path / "o")
    assert said.status == 1
    assert "no sources.parquet here: give a folder that run, classify, vote or demo" in said.err
    pq.write_table(pa.table({"name": ["a"]}), tmp_path / "empty" / "sources.parquet")
    said = xsift("compare", tmp_path / "empty", other(), "--out", tmp_path / "o")
    assert re.search(r"no column of the paper's classes in sources", said.err)


@pytest.mark.parametrize(
    "option",
    [
        ("--mapping", "no"),
        ("--match", "x"),
        ("--radius", "-1"),
        ("--where", "CT"),
        ("--format", "x"),
    ],
)
def test_wrong_options(catalogue, xsift, other, tmp_path, option):
    said = xsift("compare", catalogue, other(), *option, "--out", tmp_path / "o")
    assert said.status == 2
    assert option[0] in said.err


@pytest.mark.real
def test_the_published_tables_agree_with_their_own_vote(real, tmp_path):
    from xsift import vote_table

    vote_table(real("paper_detection_level.csv.gz")).write(tmp_path, ())
    for file, n in (("paper_uniquely_classified.csv", 8271), ("paper_ambiguous.csv", 485)):
        record = compare(tmp_path, real(file), "perez-diaz2024", match="name").record
        assert record["all"]["n"] == n
        assert record["all"]["accuracy"]["value"] == 1
        again = compare(real(file), tmp_path, match="name").record
        assert again["all"]["accuracy"]["value"] == 1
