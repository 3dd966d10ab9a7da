"""The card of a source: no stray words, many detections in few lines, axes with numbers."""

import copy
import json
import re

import pytest

# Text that only a fault of the page's own would show.
STRAY = """() => { const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const found = []; while (walk.nextNode()) {
    if (/^(null|undefined|NaN|\\[object .*)$/.test(walk.currentNode.data.trim()))
      found.push(walk.currentNode.parentElement.outerHTML.slice(0, 120)); }
  return found; }"""


def change(page, edit):
    """Let the server's answers about a source be edited on their way to the page."""

    def route(request):
        answer = request.fetch()
        said = answer.json()
        edit(said)
        request.fulfill(response=answer, body=json.dumps(said))

    page.route("**/api/source?*", route)


def open_first(page):
    page.wait_for_selector("table.data tbody tr")
    page.locator("table.data tbody th button").first.click()
    page.wait_for_selector("#card .verdict")


def hundred(said):
    """Give the source 108 detections of three kinds, one without a class."""
    rows = said["card"]["detections"]
    many = [copy.deepcopy(rows[k % len(rows)]) for k in range(108)]
    for k, row in enumerate(many):
        row["obsid"] = 1000 + k
        row["class"] = "QSO" if k < 90 else "Y*O" if k < 107 else None
    many[107]["flag"] = "misses hard_hm"
    said["card"]["detections"] = many


@pytest.mark.parametrize("sort", ["name", "-n_detections", "typicality", "p_class"])
def test_no_card_has_stray_words(open_page, sort):
    page = open_page(f"view=table&sort={sort}")
    page.wait_for_selector("table.data tbody tr")
    for k in range(3):
        page.locator("table.data tbody th button").nth(k).click()
        page.wait_for_selector("#card .multiple")
        assert page.evaluate(STRAY) == []
        page.keyboard.press("Escape")


def test_a_hundred_detections_are_summed_up_first(open_page):
    page = open_page("view=table")
    change(page, hundred)
    open_first(page)
    groups = page.locator("#card .of-class summary").all_inner_texts()
    assert len(groups) == 3
    assert re.match(r"quasar\s+90 of 108\s+p ", groups[0])
    assert "young stellar object 17 of 108" in " ".join(groups[1].split())
    assert "no class 1 of 108 misses hard_hm" in " ".join(groups[2].split())
    # No strip and no column for each, until they are asked for.
    assert not page.locator("#card .strip-row").count()
    assert not page.locator("#card [aria-label=Detections]").count()
    heads = page.locator("#card .spread thead th").all_inner_texts()
    assert heads == ["Feature", "Measured", "Least", "Median", "Greatest"]
    assert page.evaluate("document.querySelector('#card').scrollHeight") < 4000
    page.locator("#card .of-class summary").first.click()
    page.wait_for_function("() => document.querySelectorAll('#card .strip-row').length === 90")
    page.get_by_text("Every value of the 108 detections").click()
    page.wait_for_selector("#card [aria-label=Detections] table")
    assert page.locator("#card [aria-label=Detections] thead th").count() == 109


def test_a_few_detections_stand_side_by_side_as_before(open_page):
    page = open_page("view=table&sort=-n_detections")
    change(page, lambda said: said["card"].update(detections=said["card"]["detections"][:3]))
    open_first(page)
    assert not page.locator("#card .of-class").count()
    assert page.locator("#card [aria-label=Detections] table").count() == 1


def test_each_small_axis_has_numbers(open_page):
    page = open_page("view=table")
    open_first(page)
    page.wait_for_selector("#card .multiple")
    ticks = page.locator("#card .multiple svg").evaluate_all(
        "all => all.map(s => [...s.querySelectorAll('text')].map(t => t.textContent))"
    )
    assert len(ticks) > 5
    number = re.compile(r"\u2212?\d+(\.\d+)?(e\u2212?\d+)?$")
    for texts in ticks:
        assert len(texts) in (1, 3)
        assert all(number.match(text) for text in texts), texts


def neighbours(*groups):
    """Make known objects near a source, one of each group."""
    one = {"name": "2CXO J1", "obsid": 1, "label": "QSO", "distance": 0.5, "of": 1}
    return [one | {"group": group} for group in groups]


def test_neighbours_of_another_group_are_explained(open_page):
    page = open_page("view=table&class=QSO")
    change(page, lambda said: said.update(neighbours=neighbours(*["XB"] * 5, *["AGN"] * 3)))
    open_first(page)
    said = page.locator("#card .standing").inner_text()
    assert said.startswith("5 of these 8 are of another group (XB) than the verdict (AGN).")
    assert "Both can be right" in said
    assert "most neighbours disagree" in said


def test_neighbours_that_agree_need_no_words(open_page):
    page = open_page("view=table&class=QSO")
    change(page, lambda said: said.update(neighbours=neighbours("AGN", "AGN")))
    open_first(page)
    assert page.get_by_text("Nearest known objects").count() == 1
    assert not page.locator("#card .standing").count()
