"""A published catalogue is served as it was written: by TAP, by cone search, without complaint."""

import json
import shutil
import subprocess
import urllib.request
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord

from xsift import Settings, run, vote_table
from xsift.publish import publication
from xsift.simulate import simulate
from xsift.write import write_table

pyvo = pytest.importorskip("pyvo")
pytestmark = pytest.mark.tap

SCHEMA = "xsift_test"


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory):
    """A classified simulated survey, with positions and names that are hard on a service."""
    folder = tmp_path_factory.mktemp("catalogue")
    simulation = simulate(1500, seed=7)
    detections, known = simulation.detections, simulation.known
    ra, dec = detections["ra"].to_numpy().copy(), detections["dec"].to_numpy().copy()
    ra[:4], dec[:4] = [0.0, 359.9999, 12.0, 200.0], [0.0, 0.0, 89.9999, -89.9999]
    columns = {c: detections[c] for c in detections.column_names}
    columns["ra"], columns["dec"] = pa.array(ra), pa.array(dec)
    columns["name"] = pa.array(
        ["<i>Ö & \"x\" 'y' \\sql{z}"] * 3 + detections["name"].to_pylist()[3:]
    )
    write_table(pa.table(columns), folder / "table.vot", "votable", {})
    write_table(known, folder / "known.csv", "csv", {})
    done = run(folder / "table.vot", folder / "known.csv", Settings(method="paper"))
    done.write(folder)
    record = json.loads((folder / "run.json").read_text())
    record["input"] = "<img src=x onerror=alert(1)>.vot"
    (folder / "run.json").write_text(json.dumps(record))
    return folder


@pytest.fixture(scope="module")
def served(tap, dachsroot, dachs, inputs, catalogue, tmp_path_factory):
    """The catalogue's resource in the running server; gone afterwards."""
    out = tmp_path_factory.mktemp("resource")
    try:
        yield _install(
            dachsroot,
            inputs,
            catalogue,
            out,
            SCHEMA,
            title="Classes <b>&amp;</b> \\test{1}",
            creator="Doe, J.; Röe, R.",
            licence="CC-BY-4.0",
        )
    finally:
        dachs("drop", SCHEMA)
        shutil.rmtree(inputs / SCHEMA, ignore_errors=True)


def _install(dachsroot, inputs, catalogue, out, schema, **said):
    """Publish as the page on publishing has it; give what `dachs val` says."""
    publication.publish(catalogue, out, schema, **said)
    place = inputs / schema
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(out, place)
    subprocess.run(["chown", "-R", "dachsroot:gavo", place], check=True)
    validated = dachsroot("dachs", "val", f"{schema}/q")
    dachsroot("dachs", "imp", f"{schema}/q")
    dachsroot("dachs", "pub", f"{schema}/q")
    dachsroot("dachs", "serve", "reload")
    return validated


@pytest.fixture(scope="module")
def service(tap, served):
    return pyvo.dal.TAPService(tap.url)


def test_dachs_validates_it(served):
    assert served.strip() == f"{SCHEMA}/q -- OK"


@pytest.mark.parametrize("name", ["sources", "detections"])
def test_a_query_finds_the_classes(service, catalogue, name):
    table = pq.read_table(catalogue / f"{name}.parquet")
    found = service.run_sync(
        f"SELECT class, COUNT(*) AS n FROM {SCHEMA}.{name} WHERE class IS NOT NULL GROUP BY class"
    )
    want = {v["values"]: v["counts"] for v in table["class"].drop_null().value_counts().to_pylist()}
    assert len(want) > 3
    assert dict(zip(found["class"].tolist(), found["n"].tolist(), strict=True)) == want


@pytest.mark.parametrize("name", ["sources", "detections"])
def test_every_value_comes_back(service, catalogue, name):
    """All rows and columns, missing ones missing; only the column `group` has another name."""
    table = pq.read_table(catalogue / f"{name}.parquet")
    found = service.run_sync(f"SELECT * FROM {SCHEMA}.{name}", maxrec=100_000).to_table()
    names = [{"group": "class_group"}.get(c, c) for c in table.column_names]
    assert found.colnames == names
    want = sorted(_rows(table.to_pydict().values()))
    assert sorted(_rows(_column(found[c]) for c in names)) == want


def _column(column):
    mask = np.ma.getmaskarray(column)
    return [None if gone else value for value, gone in zip(column.tolist(), mask, strict=True)]


def _rows(columns):
    """Rows in words, so that they can be sorted; empty text and null are one in a VOTable."""
    plain = ([None if v in ("", None) or v != v else v for v in c] for c in columns)
    return [repr(row) for row in zip(*plain, strict=True)]


@pytest.mark.parametrize("name", ["sources", "detections"])
def test_a_cone_search_agrees_with_astropy(tap, served, catalogue, name):
    table = pq.read_table(catalogue / f"{name}.parquet")
    at = SkyCoord(table["ra"].to_numpy(), table["dec"].to_numpy(), unit="deg")
    base = tap.url.removesuffix("/tap")
    cone = pyvo.dal.SCSService(f"{base}/{SCHEMA}/q/cone_{name}/scs.xml?")
    counts = []
    for ra, dec, radius in [
        (0, 0, 0.5),
        (83.8, -5.4, 3),
        (100, 89.9, 2),
        (10, -90, 5),
        (266, -29, 4),
    ]:
        found = cone.search(pos=(ra, dec), radius=radius).to_table()
        near = at.separation(SkyCoord(ra, dec, unit="deg")) <= radius * u.deg
        want = [n for n, yes in zip(table["name"].to_pylist(), near, strict=True) if yes]
        # DaCHS's cone search answers in ASCII; its TAP service does not.
        want = [n.encode("ascii", "replace").decode() for n in want]
        assert sorted(found["name"].tolist()) == sorted(want)
        counts.append(len(want))
    assert sum(c > 0 for c in counts) >= 3


def test_columns_carry_units_ucds_and_descriptions(service, catalogue):
    table = pq.read_table(catalogue / "detections.parquet")
    columns = {c.name: c for c in service.tables[f"{SCHEMA}.detections"].columns}
    for field in table.schema:
        said = {k.decode(): v.decode() for k, v in field.metadata.items()}
        served = columns[{"group": "class_group"}.get(field.name, field.name)]
        assert (served.unit or "") == said.get("unit", "")
        assert served.ucd == said["ucd"]
        assert served.description == said["description"]


@pytest.mark.parametrize("page", ["info", "form"])
def test_pages_show_text_as_text(tap, served, page):
    url = f"{tap.url.removesuffix('/tap')}/{SCHEMA}/q/cone_sources/{page}"
    shown = urllib.request.urlopen(url, timeout=60).read().decode()
    assert "&lt;b&gt;" in shown
    assert "<b>&amp;</b>" not in shown
    assert "<img src=x" not in shown


def test_the_least_that_is_said_is_enough(tap, dachs, dachsroot, inputs, catalogue, tmp_path):
    """No creator, no licence, no positions: the server takes it all the same."""
    plain = tmp_path / "plain"
    shutil.copytree(catalogue, plain)
    for path in plain.glob("*.parquet"):
        pq.write_table(pq.read_table(path).drop_columns(["ra", "dec"]), path)
    schema = f"{SCHEMA}_plain"
    try:
        said = _install(dachsroot, inputs, plain, tmp_path / "out", schema)
        assert said.strip() == f"{schema}/q -- OK"
        found = pyvo.dal.TAPService(tap.url).run_sync(f"SELECT COUNT(*) AS n FROM {schema}.sources")
        assert found["n"].tolist() == [pq.read_metadata(plain / "sources.parquet").num_rows]
    finally:
        dachs("drop", schema)
        shutil.rmtree(inputs / schema, ignore_errors=True)


def test_votes_alone_are_a_service_of_sources(tap, dachs, dachsroot, inputs, catalogue, tmp_path):
    voted, schema = tmp_path / "voted", f"{SCHEMA}_voted"
    vote_table(catalogue / "detections.parquet").write(voted, ())
    try:
        said = _install(dachsroot, inputs, voted, tmp_path / "out", schema)
        assert said.strip() == f"{schema}/q -- OK"
        found = pyvo.dal.TAPService(tap.url).run_sync(f"SELECT COUNT(*) AS n FROM {schema}.sources")
        assert found["n"].tolist() == [pq.read_metadata(voted / "sources.parquet").num_rows]
    finally:
        dachs("drop", schema)
        shutil.rmtree(inputs / schema, ignore_errors=True)


def test_taplint_finds_no_error(tap, served, stilts):
    stages = "TMV TME TMS TMC CPV CAP AVV QGE QPO QAS UPL"
    done = subprocess.run(
        ["stilts", "taplint", f"tapurl={tap.url}", f"stages={stages}", "report=ES", "maxrepeat=5"],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert [line for line in done.stdout.splitlines() if line.startswith("E-")] == []
    assert "Errors: 0" in done.stdout, done.stdout


def test_votlint_is_silent_on_what_is_published(tap, served, inputs, stilts):
    for name in ("sources", "detections"):
        path = Path(inputs / SCHEMA / f"{name}.vot")
        done = subprocess.run(
            ["stilts", "votlint", path], capture_output=True, text=True, timeout=120
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
