"""The page of a report in a browser: it fits the screen and the sheet, and its links lead."""

import json
import re

import pytest

from .conftest import LAPTOP, PHONE
from .test_access import violations

TABLET = {"width": 1024, "height": 768}
SHEET = {"width": 700, "height": 1000}  # A4 between Chromium's margins, at 96 to the inch
CUT = """() => [...document.querySelectorAll('.wide')]
  .filter(e => e.scrollWidth > e.clientWidth)
  .map(e => `${e.querySelector('caption').textContent.trim()} ${e.scrollWidth}`)"""
OUTSIDE = """() => [...document.querySelectorAll('main *')].filter(e => !e.closest('svg')
  && !e.closest('.wide') && e.getBoundingClientRect().right > innerWidth + 1)
  .map(e => e.outerHTML.slice(0, 120))"""


@pytest.fixture(scope="module")
def folder(catalogue, tmp_path_factory):
    from xsift.report.report import write_report

    return write_report(catalogue, tmp_path_factory.mktemp("report")).folder


@pytest.fixture
def open_report(chromium, folder):
    opened, faults = [], []

    def show(viewport, **context):
        opened.append(chromium.new_context(viewport=viewport, **context))
        page = opened[-1].new_page()
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda m: m.type == "error" and faults.append(m.text))
        page.goto((folder / "report.html").as_uri())
        return page

    yield show
    for context in opened:
        context.close()
    assert not faults


@pytest.mark.parametrize("viewport", [LAPTOP, TABLET], ids=["laptop", "tablet"])
def test_no_column_is_cut(open_report, viewport):
    page = open_report(viewport)
    assert page.evaluate("document.querySelectorAll('.wide').length") > 10
    assert page.evaluate(CUT) == []
    assert page.evaluate(OUTSIDE) == []
    assert page.evaluate("document.documentElement.scrollWidth") == viewport["width"]


def test_a_cut_column_would_be_found(open_report):
    page = open_report(LAPTOP)
    page.evaluate("document.querySelector('.wide td').textContent = 'x'.repeat(400)")
    assert page.evaluate(CUT)


def test_on_a_phone_wide_tables_scroll_and_keep_the_first_column(open_report):
    page = open_report(PHONE)
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    assert page.evaluate(OUTSIDE) == []
    cut = page.evaluate(CUT)
    assert cut
    # Narrow tables do not scroll: what was found, and those of the cards.
    assert all(c.startswith(("Medians of", "Statements,")) for c in cut)
    box = page.evaluate("""() => {
      const wide = [...document.querySelectorAll('.wide')].find(e => e.scrollWidth > e.clientWidth);
      wide.scrollLeft = 200;
      const left = e => Math.round(e.getBoundingClientRect().left);
      return [wide.scrollLeft > 0, left(wide), left(wide.querySelector('tbody th'))];
    }""")
    assert box[0]
    assert box[1] == box[2]


def test_one_screen_says_what_was_found(open_report):
    page = open_report(LAPTOP)
    bottom = "s => document.querySelector(s).getBoundingClientRect().bottom"
    for part in (".first", ".caveats li"):
        assert page.evaluate(bottom, part) <= LAPTOP["height"]
    tops = page.eval_on_selector_all("h2", "all => all.map(e => e.getBoundingClientRect().top)")
    assert tops == sorted(tops)


def test_numbers_are_aligned(open_report):
    page = open_report(LAPTOP)
    found = page.evaluate("""() => [...document.querySelectorAll('.first tbody tr')].map(tr =>
      [...tr.querySelectorAll('td')].map(td => [getComputedStyle(td).textAlign,
        getComputedStyle(td).fontVariantNumeric, td.textContent.trim()]))""")
    assert len(found) >= 4
    for row in found:
        assert {(align, digits) for align, digits, _ in row} == {("right", "tabular-nums")}
    # Every number of a column has as many decimals.
    for column in zip(*found, strict=True):
        decimals = {re.sub(r"^.*?(\.\d+)?$", r"\1", text) for *_, text in column}
        assert len({len(d) for d in decimals}) == 1


def test_figures_are_as_wide_as_the_page(open_report, folder):
    page = open_report(LAPTOP)
    wide = page.evaluate("document.querySelector('main').clientWidth")
    found = page.eval_on_selector_all(
        ".drawing svg", "all => all.map(e => e.getBoundingClientRect().width)"
    )
    record = json.loads((folder / "report.json").read_text("utf-8"))
    inches = {f["stem"]: f["size"][0] for f in record["figures"]}
    assert len(found) == len(inches)
    assert max(found) <= wide
    full = [w for w in found if w > 0.95 * wide]
    assert len(full) >= sum(size >= 7 for size in inches.values())
    page = open_report(PHONE)
    scale = page.eval_on_selector_all(
        ".drawing svg",
        "all => all.map(e => e.getBoundingClientRect().width / e.viewBox.baseVal.width)",
    )
    # A point of print stays a pixel, nearly: smaller text cannot be read.
    assert min(scale) > 0.9


def test_the_name_of_a_source_leads_to_its_card(open_report):
    page = open_report(LAPTOP)
    link = page.locator(".first li a").first
    name = link.inner_text()
    link.click()
    card = page.locator(f"{page.evaluate('location.hash')}.card")
    assert card.locator("h3").inner_text() == name
    assert card.evaluate("e => Math.abs(e.getBoundingClientRect().top) < innerHeight")
    card.get_by_text("Back to the top").click()
    assert page.evaluate("scrollY") < LAPTOP["height"]


def test_the_contents_lead_to_every_section(open_report):
    page = open_report(LAPTOP)
    links = page.locator("nav.contents a")
    assert links.count() >= 8
    for k in range(links.count()):
        links.nth(k).click()
        section = page.locator(page.evaluate("location.hash"))
        assert section.locator("h2").first.inner_text() == links.nth(k).inner_text()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [LAPTOP, PHONE], ids=["laptop", "phone"])
def test_axe_finds_nothing(open_report, viewport, scheme):
    page = open_report(viewport, color_scheme=scheme, bypass_csp=True)
    assert not violations(page)


def test_it_prints(open_report):
    page = open_report(SHEET)
    page.emulate_media(media="print")
    over = page.evaluate("""() => [...document.querySelectorAll('table, .drawing svg, section')]
      .filter(e => e.getBoundingClientRect().right > innerWidth + 1)
      .map(e => e.textContent.trim().slice(0, 60))""")
    assert over == []
    hidden = "all => all.every(e => getComputedStyle(e).display === 'none')"
    assert page.eval_on_selector_all(".up, .files", hidden)
    pdf = page.pdf(format="A4")
    assert pdf.startswith(b"%PDF")
    assert 5 < len(re.findall(rb"/Type\s*/Page\b", pdf)) < 80
