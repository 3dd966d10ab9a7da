"""HATS as others read it: a hostile title in the properties, and the whole by the library."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from xsift import publish
from xsift.publish import publication

TITLES = {
    "an escape": ("a \\u12 \\n \\q title", "a \\\\u12 \\\\n \\\\q title"),
    "a line that goes on": ("ends in \\", "ends in \\\\"),
    "lines and control characters": ("two\nlines \x1b[31m", "two lines [31m"),
    "bytes that are no text": ("from \udcff a shell", "from a shell"),
    "marks of a file of properties": ("# a = b: é!", "# a = b: é!"),
}


def survey(title: str, n: int = 300) -> publish.Resource:
    """A resource of one table of positions over the whole sky."""
    rng = np.random.default_rng(4)
    dec = np.degrees(np.arcsin(rng.uniform(-1, 1, n)))
    names = [f"S {i}" for i in range(n)]
    table = pa.table({"name": names, "ra": rng.uniform(0, 360, n), "dec": dec, "class": names})
    said = dict.fromkeys(("description", "creator", "licence", "reference", "created"), "")
    tables = (publish.ResourceTable("sources", "Sources", table, "name"),)
    return publish.Resource(schema="x", title=title, provenance={}, tables=tables, **said)


def properties(resource: publish.Resource) -> str:
    return publish.hats_properties(resource, resource.tables[0], {})


@pytest.mark.parametrize(("title", "written"), TITLES.values(), ids=list(TITLES))
def test_a_title_stays_one_line_of_text(title, written):
    lines = properties(survey(title)).splitlines()
    assert f"obs_title={written}: sources" in lines
    assert all("=" in line for line in lines)
    "\n".join(lines).encode()


def test_a_hostile_title_reaches_the_files(xsift, tmp_path, catalogue):
    said = ("--title", "a \udcff\\", "--creator", "Doe\udcff, J.")
    assert xsift("publish", catalogue, "--out", tmp_path, "--static", *said).status == 0
    text = (tmp_path / "hats" / "sources" / "hats.properties").read_text("utf-8")
    assert "obs_title=a \\\\: sources\n" in text
    assert "Doe, J." in (tmp_path / "README.md").read_text("utf-8")


@pytest.mark.slow
def test_the_library_finds_the_catalogue_valid(tmp_path, catalogue, caplog):
    hats = pytest.importorskip("hats", reason="hats is not installed: it validates what is written")
    from hats.io.validation import is_valid_catalog

    title = "a \\u12 title\\"
    publication.publish(catalogue, tmp_path, static=True, title=title)
    for name in ("sources", "detections"):
        folder = tmp_path / "hats" / name
        assert is_valid_catalog(folder, strict=True), caplog.text
        found = hats.read_hats(folder)
        assert found.catalog_info.obs_title == f"{title}: {name}"
        parts = list((folder / "dataset").rglob("Npix=*.parquet"))
        assert len(found.get_healpix_pixels()) == len(parts)
        assert found.catalog_info.total_rows == sum(pq.read_metadata(p).num_rows for p in parts)
        parts[0].unlink()
        assert not is_valid_catalog(folder, strict=True)
