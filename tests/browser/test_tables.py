"""Tables, cards, anomalies, uploads: what a reader takes away is what the files say."""

import io
import re

import numpy as np
import pyarrow.parquet as pq
import pytest
from astropy.table import Table
from pyarrow import csv

from xsift.classes import named_classes


def names_shown(page):
    return page.locator("table.data tbody th").all_inner_texts()


def wait_for_rows(page):
    page.wait_for_selector("table.data tbody tr")


def test_sorting_by_a_heading_sorts_all_sources(open_page, sources):
    page = open_page("view=table")
    wait_for_rows(page)
    page.get_by_role("button", name="typicality", exact=True).click()
    page.wait_for_selector("th[aria-sort=ascending]")
    typicality = sources["typicality"].to_numpy()
    lowest = sources["name"].to_pylist()[int(np.nanargmin(typicality))]
    page.wait_for_function("n => document.querySelector('tbody th').innerText === n", arg=lowest)
    page.get_by_role("button", name="typicality").click()
    page.wait_for_selector("th[aria-sort=descending]")
    highest = sources["name"].to_pylist()[int(np.nanargmax(typicality))]
    page.wait_for_function("n => document.querySelector('tbody th').innerText === n", arg=highest)
    assert "sort=-typicality" in page.url


def test_pages_and_columns(open_page, sources):
    page = open_page("view=table")
    wait_for_rows(page)
    first = names_shown(page)
    assert first == sources["name"].to_pylist()[:50]
    page.get_by_role("button", name="Next page").click()
    page.wait_for_function("n => document.querySelector('tbody th').innerText !== n", arg=first[0])
    assert names_shown(page) == sources["name"].to_pylist()[50:100]
    page.get_by_text("Columns", exact=True).click()
    page.get_by_role("checkbox", name="bb_kt [keV]").check()
    page.wait_for_selector("th:has-text('bb_kt [keV]')")
    assert "bb_kt" in page.url


@pytest.mark.parametrize("form", ["vot", "fits", "csv", "parquet"])
def test_a_download_holds_the_selection(open_page, sources, tmp_path, form):
    page = open_page("view=table&status=ambiguous")
    wait_for_rows(page)
    page.get_by_text("Download", exact=True).click()
    with page.expect_download() as download:
        page.locator(f"a[data-format={form}][data-level=sources]").click()
    path = tmp_path / f"selection.{form}"
    download.value.save_as(path)
    formats = {"vot": "votable", "csv": "ascii.csv", "fits": "fits"}
    if form == "parquet":  # astropy's own reader of it needs pandas
        found = pq.read_table(path)
        unit = found.schema.field("bb_kt").metadata[b"unit"].decode()
    else:
        found = Table.read(path, format=formats[form])
        unit = found["bb_kt"].unit
    ambiguous = [r["name"] for r in sources.to_pylist() if r["status"] == "ambiguous"]
    assert [str(n) for n in found["name"]] == ambiguous
    if form != "csv":
        assert unit == "keV"


def test_detections_of_the_selection_are_downloaded_too(open_page, catalogue, sources, tmp_path):
    name = sources["name"][3].as_py()
    page = open_page(f"view=table&text={name.replace(' ', '').replace('+', '%2B')}")
    wait_for_rows(page)
    page.get_by_text("Download", exact=True).click()
    with page.expect_download() as download:
        page.locator("a[data-format=vot][data-level=detections]").click()
    download.value.save_as(tmp_path / "detections.vot")
    found = Table.read(tmp_path / "detections.vot", format="votable")
    written = pq.read_table(catalogue / "detections.parquet")
    assert len(found) == written["name"].to_pylist().count(name)


def test_sending_without_a_hub_says_so(open_page):
    page = open_page("view=table")
    wait_for_rows(page)
    page.get_by_role("button", name="Send to TOPCAT").click()
    page.wait_for_function(
        "() => document.querySelector('#view-table > .small').textContent.length > 10"
    )
    said = page.inner_text("#view-table > .small")
    assert "hub" in said.lower()
    # The refusal is an error on the console as well, as every answer of 4xx is.
    page.watch.faults[:] = [f for f in page.watch.faults if "Failed to load" not in f]


def test_a_card_shows_every_detection_and_probability(open_page, catalogue, sources):
    rows = sources.to_pylist()
    source = max(rows, key=lambda r: r["n_detections"] if r["status"] == "unique" else 0)
    page = open_page("view=table&sort=-n_detections&status=unique")
    wait_for_rows(page)
    page.get_by_role("button", name=source["name"], exact=True).click()
    page.wait_for_selector("#card .verdict")
    card = page.locator("#card")
    assert card.locator("h2").inner_text() == source["name"]
    assert "card=" in page.url
    written = [
        r
        for r in pq.read_table(catalogue / "detections.parquet").to_pylist()
        if r["name"] == source["name"]
    ]
    # Many detections are summed up, and each of them is there on demand.
    assert source["n_detections"] > 8
    card.get_by_text(re.compile("^Every value of the ")).click()
    table = card.get_by_role("region", name="Detections", exact=True)
    for row in written:
        assert f"obs {row['obsid']}" in table.inner_text()
    best = max((k for k in source if k.startswith("p_") and not k.endswith("_std")), key=source.get)
    assert f"{source[best]:.2f}" in card.locator(".bar-row").first.inner_text()
    assert card.locator(".multiple").count() == 12
    links = card.locator("a").evaluate_all("a => a.map(x => [x.href, x.rel, x.target])")
    hosts = " ".join(link[0] for link in links)
    assert "simbad" in hosts
    assert "esasky" in hosts.lower()
    assert "harvard" in hosts
    assert all(rel == "noopener noreferrer" and target == "_blank" for _, rel, target in links)
    card.get_by_role("button", name="Copy link").click()
    card.get_by_role("button", name="Copied").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == page.url
    page.keyboard.press("Escape")
    page.wait_for_selector("#card", state="hidden")
    assert "card=" not in page.url


def test_a_click_on_the_map_opens_the_card(open_page, sources):
    page = open_page()
    x, y, name = page.evaluate("""async () => {
      const c = document.querySelector('#view-sky canvas.over'), box = c.getBoundingClientRect();
      const { Hammer } = await import('/static/geometry.js');
      const { column, namesOf } = await import('/static/catalogue.js');
      const whole = Math.min(c.width / (4 * Math.SQRT2), c.height / (2 * Math.SQRT2)) * 0.97;
      const map = new Hammer(0, 0, whole, c.width / 2, c.height / 2);
      const [l, b] = [column('glon'), column('glat')];
      const places = Array.from(l, (v, i) => map.point(v, b[i]));
      // The source that is farthest from all others.
      let best = -1, far = 0;
      places.forEach((p, i) => {
        const d = Math.min(...places.map((q, k) =>
          k === i ? 1e9 : Math.hypot(p[0] - q[0], p[1] - q[1])));
        if (d > far) { far = d; best = i; }
      });
      const [name] = await namesOf([best]);
      return [box.left + places[best][0], box.top + places[best][1], name];
    }""")
    page.mouse.move(x, y)
    page.wait_for_selector("#tip:visible")
    assert name in page.inner_text("#tip")
    page.mouse.click(x, y)
    page.wait_for_selector("#card .verdict")
    assert page.inner_text("#card h2") == name


def test_anomalies_are_ranked_and_lead_to_the_card(open_page, catalogue):
    page = open_page("view=anomalies")
    page.wait_for_selector(".anomalies li")
    written = pq.read_table(catalogue / "detections.parquet")
    typicality = written["typicality"].to_numpy(zero_copy_only=False)
    oddest = written["name"].to_pylist()[int(np.nanargmin(typicality))]
    first = page.locator(".anomalies ol > li").first
    assert oddest in first.inner_text()
    assert first.locator(".odd li").count() >= 1
    first.get_by_role("button", name=oddest).click()
    page.wait_for_selector("#card .verdict")


def upload(page, path):
    page.locator("#own-file").set_input_files(path)
    page.wait_for_selector(".result table.data, .result .error", timeout=90_000)
    return page.locator(".result")


@pytest.mark.real
def test_the_real_table_is_classified_and_downloaded(open_page, real, tmp_path):
    page = open_page("view=classify")
    result = upload(page, real("csc20_query.vot"))
    assert "csc20_query.vot: 3,701 detections" in result.inner_text()
    result.get_by_text("columns were understood").click()
    assert "bb_kt" in result.inner_text()
    with page.expect_download(timeout=90_000) as download:
        result.get_by_role("button", name="VOTable").click()
    download.value.save_as(tmp_path / "mine.vot")
    found = Table.read(tmp_path / "mine.vot", format="votable")
    assert len(found) == 3701
    p = np.array([found[n] for n in found.colnames if n.startswith("p_")])
    assert np.nanmax(np.abs(p.sum(axis=0)[np.isfinite(p[0])] - 1)) < 1e-9
    page.get_by_role("button", name="See them among the known sources").click()
    page.wait_for_selector("#view-properties:visible")


def test_a_simulated_table_agrees_with_the_catalogue(open_page, catalogue):
    page = open_page("view=classify")
    result = upload(page, catalogue / "mine.vot")
    written = pq.read_table(catalogue / "detections.parquet")
    rows = result.locator("table.data tbody tr")
    shown = rows.locator("td:nth-child(4)").all_inner_texts()
    names = rows.locator("th").all_inner_texts()
    assert names == written["name"].to_pylist()[: len(names)]
    # The group is chosen first: the class within it need not be the most probable of all.
    column = {c.code: c.column for c in named_classes("wide").classes} | {"none": "p_none"}
    said = [row[column[row["class"]]] if row["class"] else None for row in written.to_pylist()]
    expected = ["\N{EN DASH}" if p is None else f"{p:.2f}" for p in said[: len(shown)]]
    assert shown == expected


PASTED = dict.fromkeys(
    "hard_hm hard_hs hard_ms powlaw_gamma bb_kt var_prob_b var_ratio_b var_prob_h var_ratio_h "
    "var_prob_s var_ratio_s var_newq_b".split(),
    "0.1",
) | {"var_newq_b": "1", "powlaw_gamma": "1.7"}


def paste(page, row):
    page.get_by_text("Or paste rows").click()
    page.get_by_label("Rows as CSV").fill(",".join(row) + "\n" + ",".join(row.values()) + "\n")
    page.get_by_role("button", name="Classify these rows").click()
    page.wait_for_selector(".result table.data, .result .error", timeout=90_000)
    return page.inner_text(".result")


def test_pasted_rows_say_what_is_missing(open_page):
    page = open_page("view=classify")
    row = {"name": "mine", "ra": "83.8", "dec": "-5.4"} | PASTED | {"bb_kt": "", "nonsense": "7"}
    said = paste(page, row)
    assert "Missing: bb_kt (1 of 1)" in said
    page.get_by_text("were not used").click()
    assert "nonsense" in page.inner_text(".result")
    page.get_by_role("button", name="See them on the sky").click()
    page.wait_for_selector("#view-sky:visible")
    yours = page.locator("#view-sky .legend").get_by_role("button", name="yours 1")
    yours.click()
    yours.wait_for(state="detached")


def test_rows_with_one_feature_are_classified_and_the_others_named(open_page):
    page = open_page("view=classify")
    said = paste(page, {"name": "mine", "hard_hm": "0.3"})
    assert "1 detections of 1 sources" in said
    assert "Missing: hard_hs, hard_ms, powlaw_gamma, bb_kt" in said


def test_rows_without_a_feature_are_refused_by_name(open_page):
    page = open_page("view=classify")
    said = paste(page, {"name": "mine", "hardness": "0.3"})
    assert "missing columns" in said
    assert "bb_kt" in said
    page.watch.faults[:] = [f for f in page.watch.faults if "Failed to load" not in f]


def test_a_file_that_is_no_table_is_refused_in_one_line(open_page, tmp_path):
    path = tmp_path / "no.vot"
    path.write_bytes(b"\x80\x04\x95 this is a pickle, or was")
    page = open_page("view=classify")
    result = upload(page, path)
    assert result.locator(".error").count() == 1
    assert "Traceback" not in result.inner_text()
    page.watch.faults[:] = [f for f in page.watch.faults if "Failed to load" not in f]
    page.get_by_role("link", name="Sky", exact=True).click()
    page.wait_for_selector("#view-sky:visible")


def test_the_example_of_rows_to_paste_is_a_table(open_page):
    page = open_page("view=classify")
    example = page.locator("#own-rows").get_attribute("placeholder")
    found = csv.read_csv(io.BytesIO(example.encode()))
    assert found.num_rows == 1
    assert found.num_columns == 15
