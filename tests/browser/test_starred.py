"""Lists that a reader keeps: stars, notes, files; storage that is not to be trusted."""

import csv
import json

import pytest
from astropy.io.votable import parse_single_table

from .conftest import PHONE
from .test_access import violations

NOTE = 'Flares, "twice";\n<b>see Gaia</b> & more =1+1'


def star_rows(page, n):
    page.wait_for_selector("table.data tbody tr")
    names = []
    for k in range(n):
        row = page.locator("#view-table tbody tr").nth(2 * k)
        names.append(row.locator(".link").inner_text())
        row.locator("button.star").click()
    return names


def kept(page):
    return page.evaluate(
        """() => Object.entries(localStorage).filter(([k]) => k.startsWith('xsift-stars-'))
        .map(([k, v]) => [k, JSON.parse(v)])"""
    )


def test_stars_and_notes_are_kept_and_taken_away(open_page, sources):
    page = open_page("view=table")
    first, second = star_rows(page, 2)
    page.locator("#view-table").get_by_role("button", name=first, exact=True).click()
    page.wait_for_selector("#card .verdict")
    page.locator("#card").get_by_label(f"Note to {first}").fill(NOTE)
    page.locator("#card").get_by_label(f"Note to {first}").blur()
    page.reload()
    page.wait_for_selector("#card .verdict")
    assert page.locator("#card").get_by_label(f"Note to {first}").input_value() == NOTE
    page.get_by_role("button", name="Close the card").click()
    page.get_by_role("link", name="Starred").click()
    rows = page.locator(".starred-table tbody tr")
    rows.nth(1).wait_for()
    assert [rows.nth(k).locator(".link").inner_text() for k in (0, 1)] == [first, second]
    index = sources["name"].to_pylist().index(first)
    assert (
        rows.nth(0).locator("[data-column=group]").inner_text() == sources["group"][index].as_py()
    )
    assert page.locator(".starred-table b").count() == 0
    assert not violations(page)
    rows.nth(0).get_by_role("button", name=f"Star {first}").click()
    rows.nth(1).wait_for(state="detached")
    ((_, left),) = kept(page)
    assert [star["name"] for star in left] == [second]
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Remove all").click()
    page.get_by_text("No source is starred yet.").wait_for()
    assert kept(page) == []


def test_the_list_is_a_filter_of_all_views(open_page, total):
    page = open_page("view=table")
    names = star_rows(page, 3)
    page.get_by_role("link", name="Starred").click()
    page.locator(".starred-table tbody tr").nth(2).wait_for()
    page.get_by_role("button", name="Select these sources").click()
    total(page, of=3)
    page.wait_for_function("() => document.querySelectorAll('#view-table tbody tr').length === 3")
    assert sorted(page.locator("#view-table tbody .link").all_inner_texts()) == sorted(names)
    page.get_by_role("button", name="Remove the filter: 3 picked sources").click()
    page.wait_for_function("() => !location.hash.includes('index=')")


def test_the_list_as_a_file(open_page, sources):
    page = open_page("view=table")
    names = star_rows(page, 3)
    page.get_by_role("link", name="Starred").click()
    page.locator(".starred-table tbody tr").nth(2).wait_for()
    page.get_by_label(f"Note to {names[1]}").fill(NOTE)
    page.get_by_label(f"Note to {names[1]}").blur()
    at = [sources["name"].to_pylist().index(name) for name in names]
    with page.expect_download() as download:
        page.get_by_role("button", name="Download CSV").click()
    assert download.value.suggested_filename == "xsift-starred.csv"
    with open(download.value.path(), newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["name"] for row in rows] == names
    assert [row["note"] for row in rows] == ["", NOTE, ""]
    for row, k in zip(rows, at, strict=True):
        assert float(row["ra"]) == sources["ra"][k].as_py()
        assert row["class"] == sources["class"][k].as_py()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download VOTable").click()
    table = parse_single_table(download.value.path())
    assert table.array["name"].tolist() == names
    assert table.array["note"].tolist() == ["", NOTE, ""]
    assert table.array["dec"].tolist() == [sources["dec"][k].as_py() for k in at]
    assert str(table.get_field_by_id_or_name("ra").unit) == "deg"


@pytest.mark.parametrize(
    "held",
    [
        "{",
        "null",
        "7",
        '"text"',
        '{"name": "x"}',
        '[null, 3, {"name": 4}, {"name": ""}, {"name": "n", "note": {"a": 1}, "added": 5}]',
        "[" * 5000,
        json.dumps([{"name": "x" * 400}]),
        "x" * 3_000_000,
    ],
    ids=lambda held: held[:20],
)
def test_storage_that_holds_something_else(open_page, total, sources, held):
    page = open_page("view=about")
    page.evaluate(
        """async (held) => { const { names_id } = await (await fetch('/api/catalogue')).json();
        localStorage.setItem(`xsift-stars-${names_id}`, held); }""",
        held,
    )
    page.reload()
    page.wait_for_selector("body[data-ready]")
    assert total(page) == sources.num_rows
    page.get_by_role("link", name="Starred").click()
    page.wait_for_selector("#view-starred .empty, #view-starred tbody tr")
    is_list = held.startswith("[") and not held.startswith("[[")
    warned = page.locator("#view-starred .warning").count()
    assert bool(warned) is not is_list
    # A new star is kept in its place.
    page.get_by_role("link", name="Table").click()
    (name,) = star_rows(page, 1)
    assert name in [star["name"] for star in kept(page)[0][1]]
    page.get_by_role("link", name="Starred").click()
    page.locator(".starred-table").get_by_role("button", name=name, exact=True).wait_for()
    assert page.locator("#view-starred .warning").count() == 0


def test_a_browser_without_storage(chromium, address):
    context = chromium.new_context()
    context.add_init_script(
        """Object.defineProperty(window, 'localStorage',
        {get() { throw new DOMException('no', 'SecurityError'); }})"""
    )
    page = context.new_page()
    faults = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto(f"{address}/#view=table")
    page.wait_for_selector("body[data-ready]")
    (name,) = star_rows(page, 1)
    assert "does not keep the list" in page.inner_text("#notice")
    page.get_by_role("link", name="Starred").click()
    page.locator(".starred-table").get_by_role("button", name=name, exact=True).wait_for()
    assert not faults
    context.close()


def test_at_most_a_thousand_stars(open_page):
    page = open_page("view=table")
    page.evaluate(
        """async () => { const { names_id } = await (await fetch('/api/catalogue')).json();
        const note = 'n'.repeat(1200);
        const many = Array.from({length: 1200}, (_, k) => ({name: `s${k}`, note}));
        localStorage.setItem(`xsift-stars-${names_id}`, JSON.stringify(many)); }"""
    )
    page.reload()
    page.wait_for_selector("#view-table tbody tr")
    page.locator("#view-table button.star").first.click()
    assert page.inner_text("#notice").startswith("At most 1,000 sources can be starred")
    page.get_by_role("link", name="Starred").click()
    page.wait_for_selector(".starred-table tbody tr")
    assert page.locator(".starred-table tbody tr").count() == 1000
    assert len(page.locator(".starred-table textarea").first.input_value()) == 1000


def test_stars_on_the_maps(open_page):
    page = open_page("view=table")
    page.wait_for_selector("#view-table tbody tr")
    drawn = """view => { const c = document.querySelector(`#view-${view} canvas.over`);
      const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
      return d.reduce((n, v, k) => n + (k % 4 === 3 && v > 0), 0); }"""
    star_rows(page, 2)
    for view, link in (("sky", "Sky"), ("properties", "Properties")):
        page.get_by_role("link", name=link, exact=True).click()
        page.wait_for_function(f"() => ({drawn})('{view}') > 100")
        assert page.locator(f"#view-{view} .legend").get_by_text("starred").count() == 1
    page.evaluate("import('/static/stars.js').then((m) => m.clearStars())")
    page.wait_for_function(f"() => ({drawn})('properties') === 0")


def test_starred_on_a_phone(open_page):
    page = open_page("view=table", viewport=PHONE, is_mobile=True, has_touch=True)
    (name,) = star_rows(page, 1)
    page.evaluate("location.hash = '#view=starred'")
    page.get_by_label(f"Note to {name}").wait_for()
    box = page.get_by_label(f"Note to {name}").bounding_box()
    assert box["width"] > 250
    assert box["x"] + box["width"] <= PHONE["width"]
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
