"""HATS as others read it: a hostile title in the properties, and the whole by the library."""

import pyarrow.parquet as pq
import pytest

from xsift.publish import publication


def test_a_hostile_title_reaches_the_files(xsift, tmp_path, catalogue):
    said = ("--title", "a \udcff\\", "--creator", "Doe\udcff, J.")
    assert xsift("publish", catalogue, "--out", tmp_path, "--static", *said).status == 0
    top = tmp_path / "hats" / "sources"
    for path in (top / "collection.properties", top / "sources" / "hats.properties"):
        text = path.read_text("utf-8")
        assert "obs_title=a \\\\: sources\n" in text
        assert "hats_creator=Doe, J.\n" in text
    assert "Doe, J." in (tmp_path / "README.md").read_text("utf-8")


def test_the_library_finds_the_catalogue_valid(tmp_path, catalogue, caplog):
    hats = pytest.importorskip("hats", reason="hats is not installed: it validates what is written")
    from hats.io.validation import is_valid_catalog

    title = "a \\u12 title\\"
    publication.publish(catalogue, tmp_path, static=True, title=title, licence="CC0-1.0")
    for name, kind in (("sources", "object"), ("detections", "source")):
        folder = tmp_path / "hats" / name
        assert is_valid_catalog(folder, strict=True), caplog.text
        found = hats.read_hats(folder)
        assert found.default_margin == f"{name}_30arcs"
        info = found.main_catalog.catalog_info
        assert (info.obs_title, info.catalog_type) == (f"{title}: {name}", kind)
        assert (info.hats_copyright, info.obs_regime) == ("CC0-1.0", "X-ray")
        parts = list((folder / name / "dataset").rglob("Npix=*.parquet"))
        assert len(found.get_healpix_pixels()) == len(parts)
        assert info.total_rows == sum(pq.read_metadata(p).num_rows for p in parts)
        given = pq.read_schema(tmp_path / f"{name}.parquet")
        for part in parts:
            schema = pq.read_schema(part)
            assert [schema.field(f.name).metadata for f in given] == [f.metadata for f in given]
        parts[0].unlink()
        assert not is_valid_catalog(folder, strict=True)
