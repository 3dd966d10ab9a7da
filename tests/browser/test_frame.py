"""What stands around the views: menus, messages, the search box, tabs, legends."""

import pytest

from .conftest import PHONE
from .test_explore import wait_for_state

TABLET = {"width": 1024, "height": 768}
VIEWS = ["sky", "properties", "both", "table", "anomalies", "classify", "about"]


def menu(page, name):
    return page.locator("details.menu", has=page.locator("summary", has_text=name))


def is_open(page, name):
    return menu(page, name).evaluate("m => m.open")


def table(open_page, **context):
    page = open_page("view=table", **context)
    page.wait_for_selector("table.data tbody tr")
    return page


def test_escape_closes_a_menu_and_gives_the_focus_back(open_page):
    page = table(open_page)
    menu(page, "Columns").locator("summary").click()
    page.keyboard.press("Tab")
    page.keyboard.press("Escape")
    assert not is_open(page, "Columns")
    assert page.evaluate("document.activeElement.textContent") == "Columns"


def test_escape_closes_the_menu_before_the_card(open_page):
    page = table(open_page)
    page.locator("table.data tbody th button").first.click()
    page.wait_for_selector("#card .verdict")
    menu(page, "Columns").locator("summary").click()
    page.keyboard.press("Escape")
    assert not is_open(page, "Columns")
    assert page.locator("#card").is_visible()
    page.keyboard.press("Escape")
    page.wait_for_selector("#card", state="hidden")


def test_a_press_outside_closes_a_menu(open_page):
    page = table(open_page)
    menu(page, "Columns").locator("summary").click()
    page.locator("#view-table .where").click()
    assert not is_open(page, "Columns")
    # One within does not.
    menu(page, "Columns").locator("summary").click()
    page.get_by_label("glon", exact=False).first.check()
    assert is_open(page, "Columns")


@pytest.mark.parametrize("viewport", [None, TABLET, PHONE])
def test_menus_do_not_lie_over_each_other(open_page, viewport):
    page = table(open_page, **({"viewport": viewport} if viewport else {}))
    menu(page, "Columns").locator("summary").click()
    menu(page, "Download").locator("summary").dispatch_event("click")
    page.wait_for_function("() => document.querySelectorAll('details.menu[open]').length === 1")
    assert is_open(page, "Download")
    box = menu(page, "Download").locator(".menu-list").bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= page.viewport_size["width"]


@pytest.mark.parametrize("view", VIEWS)
def test_on_a_phone_search_box_and_tabs_are_whole(open_page, view):
    page = open_page(f"view={view}", viewport=PHONE, is_mobile=True, has_touch=True)
    box = page.locator("#query").bounding_box()
    assert box["width"] >= 140
    for tab in page.locator("#tabs a:visible").all():
        where = tab.bounding_box()
        assert where["x"] >= 0
        assert where["x"] + where["width"] <= PHONE["width"], tab.inner_text()
        assert where["height"] >= 24
    assert page.locator("header.masthead").bounding_box()["height"] <= 130


def test_a_message_goes_with_the_view_it_was_said_in(open_page):
    page = open_page()
    page.get_by_label("Search a source").fill("no such thing")
    page.keyboard.press("Enter")
    page.wait_for_selector("#notice:visible")
    page.get_by_role("link", name="Table", exact=True).click()
    page.wait_for_selector("table.data tbody tr")
    assert not page.locator("#notice").is_visible()
    page.get_by_label("Search a source").fill("no such thing")
    page.keyboard.press("Enter")
    page.wait_for_selector("#notice:visible")
    page.get_by_role("button", name="Close this message").click()
    assert not page.locator("#notice").is_visible()
    page.watch.outside.clear()
    page.watch.faults.clear()


@pytest.mark.parametrize("words", ["M31", "m 31", "Andromeda"])
def test_a_well_known_object_is_found_without_a_network(open_page, words):
    page = open_page()
    page.get_by_label("Search a source").fill(words)
    page.keyboard.press("Enter")
    longitude, b, _ = map(float, wait_for_state(page, "sky").split(","))
    assert abs(longitude - 121.17) < 0.1
    assert abs(b + 21.57) < 0.1
    assert "M 31" in page.inner_text("#notice")
    assert not page.watch.outside


@pytest.mark.parametrize("view", ["sky", "properties", "both", "table"])
def test_the_legend_does_not_repeat_the_filters(open_page, view):
    page = open_page(f"view={view}")
    assert page.locator("#filters [data-group]").count() > 3
    assert not page.locator(".view .legend [data-group]:visible").count()


def test_on_a_phone_where_the_filters_are_hidden_the_legend_is_there(open_page):
    page = open_page(viewport=PHONE, is_mobile=True, has_touch=True)
    assert not page.locator("#filters").is_visible()
    assert page.locator("#view-sky .legend [data-group]:visible").count() > 3


@pytest.mark.parametrize("state", ["view=properties&colour=class", "view=table"])
def test_shades_of_classes_have_a_key(open_page, state):
    page = open_page(state)
    keys = page.locator(".view:visible .shades li")
    texts = keys.all_inner_texts()
    assert {"quasar", "young stellar object"} <= set(texts)
    tones = keys.locator(".swatch").evaluate_all(
        "all => all.map(s => getComputedStyle(s).backgroundColor)"
    )
    assert len(set(tones)) == len(texts)
    # The filters' list of classes shows the same shades.
    page.get_by_role("button", name="Classes of AGN").click()
    mine = page.locator("#filters .row.sub:visible .swatch").first
    assert mine.evaluate("s => getComputedStyle(s).backgroundColor") in tones


def test_a_view_without_shades_has_no_key(open_page):
    page = open_page("view=properties")
    assert not page.locator("#view-properties .shades").count()
    page.get_by_label("Colour", exact=True).select_option("class")
    page.wait_for_selector("#view-properties .shades li")
    page.get_by_label("Colour", exact=True).select_option("group")
    page.wait_for_selector("#view-properties .shades", state="detached")
