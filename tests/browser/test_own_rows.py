"""Rows of one's own: the example can exist, and all rows are drawn, or it is said how many."""

import csv
import io

import numpy as np


def classify(page, rows):
    page.get_by_text("Or paste rows").click()
    page.get_by_label("Rows as CSV").fill(rows)
    page.get_by_role("button", name="Classify these rows").click()
    page.wait_for_selector(".result .drawn", timeout=90_000)


def example(page):
    text = page.get_by_label("Rows as CSV").get_attribute("placeholder")
    (row,) = csv.DictReader(io.StringIO(text))
    return text, row


def test_the_example_is_a_source_that_can_exist(open_page):
    page = open_page("view=classify")
    page.get_by_text("Or paste rows").click()
    text, row = example(page)
    values = {k: float(v) for k, v in row.items() if k not in ("name", "ra", "dec") and v}
    assert 0.05 < values["bb_kt"] < 10  # keV
    assert -1 < values["powlaw_gamma"] < 5
    for probability in ("var_prob_b", "var_prob_h", "var_prob_s"):
        assert 0 <= values[probability] <= 1
    # Of three hardness ratios two give the third.
    hm, ms, hs = (values[n] for n in ("hard_hm", "hard_ms", "hard_hs"))
    assert abs(hs - (hm + ms) / (1 + hm * ms)) < 0.05
    page.get_by_text("Or paste rows").click()
    classify(page, text)
    said = page.inner_text(".result .drawn")
    assert said == "1 row was classified. The maps draw it as a cross."
    assert page.locator(".result table.data tbody tr").count() == 1


def test_more_rows_than_the_table_shows_are_all_drawn_and_counted(open_page):
    page = open_page("view=classify")
    page.get_by_text("Or paste rows").click()
    text, _ = example(page)
    head, row = text.split("\n")
    rest = row.split(",", 3)[3]
    rng = np.random.default_rng(1)
    rows = [
        f"source {k},{ra:.5f},{dec:.5f},{rest}"
        for k, (ra, dec) in enumerate(
            zip(rng.uniform(0, 360, 1500), rng.uniform(-80, 80, 1500), strict=True)
        )
    ]
    page.get_by_text("Or paste rows").click()
    classify(page, "\n".join([head, *rows]))
    said = page.inner_text(".result .drawn")
    assert "1,500 rows were classified" in said
    assert "all of them as crosses" in said
    assert "The table shows the first 1,000 of 1,500 rows" in page.inner_text(".result")
    page.get_by_role("button", name="See them on the sky").click()
    key = page.locator("#view-sky .legend button", has_text="yours")
    assert key.inner_text().split()[-1] == "1,500"
    marked = page.evaluate("import('/static/own.js').then(({ own }) => own.rows.length)")
    assert marked == 1500


def test_rows_beyond_what_is_drawn_are_said(open_page):
    """The server draws 20,000 at most: here it says that there were more."""
    page = open_page("view=classify")

    def fewer(route):
        answer = route.fetch()
        said = answer.json()
        said["n_detections"] = 35_000
        route.fulfill(response=answer, json=said)

    page.route("**/api/classify?*", fewer)
    page.get_by_text("Or paste rows").click()
    text, _ = example(page)
    page.get_by_text("Or paste rows").click()
    classify(page, text)
    assert "35,000 rows were classified. The maps draw the first 1 as a cross" in page.inner_text(
        ".result .drawn"
    )
