"""Filters on any column: a range, words, missing or not; in the address and in downloads."""

from urllib.parse import parse_qs, quote, urlsplit

import numpy as np
import pyarrow.csv as pc
import pytest

from .test_access import violations


def values(sources, name):
    return sources[name].to_numpy(zero_copy_only=False).astype(float)


def where_of(page):
    page.wait_for_function("() => location.hash.includes('where=')")
    return parse_qs(urlsplit(page.url).fragment)["where"][0]


def open_form(page, column, way):
    if not page.locator("#where-column").is_visible():
        page.get_by_text("Filter on any column").click()
    page.select_option("#where-column", column)
    page.select_option("#where-way", way)


def add(page):
    page.get_by_role("button", name="Add this filter").click()


def test_a_range_of_any_number(open_page, total, sources):
    page = open_page()
    kt = values(sources, "bb_kt")
    open_form(page, "bb_kt", "range")
    page.get_by_label("least", exact=True).fill("0.5")
    page.get_by_label("greatest", exact=True).fill("1.5")
    add(page)
    kept = (kt >= 0.5) & (kt <= 1.5)
    total(page, of=int(kept.sum()))
    assert where_of(page) == "bb_kt:range:0.5:1.5"
    # With the other filters: all must hold.
    page.get_by_label("Probability of its class, least").fill("0.5")
    open_form(page, "var_prob_h", "missing")
    add(page)
    kept &= np.isnan(values(sources, "var_prob_h"))
    page.locator("#filters .chip", has_text="var_prob_h is missing").wait_for()
    page.get_by_label("Probability of its class, least").fill("0")
    total(page, of=int(kept.sum()))
    assert 0 < kept.sum() < sources.num_rows
    assert where_of(page) == "bb_kt:range:0.5:1.5~var_prob_h:missing"
    page.get_by_role("button", name="Remove the filter: bb_kt 0.5 to 1.5 keV").click()
    total(page, of=int(np.isnan(values(sources, "var_prob_h")).sum()))
    page.go_back()
    total(page, of=int(kept.sum()))
    page.locator("#reset").click()
    total(page, of=sources.num_rows)


def test_words_of_any_column(open_page, total, sources):
    page = open_page("view=table")
    sets = sources["group_set"].to_pylist()
    most = sorted({s for s in sets if s}, key=lambda s: (-sets.count(s), s))[:2]
    open_form(page, "group_set", "is")
    for word in most:
        page.get_by_role("group", name="Words of group_set").get_by_label(word).first.check()
    add(page)
    kept = sum(s in most for s in sets)
    total(page, of=kept)
    page.wait_for_function(
        "n => document.querySelector('#view-table .where').textContent.endsWith(`of ${n}`)",
        arg=f"{kept:,}",
    )
    page.locator("summary", has_text="Download").click()
    with page.expect_download() as download:
        page.locator("a[data-format=csv][data-level=sources]").click()
    assert set(pc.read_csv(download.value.path())["group_set"].to_pylist()) == set(most)


def test_a_link_holds_the_conditions(open_page, total, sources):
    word = next(s for s in sources["group_set"].to_pylist() if s)
    state = f"where=group_set:is:{quote(quote(word))}~bb_kt:present~ra:range::180"
    kept = [
        g == word and kt is not None and ra <= 180
        for g, kt, ra in zip(
            *(sources[n].to_pylist() for n in ("group_set", "bb_kt", "ra")), strict=True
        )
    ]
    page = open_page(state)
    total(page, of=sum(kept))
    assert page.locator(".conditions .chip").count() == 3


@pytest.mark.parametrize(
    ("ends", "said"),
    [
        (("", ""), "Give the least value, the greatest, or both."),
        (("2", "1"), "The least value, 2, is above the greatest, 1."),
    ],
)
def test_a_range_that_is_none(open_page, total, sources, ends, said):
    page = open_page()
    open_form(page, "bb_kt", "range")
    for label, end in zip(("least", "greatest"), ends, strict=True):
        page.get_by_label(label, exact=True).fill(end)
    add(page)
    assert page.locator(".where-host [role=alert]").inner_text() == said
    assert total(page) == sources.num_rows
    open_form(page, "status", "is")
    page.get_by_label("ambiguous").wait_for()
    add(page)
    assert page.locator(".where-host [role=alert]").inner_text() == "Tick at least one word."


def test_a_link_for_another_catalogue_says_so(chromium, address):
    """The server refuses the column; the browser logs that, so the watch would fail."""
    page = chromium.new_page()
    page.goto(f"{address}/#where=no_such:missing~<b>:present~:::~%25:is")
    page.wait_for_selector("body[data-ready]")
    said = page.locator(".where-host [role=alert]").inner_text()
    assert said.startswith("missing: the catalogue has no column 'no_such'")
    assert page.locator(".conditions .chip").count() == 3
    assert page.locator(".conditions b").count() == 0
    page.get_by_role("button", name="Remove the filter: no_such is missing").click()
    page.wait_for_function(
        "() => document.querySelector('.where-host [role=alert]').textContent.includes('<b>')"
    )
    page.locator("#reset").click()
    page.wait_for_function("() => !document.querySelector('.where-host [role=alert]').textContent")
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_the_form(open_page, scheme):
    page = open_page("where=bb_kt:present", color_scheme=scheme)
    open_form(page, "group_set", "is")
    page.locator(".words label").first.wait_for()
    assert not violations(page)
