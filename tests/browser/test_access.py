"""For everyone: by keyboard, by ear, on a phone, in the dark, with any colour vision."""

from pathlib import Path

import pytest

from .conftest import PHONE

AXE = Path(__file__).parent / "axe" / "axe.min.js"
STATES = {
    "sky": "",
    "properties": "view=properties&colour=typicality",
    "classes": "view=properties&colour=class",
    "density": "view=properties&colour=density",
    "side by side": "view=both&min_p=0.5",
    "distributions": "view=distributions",
    "table": "view=table",
    "starred": "view=starred",
    "anomalies": "view=anomalies",
    "classify": "view=classify",
    "about": "view=about",
}
SETTLED = {
    "table": "table.data tbody tr",
    "distributions": "#view-distributions tbody tr",
    "starred": "#view-starred .empty",
    "anomalies": ".anomalies li",
}


def show(open_page, view, **context):
    page = open_page(STATES[view], **context)
    if view in SETTLED:
        page.wait_for_selector(SETTLED[view])
    return page


def violations(page):
    """What axe-core finds against WCAG 2.1 A and AA, and its own best practices."""
    page.evaluate(AXE.read_text("utf-8"))
    found = page.evaluate(
        "axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa']})"
        ".then((r) => r.violations.map((v) => [v.id, v.nodes.map((n) => n.html.slice(0, 160))]))"
    )
    return {name: nodes[:4] for name, nodes in found}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("view", STATES)
def test_axe_finds_nothing(open_page, view, scheme):
    page = show(open_page, view, color_scheme=scheme)
    assert not violations(page)


def test_axe_finds_nothing_on_a_card(open_page, sources):
    page = open_page("view=table&sort=-n_detections")
    page.wait_for_selector("table.data tbody tr")
    page.locator("table.data tbody th button").first.click()
    page.wait_for_selector("#card .multiple")
    assert not violations(page)


def test_axe_would_find_something(open_page):
    page = open_page("view=about")
    page.evaluate("""() => { const i = document.createElement('input');
      document.querySelector('#view-about').append(i); }""")
    assert "label" in violations(page)


def test_a_walk_by_keyboard(open_page, total, sources):
    """Skip link, filter, tab, sort, card and back, without a pointer."""
    page = open_page()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.get_by_label("Typicality, least").focus()
    page.keyboard.press("End")
    page.wait_for_function(
        "n => +document.querySelector('.total strong').textContent < n", arg=sources.num_rows
    )
    page.locator("#reset").focus()
    page.keyboard.press("Enter")
    total(page, of=sources.num_rows)
    page.get_by_role("link", name="Table", exact=True).focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("table.data tbody tr")
    page.get_by_role("button", name="typicality", exact=True).focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("th[aria-sort=ascending]")
    # The heading keeps the focus though the table was made anew.
    assert page.evaluate("document.activeElement.dataset.sort") == "typicality"
    first = page.locator("table.data tbody th button").first
    name = first.inner_text()
    first.focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("#card .verdict")
    assert page.evaluate("document.activeElement.id") == "card-name"
    page.keyboard.press("Escape")
    page.wait_for_selector("#card", state="hidden")
    assert page.evaluate("document.activeElement.textContent") == name


def test_the_map_by_keyboard(open_page):
    page = open_page()
    page.locator("#view-sky canvas.over").focus()
    for key in ("+", "+", "+", "ArrowLeft", "ArrowUp"):
        page.keyboard.press(key)
    page.wait_for_function("() => location.hash.includes('sky=')")
    longitude, latitude, zoom = map(float, page.url.split("sky=")[1].split("&")[0].split(","))
    assert 0 < longitude < 180  # left is where longitude grows
    assert latitude > 0
    assert abs(zoom - 1.4**3) < 1e-6
    page.keyboard.press("Enter")
    page.wait_for_selector("#card .verdict")
    page.keyboard.press("Escape")
    page.locator("#view-sky canvas.over").focus()
    page.keyboard.press("0")
    page.wait_for_function("() => !location.hash.includes('sky=')")


@pytest.mark.parametrize("view", STATES)
def test_a_phone_needs_no_sideways_scrolling(open_page, view):
    page = show(open_page, view, viewport=PHONE, is_mobile=True, has_touch=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def test_filters_and_card_on_a_phone(open_page, total, sources):
    page = open_page("view=table", viewport=PHONE, is_mobile=True, has_touch=True)
    page.wait_for_selector("table.data tbody tr")
    page.get_by_role("button", name="Filters").tap()
    page.locator("#filters [data-group=AGN] input").uncheck()
    kept = sum(g != "AGN" for g in sources["group"].to_pylist())
    total(page, of=kept)
    page.get_by_role("button", name="Done").tap()
    assert not page.locator("#filters").is_visible()
    page.wait_for_function(
        "n => document.querySelector('#view-table .where').textContent.endsWith(`of ${n}`)",
        arg=f"{kept:,}",
    )
    page.locator("table.data tbody th button").first.tap()
    page.wait_for_selector("#card .verdict")
    box = page.locator("#card").bounding_box()
    assert box["width"] == PHONE["width"]
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    page.get_by_role("button", name="Close the card").tap()
    page.wait_for_selector("#card", state="hidden")


def test_groups_differ_in_lightness_or_shape(open_page):
    """Colours from one place, and never colour alone: each group has a marker of its own."""
    page = open_page()
    about = page.evaluate("fetch('/api/catalogue').then((r) => r.json())")
    from xsift.plots.style import GROUP_COLOURS, GROUP_MARKERS

    named = set(about["groups"]) & set(GROUP_COLOURS)
    assert {"AGN", "Seyfert", "XB", "YSO"} <= named
    assert {g: about["colours"][g] for g in named} == {g: GROUP_COLOURS[g] for g in named}
    assert {g: about["markers"][g] for g in named} == {g: GROUP_MARKERS[g] for g in named}
    assert len(set(about["markers"].values())) == len(about["groups"])


def test_the_theme_is_kept(open_page):
    page = open_page(color_scheme="light")
    theme = page.locator("#theme")
    assert page.evaluate("document.documentElement.dataset.theme") == "light"
    theme.click()
    theme.click()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    page.reload()
    page.wait_for_selector("body[data-ready]")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
