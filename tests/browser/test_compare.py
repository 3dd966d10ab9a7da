"""Two catalogues of the same sources: the matrix against a count by hand, and its sources."""

import shutil
from collections import Counter
from xml.etree import ElementTree

import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq
import pytest

from .conftest import PHONE, serving
from .test_access import violations


@pytest.fixture(scope="module")
def other(catalogue, tmp_path_factory):
    """The catalogue with every fifth source an X-ray binary, and without its last thirty."""
    folder = tmp_path_factory.mktemp("other") / "<b>other"
    shutil.copytree(catalogue, folder)
    table = pq.read_table(folder / "sources.parquet")
    table = table.slice(0, table.num_rows - 30)
    for name, word in (("class", "XB*"), ("group", "XB")):
        column = [word if k % 5 == 0 else w for k, w in enumerate(table[name].to_pylist())]
        table = table.set_column(table.column_names.index(name), name, pa.array(column))
    pq.write_table(table, folder / "sources.parquet")
    return folder


@pytest.fixture(scope="module")
def both(catalogue, other):
    with serving(catalogue, "--compare", str(other)) as found:
        yield found


@pytest.fixture(scope="module")
def pairs(sources, other):
    """(group there, group here) of each source that is there, by name."""
    there = pq.read_table(other / "sources.parquet")
    here = dict(zip(sources["name"].to_pylist(), sources["group"].to_pylist(), strict=True))
    names = there["name"].to_pylist()
    return [(g, here[name]) for name, g in zip(names, there["group"].to_pylist(), strict=True)]


def open_matrix(open_page, both, state="view=compare", **context):
    page = open_page(state, at=both, **context)
    page.wait_for_selector(".matrix td")
    return page


def cell(page, there, here):
    return page.locator(".matrix").get_by_role(
        "button", name=f"sources: {there} there, {here} here"
    )


def test_the_matrix_is_the_count_by_hand(open_page, both, pairs, sources):
    page = open_matrix(open_page, both)
    for (there, here), n in Counter(pairs).items():
        names = ["none of these" if g == "none" else g for g in (there, here)]
        assert cell(page, *names).inner_text() == f"{n:,}"
    said = page.inner_text(".compare-summary")
    same = sum(a == b for a, b in pairs)
    assert f"Of {sources.num_rows:,} sources, {len(pairs):,} are there" in said
    assert f"{same:,} (" in said
    assert f"{len(pairs) - same:,} differ." in said
    assert "<b>other" in said  # the name of the folder, as text
    assert page.locator("#view-compare b").count() == 0


def test_a_cell_shows_its_sources(open_page, both, total, pairs):
    page = open_matrix(open_page, both)
    n = pairs.count(("XB", "AGN"))
    assert n > 5
    cell(page, "XB", "AGN").click()
    total(page, of=n)
    page.wait_for_function(
        "n => document.querySelector('#view-table .where').textContent.endsWith(`of ${n}`)",
        arg=f"{n:,}",
    )
    page.locator("summary", has_text="Download").click()
    with page.expect_download() as download:
        page.locator("a[data-format=csv][data-level=sources]").click()
    table = pc.read_csv(download.value.path())
    assert set(table["other_group"].to_pylist()) == {"XB"}
    assert set(table["group"].to_pylist()) == {"AGN"}


def test_those_that_differ(open_page, both, total, pairs, sources):
    page = open_matrix(open_page, both)
    page.get_by_role("button", name="Show the sources that differ").click()
    total(page, of=sum(a != b for a, b in pairs))
    page.get_by_role("link", name="Compare", exact=True).click()
    page.wait_for_selector(".matrix td")
    assert page.inner_text(".compare-summary").count("chosen sources") == 1
    assert not cell(page, "AGN", "AGN").count()
    page.get_by_role("button", name="Remove all filters").click()
    total(page, of=sources.num_rows)
    cell(page, "AGN", "AGN").wait_for()


def test_the_matrix_as_a_figure(open_page, both):
    page = open_matrix(open_page, both)
    menu = page.locator("#view-compare details.menu", has_text="Figure")
    menu.locator("summary").click()
    with page.expect_download() as download:
        menu.get_by_role("button", name="SVG").click()
    said = [node.text for node in ElementTree.parse(download.value.path()).iter() if node.text]
    assert any("(rows) and in this catalogue (columns)" in text for text in said)
    assert "AGN" in said


def test_without_another_there_is_no_such_view(open_page):
    page = open_page("view=compare")
    assert not page.get_by_role("link", name="Compare", exact=True).is_visible()
    assert page.locator("#view-sky").is_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(open_page, both, scheme):
    assert not violations(open_matrix(open_page, both, color_scheme=scheme))


def test_on_a_phone(open_page, both):
    page = open_matrix(open_page, both, viewport=PHONE, is_mobile=True, has_touch=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
