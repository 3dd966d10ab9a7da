"""A view as a figure: PNG and SVG with axes, legend, title and where the data come from."""

import re
from xml.etree import ElementTree

import matplotlib.image
import pytest

from .test_explore import pixels

SVG = "{http://www.w3.org/2000/svg}"


def figure(page, view, form):
    menu = page.locator(f"#view-{view} details.menu", has_text="Figure")
    menu.locator("summary").click()
    with page.expect_download() as download:
        menu.get_by_role("button", name=form, exact=True).click()
    if menu.get_attribute("open") is not None:
        menu.locator("summary").click()
    assert download.value.suggested_filename == f"xsift-{view}.{form.lower()}"
    return download.value.path()


def svg(page, view):
    return ElementTree.parse(figure(page, view, "SVG")).getroot()


def texts(root):
    return [node.text for node in root.iter(f"{SVG}text")]


def in_view(page, view):
    said = page.inner_text(f"#view-{view} .where")
    return int(re.match(r"([\d,]+) in view", said)[1].replace(",", ""))


def test_an_svg_has_vector_axes_and_a_mark_for_each_point(open_page, sources):
    page = open_page("view=properties&x=hard_hs&y=bb_kt&ylog=1&min_p=0.3")
    root = svg(page, "properties")
    n = in_view(page, "properties")
    assert 100 < n < sources.num_rows
    assert len(list(root.iter(f"{SVG}use"))) == n
    assert not list(root.iter(f"{SVG}image"))
    said = texts(root)
    assert said[0] == "mine.vot"
    assert "bb_kt against hard_hs" in said
    assert "hardness, hard to soft: HR_hs" in said  # the axis
    assert any(text.endswith("[keV] (log)") for text in said)
    groups = set(sources["group"].to_pylist())
    assert any(re.fullmatch(r"AGN [\d,]+", text) for text in said) == ("AGN" in groups)
    assert any(text.startswith("Data: mine.vot; columns as in Chandra") for text in said)
    assert any(f"of {sources.num_rows:,} sources: min_p=0.3" in text for text in said)
    assert any(text.startswith("xsift ") and "model" in text for text in said)


def test_very_many_points_are_a_picture_in_the_svg(open_page):
    page = open_page("view=properties&colour=density")
    root = svg(page, "properties")
    (image,) = root.iter(f"{SVG}image")
    assert image.get("href").startswith("data:image/png;base64,")
    assert not list(root.iter(f"{SVG}use"))
    assert len([t for t in texts(root) if re.fullmatch(r"\W?[\d.]+", t)]) > 6  # the ticks


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("view", ["sky", "properties"])
def test_a_png_is_drawn_in_light_colours_and_leaves_the_page_alone(open_page, view, scheme):
    page = open_page(f"view={view}", color_scheme=scheme)
    before, said = pixels(page, view), page.inner_text(f"#view-{view} .where")
    image = matplotlib.image.imread(figure(page, view, "PNG"), format="png")
    assert image.shape[1] == 2400
    assert image[:30].min() > 0.99  # the paper
    coloured = image[..., :3].max(axis=2) - image[..., :3].min(axis=2) > 0.3
    assert coloured.mean() > 0.01
    assert pixels(page, view) == before
    assert page.inner_text(f"#view-{view} .where") == said
    assert page.evaluate("document.documentElement.dataset.theme") == scheme


def test_a_number_has_its_scale_and_a_filter_its_word(open_page):
    page = open_page("view=properties&colour=typicality&where=bb_kt:range:0.1:3")
    said = texts(svg(page, "properties"))
    assert "typicality" in said
    assert any("range=bb_kt:0.1:3" in text for text in said)
    assert not any(re.fullmatch(r"AGN [\d,]+", text) for text in said)


def test_the_map_is_cut_at_its_frame(open_page):
    page = open_page("sky=209,-19.4,4")
    root = svg(page, "sky")
    inner = [node for node in root.iter(f"{SVG}svg") if node is not root]
    assert len(inner) == 2  # the map, and its points in it
    assert len(list(root.iter(f"{SVG}use"))) >= in_view(page, "sky") > 10
    assert any(text.startswith("Sky in Galactic coordinates about l 209") for text in texts(root))


def test_what_a_catalogue_holds_stays_text(open_page):
    page = open_page("view=properties")
    page.evaluate(
        """async () => { const { catalogue } = await import('/static/catalogue.js');
        catalogue.title = '<script>alert(1)</script>\\u0001 & "x"'; }"""
    )
    root = svg(page, "properties")
    assert texts(root)[0] == '<script>alert(1)</script>\ufffd & "x"'
    assert not [node for node in root.iter() if "script" in node.tag]


def test_a_figure_marks_the_starred(open_page):
    page = open_page("view=table")
    page.wait_for_selector("table.data tbody tr")
    page.locator("#view-table button.star").first.click()
    page.get_by_role("link", name="Sky", exact=True).click()
    assert "starred" in texts(svg(page, "sky"))
