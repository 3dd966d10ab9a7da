"""A column's distribution by group: the numbers against NumPy, filters, drags, the figure."""

from xml.etree import ElementTree

import numpy as np
import pytest

from .conftest import PHONE
from .test_access import violations
from .test_conditions import values, where_of
from .test_explore import drag


def rows(page):
    page.wait_for_selector("#view-distributions tbody tr")
    return {
        row[0]: row[1:]
        for row in page.evaluate(
            """() => [...document.querySelectorAll('#view-distributions tbody tr')]
            .map((tr) => [...tr.children].map((cell) => cell.textContent))"""
        )
    }


def number(text):
    return float(text.replace("−", "-").replace(",", "").split(" ")[0])  # noqa: RUF001


@pytest.mark.parametrize("column", ["hard_hm", "var_ratio_h", "n_detections"])
def test_the_numbers_are_numpys(open_page, sources, column):
    page = open_page(f"view=distributions&dist={column}")
    found = rows(page)
    groups = np.array(sources["group"].to_pylist())
    x = values(sources, column)
    assert set(found) == {"none of these" if g == "none" else g for g in set(groups)}
    for group, cells in found.items():
        mine = x[groups == ("none" if group == "none of these" else group)]
        assert number(cells[0]) == len(mine)
        assert number(cells[1]) == np.isnan(mine).sum()
        wanted = np.nanquantile(mine, [0.16, 0.5, 0.84])
        assert [number(c) for c in cells[-3:]] == pytest.approx(wanted, rel=6e-3, abs=1e-6)
    said = page.inner_text("#view-distributions .where")
    assert f"{int(np.isnan(x).sum()):,} without a value" in said or not np.isnan(x).any()


def test_bins_hold_every_source_once(open_page, sources):
    page = open_page("view=distributions&dist=bb_kt&distlog=1")
    rows(page)
    groups = page.evaluate(
        """async () => { const { binsOf, histogram } = await import('/static/histogram.js');
        const { catalogue, column } = await import('/static/catalogue.js');
        const { selection } = await import('/static/selection.js');
        const bins = binsOf(column('bb_kt'), true);
        return [bins, histogram(column('bb_kt'), column('group'), selection.mask,
          catalogue.groups.length, bins, true).map((g) => ({...g, counts: [...g.counts]}))]; }"""
    )
    bins, found = groups
    x = values(sources, "bb_kt")
    x = x[np.isfinite(x)]
    edges = np.geomspace(bins["low"], bins["high"], bins["n"] + 1)
    wanted = np.histogram(x, edges)[0]
    total = np.sum([g["counts"] for g in found], axis=0)
    assert np.abs(total - wanted).sum() <= 4  # float32 at the edges of bins
    beyond = sum(g["below"] + g["above"] for g in found)
    assert total.sum() + beyond == len(x)
    assert all((g["few"] is not None) == (g["n"] - g["missing"] < 30) for g in found)


def test_a_filter_changes_it_and_a_drag_filters(open_page, total, sources):
    page = open_page("view=distributions&dist=hard_hm")
    before = rows(page)
    box = page.locator("#view-distributions canvas.points").bounding_box()
    y = box["y"] + 60
    drag(page, (box["x"] + 0.4 * box["width"], y), (box["x"] + 0.7 * box["width"], y))
    name, kind, low, high = where_of(page).split(":")
    assert (name, kind) == ("hard_hm", "range")
    x = values(sources, "hard_hm")
    kept = int(((x >= float(low)) & (x <= float(high))).sum())
    assert 0 < kept < sources.num_rows
    total(page, of=kept)
    page.wait_for_function(
        "n => document.querySelector('#view-distributions .where').textContent.startsWith(n)",
        arg=f"{kept:,} in the plot",
    )
    after = rows(page)
    assert sum(number(cells[0]) for cells in after.values()) == kept
    assert before != after


def test_what_is_not_positive_is_counted(open_page, sources):
    page = open_page("view=distributions&dist=hard_hm&distlog=1")
    rows(page)
    x = values(sources, "hard_hm")
    not_positive = int((x <= 0).sum())
    assert f"{not_positive:,} not positive" in page.inner_text("#view-distributions .where")


def test_it_as_a_figure(open_page):
    page = open_page("view=distributions&dist=hard_hm&shares=1")
    rows(page)
    menu = page.locator("#view-distributions details.menu", has_text="Figure")
    menu.locator("summary").click()
    with page.expect_download() as download:
        menu.get_by_role("button", name="SVG").click()
    said = [node.text for node in ElementTree.parse(download.value.path()).iter() if node.text]
    assert any(text.startswith("Distribution of hard_hm by group") for text in said)
    assert "share of the group in each bin" in said


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(open_page, scheme):
    page = open_page("view=distributions", color_scheme=scheme)
    rows(page)
    assert not violations(page)


def test_on_a_phone(open_page):
    page = open_page("view=distributions", viewport=PHONE, is_mobile=True, has_touch=True)
    rows(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
