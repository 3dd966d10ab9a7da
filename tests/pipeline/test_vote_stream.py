"""A table of probabilities in parts votes as the table in memory, to the bit, whatever stops it."""

import json
import shutil
import warnings

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from xsift import Settings, classify, open_catalogue, surveys, vote_table
from xsift.classes import PAPER_CLASSES
from xsift.errors import MissingColumnsError, OutputError, SettingError, TableError
from xsift.pipeline import vote_stream as module
from xsift.pipeline.stream import classify_stream
from xsift.pipeline.vote_stream import vote_stream

N = 900
ROWS = {"rows": 130, "bucket_rows": 170}


def bits(table):
    """The columns of a table with floats as their bits."""
    found = {}
    for field in table.schema:
        column = table[field.name].combine_chunks()
        if pa.types.is_floating(field.type):
            found[f"{field.name} is there"] = column.is_valid()
            column = pa.array(column.fill_null(0).to_numpy(zero_copy_only=False).view(np.int64))
        found[field.name] = column
    return pa.table(found)


def said(record):
    """What run.json says that does not tell in which files the table lay."""
    of_files = ("about", "input", "input_sha256", "run_id", "created", "parts")
    plain = json.loads(json.dumps(record))
    return {key: value for key, value in plain.items() if key not in of_files}


def assert_same(folder, whole):
    found = open_catalogue(folder)
    one, other = found.sources, whole.sources
    assert one.column_names == other.column_names
    assert one.schema.types == other.schema.types
    assert [f.metadata or {} for f in one.schema] == [f.metadata or {} for f in other.schema]
    assert bits(one).equals(bits(other))
    assert found.detections is None
    assert said(found.record) == said(whole.record)


def ballots(n=N, seed=2, has_none=True):
    """Detections with probabilities, of sources in disorder; some lack what a vote needs."""
    rng = np.random.default_rng(seed)
    p = rng.dirichlet(np.ones(4), n)
    if not has_none:
        p[:, 3] = 0
        p /= p.sum(axis=1, keepdims=True)
    name = [f"s{k:03}" for k in rng.integers(0, 300, n)]
    missing = np.arange(n) % 50 == 0
    role = rng.choice(["scored", "scored", "scored", "trained", "set_aside"], n)
    role[3] = "scored"
    p[3] *= 2  # one row that does not sum to 1
    return pa.table(
        {
            "name": pa.array(name, mask=np.arange(n) % 97 == 1),
            "obsid": rng.integers(0, 5, n),
            "ra": rng.uniform(0, 360, n),
            "dec": rng.uniform(-90, 90, n),
            "hard_hm": pa.array(rng.uniform(-1, 1, n), mask=np.arange(n) < 400),
            "role": role,
            "QSO": pa.array(np.minimum(p[:, 0], 1), mask=missing),
            "p_agn": np.minimum(p[:, 1], 1),
            "Y*O": np.minimum(p[:, 2], 1),
            "p_none": pa.array(np.minimum(p[:, 3], 1), mask=missing),
            "typicality": pa.array(rng.uniform(size=n), mask=missing),
            "of my own": rng.uniform(size=n),
        }
    )


@pytest.fixture(scope="module", params=[True, False], ids=["calibrated", "published"])
def table(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("votes")
    table = ballots(has_none=request.param)
    pq.write_table(table, folder / "one.parquet", row_group_size=77)
    (folder / "many").mkdir()
    for k in range(9):
        pq.write_table(table.slice(k * 100, 100), folder / f"many/p{k}.parquet")
    return folder


@pytest.mark.parametrize("what", ["one.parquet", "many", "many/p*.parquet"])
@pytest.mark.parametrize("vote_trained", [True, False])
def test_the_sources_of_the_table_in_memory(table, tmp_path, what, vote_trained):
    settings = Settings(vote_trained=vote_trained)
    whole = vote_table(table / "one.parquet", settings, PAPER_CLASSES)
    odd = "the probabilities of 1 detections do not sum to 1 (row 4)"
    assert whole.record["warnings"][-1] == odd
    told = []
    found = vote_stream(
        table / what, settings, tmp_path / "out", PAPER_CLASSES,
        tell=lambda *step: told.append(step), **ROWS,
    )  # fmt: skip
    assert_same(tmp_path / "out", whole)
    assert sum(found.sources.values()) == len(whole.sources)
    names = sorted(p.name for p in (tmp_path / "out").iterdir())
    assert names == ["run.json", "sources", "xsift-files.json"]
    assert len(list((tmp_path / "out" / "sources").iterdir())) > 3
    assert told[-1][0] == "voting"
    assert told[-1][1] == told[-1][2]


def test_two_processes(table, tmp_path, scheduler_of_two):
    whole = vote_table(table / "one.parquet", classes=PAPER_CLASSES)
    vote_stream(
        table / "many", Settings(), tmp_path / "out", PAPER_CLASSES, workers=scheduler_of_two,
        **ROWS,
    )  # fmt: skip
    assert_same(tmp_path / "out", whole)


@pytest.mark.parametrize("one_odd", [True, False])
def test_names_that_are_numbers(tmp_path, one_odd):
    rng = np.random.default_rng(1)
    name = [str(k) for k in rng.integers(0, 300, N)]
    if one_odd:
        name[-1] = "007"
    table = ballots().set_column(0, "name", pa.array(name))
    pq.write_table(table, tmp_path / "t.parquet")
    whole = vote_table(tmp_path / "t.parquet", classes=PAPER_CLASSES)
    vote_stream(tmp_path / "t.parquet", Settings(), tmp_path / "out", PAPER_CLASSES, **ROWS)
    assert_same(tmp_path / "out", whole)


def test_detections_that_classify_wrote(xsift, tmp_path, table_of):
    """The class shares stand beside them, in a folder as they do for a file."""
    table = table_of(600, seed=7).drop_columns(["label"])
    pq.write_table(table, tmp_path / "t.parquet")
    classify_stream(
        tmp_path / "t.parquet", "csc20", Settings(), tmp_path / "large", rows=150, bucket_rows=200
    )
    classify(tmp_path / "t.parquet", "csc20").write(tmp_path / "small")
    settings = Settings(verdict="balanced")
    whole = vote_table(tmp_path / "small" / "detections.parquet", settings)
    for what in ("detections", "detections/*.parquet"):
        vote_stream(tmp_path / "large" / what, settings, tmp_path / what[:11], rows=130)
        assert_same(tmp_path / what[:11], whole)
    # Read at once, as it is small, but a folder all the same.
    done = xsift(
        *("vote", tmp_path / "large" / "detections", "--verdict", "balanced"),
        *("--out", tmp_path / "cli", "--format", "csv", "--workers", 2),
    )
    assert done.status == 0, done.err
    assert_same(tmp_path / "cli", whole)
    assert (tmp_path / "cli" / "sources.csv").exists()
    # Nor do the votes take the place of the sources of that catalogue.
    with pytest.raises(OutputError, match="holds a catalogue, whose sources this would replace"):
        vote_stream(tmp_path / "large" / "detections", settings, tmp_path / "large", rows=130)
    assert open_catalogue(tmp_path / "large").detections.num_rows == 600


def test_an_address(table, tmp_path):
    import fsspec

    memory = fsspec.filesystem("memory")
    for path in (table / "many").iterdir():
        memory.pipe_file(f"/votes/many/{path.name}", path.read_bytes())
    vote_stream("memory://votes/many", Settings(), tmp_path / "out", PAPER_CLASSES, **ROWS)
    memory.rm("/votes", recursive=True)
    assert_same(tmp_path / "out", vote_table(table / "one.parquet", classes=PAPER_CLASSES))


def test_other_shares_beside_the_table_start_anew(table, tmp_path):
    shutil.copytree(table / "many", tmp_path / "detections")

    def stops(now, done, total):
        if now == "voting":
            raise Stop

    words = tmp_path / "detections", Settings(), tmp_path / "out", PAPER_CLASSES
    with pytest.raises(Stop):
        vote_stream(*words, tell=stops, **ROWS)
    (tmp_path / "run.json").write_text("{}")
    notes = vote_stream(*words, **ROWS).record["warnings"]
    assert any("it is not gone on with, and this one starts anew" in note for note in notes)


def test_no_shares_beside_a_folder(table, tmp_path):
    with pytest.raises(SettingError, match=r"balanced: no class shares .* are known of .*/many"):
        vote_stream(
            table / "many", Settings(verdict="balanced"), tmp_path / "o", PAPER_CLASSES, **ROWS
        )


def test_a_column_that_is_wrong_in_a_part_alone(tmp_path):
    """Whether a column is another quantity, the whole table says, not a part of it."""
    for n_bad in (200, 800):
        dec = np.where(np.arange(N) < n_bad, 1000.0, 5.0)
        table = ballots().set_column(3, "dec", pa.array(dec))
        pq.write_table(table, tmp_path / f"{n_bad}.parquet")
        whole = vote_table(tmp_path / f"{n_bad}.parquet", classes=PAPER_CLASSES)
        assert ("dec" in whole.sources.column_names) == (n_bad == 200)
        out = tmp_path / str(n_bad)
        vote_stream(tmp_path / f"{n_bad}.parquet", Settings(), out, PAPER_CLASSES, **ROWS)
        assert_same(out, whole)


class Stop(Exception):
    pass


@pytest.mark.parametrize("step", ["looking at the table", "reading", "voting"])
def test_it_goes_on_where_it_stopped(table, tmp_path, step, monkeypatch):
    def stops(now, done, total):
        if now == step and done > total / 2:
            raise Stop

    words = table / "many", Settings(), tmp_path / "out", PAPER_CLASSES
    with pytest.raises(Stop):
        vote_stream(*words, tell=stops, **ROWS)
    assert not list((tmp_path / "out").glob("[!.]*"))
    done, gather, vote = [], module._gather, module._vote
    monkeypatch.setattr(
        module, "_gather", lambda job, ks: (done.append(("part", k)) or found
                                            for k, found in zip(ks, gather(job, ks), strict=True))
    )  # fmt: skip
    monkeypatch.setattr(
        module, "_vote", lambda job, ks: (done.append(("bucket", k)) or found
                                          for k, found in zip(ks, vote(job, ks), strict=True))
    )  # fmt: skip
    vote_stream(*words, **ROWS)
    kinds = [kind for kind, _ in done]
    n_parts, n_buckets = kinds.count("part"), kinds.count("bucket")
    if step == "looking at the table":
        assert n_parts == 7
    elif step == "reading":
        assert 0 < n_parts < 5
    else:
        assert n_parts == 0
        assert 0 < n_buckets < 4
    assert_same(tmp_path / "out", vote_table(table / "one.parquet", classes=PAPER_CLASSES))


def test_another_setting_starts_anew(table, tmp_path):
    def stops(now, done, total):
        if now == "voting":
            raise Stop

    words = table / "many", Settings(), tmp_path / "out"
    with pytest.raises(Stop):
        vote_stream(*words, PAPER_CLASSES, tell=stops, **ROWS)
    words = table / "many", Settings(vote_trained=True), tmp_path / "out"
    record = vote_stream(*words, PAPER_CLASSES, **ROWS).record
    assert any("it is not gone on with, and this one starts anew" in w for w in record["warnings"])


def broken(table, column, value, row=500):
    cells = table[column].to_pylist()
    cells[row] = value
    return table.set_column(table.column_names.index(column), column, pa.array(cells))


@pytest.mark.parametrize(
    ("change", "kind", "message"),
    [
        (lambda t: broken(t, "QSO", 1.5), TableError, "column QSO, row 501: 1.5 is not a prob"),
        (
            lambda t: t.rename_columns([f"x{n}" for n in t.column_names]),
            MissingColumnsError,
            "missing column name",
        ),
        (
            lambda t: t.drop_columns(["QSO", "p_agn", "Y*O"]),
            MissingColumnsError,
            "missing column p_qso or QSO",
        ),
        (lambda t: t.append_column("p_x", t["QSO"]), TableError, "p_x belong to no class"),
        (lambda t: t.set_column(0, "name", pa.nulls(N, pa.string())), TableError, "is empty in ev"),
        (
            lambda t: t.set_column(5, "role", pa.array(["trained"] * N)),
            TableError,
            r"no detection has a source name and .* but the 900 that trained .* vote_trained lets",
        ),
    ],
)
def test_what_cannot_vote_is_refused_as_in_memory(tmp_path, change, kind, message):
    pq.write_table(change(ballots()), tmp_path / "t.parquet")
    with pytest.raises(kind, match=message) as whole:
        vote_table(tmp_path / "t.parquet", classes=PAPER_CLASSES)
    with pytest.raises(kind, match=message) as parts:
        vote_stream(tmp_path / "t.parquet", Settings(), tmp_path / "out", PAPER_CLASSES, **ROWS)
    assert str(parts.value) == str(whole.value)
    assert not list((tmp_path / "out").glob("[!.]*"))


def test_a_part_that_is_damaged_is_named_and_the_others_are_kept(table, tmp_path):
    shutil.copytree(table / "many", tmp_path / "many")
    words = tmp_path / "many", Settings(), tmp_path / "out", PAPER_CLASSES
    whole = (tmp_path / "many" / "p4.parquet").read_bytes()

    def damages(now, done, total):
        if now == "reading" and not done:
            content = bytearray(whole)
            content[4:2000] = bytes(1996)
            (tmp_path / "many" / "p4.parquet").write_bytes(content)

    with pytest.raises(TableError, match=r"p4.parquet.*what could be read is done and kept"):
        vote_stream(*words, tell=damages, **ROWS)
    (tmp_path / "many" / "p4.parquet").write_bytes(whole)
    told = []
    vote_stream(*words, tell=lambda *step: told.append(step), **ROWS)
    assert next(done for step, done, _ in told if step == "reading") >= 390
    assert_same(tmp_path / "out", vote_table(table / "one.parquet", classes=PAPER_CLASSES))


def test_other_formats_are_refused(xsift, table, tmp_path, monkeypatch):
    with pytest.raises(SettingError, match="has 900 rows and is voted on in parts, which are wri"):
        vote_stream(
            table / "many", Settings(), tmp_path / "o", PAPER_CLASSES, ("parquet", "fits"), **ROWS
        )
    assert not (tmp_path / "o").exists()


def test_the_command(xsift, table, tmp_path, monkeypatch):
    from xsift.read import parts

    monkeypatch.setattr(parts, "_MANY", 500)
    monkeypatch.setattr(module, "ROWS", 130)
    monkeypatch.setattr(
        module.vote_stream, "__defaults__", (None, None, module.untold, None, 130, 170)
    )
    words = ("vote", table / "one.parquet", "--classes", "paper", "--out", tmp_path / "out")
    done = xsift(*words, "--json")
    assert done.status == 0, done.err
    record = json.loads(done.out)
    assert record["parts"] == {"files": 1, "parts": 7}
    assert any(json.loads(line)["step"] == "voting" for line in done.err.splitlines())
    done = xsift(*words)
    assert "sources classified" in done.out
    assert f"Written to {tmp_path / 'out'}" in done.out.replace("\n", "")
    both = ("--workers", 2, "--dask", "tcp://127.0.0.1:8786")
    done = xsift(*words, *both)
    assert (done.status, "exclude each other" in done.err) == (2, True)
    # A folder of votes is a catalogue to the other commands.
    assert xsift("show", "s001", "--catalogue", tmp_path / "out").status == 0


def test_a_survey_of_the_users_own(tmp_path):
    table = ballots()
    pq.write_table(table, tmp_path / "t.parquet")
    settings = Settings(survey="csc21")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        record = vote_stream(
            tmp_path / "t.parquet", settings, tmp_path / "out", PAPER_CLASSES, **ROWS
        ).record
    assert record["survey"] == surveys.load("csc21").name
    assert_same(
        tmp_path / "out", vote_table(tmp_path / "t.parquet", settings, classes=PAPER_CLASSES)
    )
