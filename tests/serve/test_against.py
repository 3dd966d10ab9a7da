"""A catalogue beside the classes of another: every source by hand; filters and tables know it."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from starlette.testclient import TestClient

from .conftest import HOSTS

WORDS = ["same group", "another group", "no class there", "not there"]


def client_of(served):
    from xsift.serve.app import create_app

    return TestClient(create_app(served, HOSTS), "http://127.0.0.1:8000")


def changed(folder, to, change):
    """Write a copy of a catalogue whose sources went through `change`."""
    import shutil

    shutil.copytree(folder, to, dirs_exist_ok=True)
    table = pq.read_table(to / "sources.parquet")
    pq.write_table(change(table), to / "sources.parquet")
    return to


@pytest.fixture(scope="module")
def other(calibrated, tmp_path_factory):
    """The same catalogue without its first ten sources; of the next twenty the class is QSO."""

    def change(table):
        table = table.slice(10)
        for name, word in (("class", "QSO"), ("group", "AGN")):
            column = [word] * 20 + table[name].to_pylist()[20:]
            table = table.set_column(table.column_names.index(name), name, pa.array(column))
        return table

    return changed(calibrated, tmp_path_factory.mktemp("other"), change)


@pytest.fixture(scope="module")
def beside(served, other):
    from xsift.serve.against import against

    return against(served, other)


def test_each_source_by_hand(calibrated, other, beside):
    ours = pq.read_table(calibrated / "sources.parquet").to_pylist()
    theirs = {row["name"]: row for row in pq.read_table(other / "sources.parquet").to_pylist()}
    rows = beside.sources.to_pylist()
    assert len(rows) == len(ours)
    seen = set()
    for row, mine in zip(rows, ours, strict=True):
        there = theirs.get(mine["name"])
        assert row["other_class"] == (there and there["class"])
        assert row["other_group"] == (there and there["group"])
        same = there and there["group"] == mine["group"]
        wanted = WORDS[0] if same else WORDS[1] if there else WORDS[3]
        assert row["other_agrees"] == wanted
        seen.add(wanted)
    assert seen == {WORDS[0], WORDS[1], WORDS[3]}


def test_filters_and_files_know_the_columns(beside):
    client = client_of(beside)
    said = client.get("/api/catalogue").json()
    assert said["against"]["how"] == "name"
    assert {c["name"]: c["kind"] for c in said["columns"]}["other_group"] == "code"
    words = beside.sources["other_agrees"].to_pylist()
    asked = {"is": "other_agrees:another group"}
    assert client.get("/api/filter", params=asked).json()["total"] == words.count(WORDS[1])
    assert client.get("/api/filter", params={"missing": "other_group"}).json()["total"] == 10
    codes = np.frombuffer(client.get("/api/column/other_agrees").content, np.uint8)
    assert [WORDS[c] for c in codes] == words
    text = client.get("/api/table.csv", params=asked).text
    assert '"other_class","other_group","other_agrees"' in text.splitlines()[0]
    assert text.count("another group") == words.count(WORDS[1])
    rows = client.get("/api/sources", params={"sort": "other_class"}).json()["rows"]
    assert rows[0]["other_class"] == min(w for w in beside.sources["other_class"].to_pylist() if w)


def test_a_catalogue_alone_says_nothing_of_another(get):
    assert get("/api/catalogue")["against"] is None


def test_a_table_of_types_is_translated(served, tmp_path):
    """Groups that the mapping merges count as one; a class that ours lacks is none of these."""
    from xsift.serve.against import against

    names = served.sources["name"].to_pylist()[:6]
    types = ["QSO", "Sy1", "HXB", "Y*O", "PN", None]
    table = pa.table({"name": names, "main_type": types})
    pq.write_table(table, tmp_path / "types.parquet")
    beside = against(served, tmp_path / "types.parquet", "simbad")
    found = beside.sources.slice(0, 7).to_pylist()
    ours = ["AGN+Seyfert" if r["group"] in ("AGN", "Seyfert") else r["group"] for r in found]
    theirs = [row["other_group"] for row in found]
    assert theirs[:5] == ["AGN+Seyfert", "AGN+Seyfert", "XB", "YSO", "none"]
    assert theirs[5:] == [None, None]
    for mine, there, row in zip(ours[:5], theirs, found, strict=False):
        assert row["other_agrees"] == WORDS[mine != there]
    assert found[5]["other_agrees"] == "no class there"
    assert found[6]["other_agrees"] == "not there"


def test_a_column_of_that_name_makes_room(calibrated, other, tmp_path):
    from xsift.serve.against import against
    from xsift.serve.catalogue import read_served

    def change(table):
        return table.append_column("other_group", pa.array(np.arange(len(table)) * 1.5))

    served = read_served(changed(calibrated, tmp_path / "kept", change))
    assert "other_group" in served.numbers
    beside = against(served, other)
    assert "other_group" not in beside.numbers
    (note,) = beside.against["notes"]
    said = f"not served is the catalogue's own other_group: what {other.name} says is called so"
    assert note == said
    assert beside.sources["other_group"].to_pylist()[10] == "AGN"
    assert client_of(beside).get("/api/sources").status_code == 200


def test_what_cannot_be_compared(served, calibrated, tmp_path):
    from xsift.errors import LabelError, SettingError, TableError
    from xsift.serve.against import against

    pq.write_table(pa.table({"name": ["nobody"], "main_type": ["QSO"]}), tmp_path / "t.parquet")
    with pytest.raises(LabelError, match=r"no source of .* has a counterpart in .*t\.parquet"):
        against(served, tmp_path / "t.parquet")
    with pytest.raises(SettingError, match=r"mapping 'simbad': .* is a folder of xsift's"):
        against(served, calibrated, "simbad")
    (tmp_path / "empty").mkdir()
    with pytest.raises(TableError, match="empty"):
        against(served, tmp_path / "empty")


def test_the_command_says_what_it_lacks(calibrated):
    from typer.testing import CliRunner

    from xsift.cli.app import app

    result = CliRunner().invoke(app, ["serve", str(calibrated), "--mapping", "simbad"])
    assert result.exit_code == 2
    assert "--mapping 'simbad' says nothing without --compare" in str(result.exception) + (
        result.output
    )
