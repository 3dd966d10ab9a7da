"""The map fills its box, its names keep off the points, a density has a scale."""

import json

import pytest

from .conftest import LAPTOP, PHONE

TABLET = {"width": 1024, "height": 768}


def drawn(page, view, test):
    """How much of a view's canvas its points take, by a test of r, g, b, a."""
    return page.evaluate(
        f"""view => {{ const c = document.querySelector(`#view-${{view}} canvas.points`);
        const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data; let n = 0;
        for (let i = 0; i < d.length; i += 4) {{
          const [r, g, b, a] = [d[i], d[i + 1], d[i + 2], d[i + 3]]; if ({test}) n++; }}
        return n / (c.width * c.height); }}""",
        view,
    )


@pytest.mark.parametrize("viewport", [LAPTOP, TABLET, PHONE])
@pytest.mark.parametrize("view", ["sky", "both"])
def test_the_whole_sky_fills_its_box(open_page, view, viewport):
    """An ellipse takes pi / 4 of its box at most."""
    page = open_page(f"view={view}", viewport=viewport)
    page.wait_for_timeout(100)
    assert drawn(page, "sky", "a > 0") > 0.7


def test_a_part_of_the_sky_takes_all_the_room_and_keeps_its_place(open_page):
    page = open_page()
    canvas = page.locator("#view-sky canvas.over")
    before = canvas.bounding_box()
    canvas.focus()
    page.keyboard.press("+")
    page.wait_for_function(
        "h => document.querySelector('#view-sky canvas.over').offsetHeight > h",
        arg=before["height"] + 50,
    )
    after = canvas.bounding_box()
    # It grows about its middle: what was under the pointer stays there.
    middles = [box["y"] + box["height"] / 2 for box in (before, after)]
    assert abs(middles[0] - middles[1]) < 10


def names(page):
    return json.loads(page.locator("#view-sky canvas.points").get_attribute("data-names"))


@pytest.mark.parametrize("viewport", [LAPTOP, TABLET])
def test_names_keep_off_each_other_and_off_the_points(open_page, viewport):
    page = open_page(viewport=viewport)
    page.wait_for_function("() => document.querySelector('#view-sky canvas.points').dataset.names")
    found = names(page)
    assert len(found) >= 9
    boxes = [(n["left"], n["top"], n["left"] + n["width"], n["top"] + n["height"]) for n in found]
    for k, a in enumerate(boxes):
        for b in boxes[k + 1 :]:
            assert a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1]
    # As read from the page's own points, no name lies over more of them than elsewhere beside it.
    covered = page.evaluate(
        """async (boxes) => {
        const { column } = await import('/static/catalogue.js');
        const { Hammer } = await import('/static/geometry.js');
        const c = document.querySelector('#view-sky canvas.points');
        const scale = Math.min(c.width / (4 * Math.SQRT2), c.height / (2 * Math.SQRT2)) * 0.97;
        const map = new Hammer(0, 0, scale, c.width / 2, c.height / 2);
        const [l, b] = [column('glon'), column('glat')];
        const at = [...l].map((v, k) => map.point(v, b[k]));
        return boxes.map(([x0, y0, x1, y1]) =>
          at.filter(([x, y]) => x > x0 && x < x1 && y > y0 && y < y1).length); }""",
        boxes,
    )
    # 1,200 sources: a box of a name would hold two or three by chance, in the plane many.
    assert max(covered) <= 3, dict(zip([n["name"] for n in found], covered, strict=True))
    assert sum(covered) <= len(covered)


def test_a_density_has_a_scale_and_is_not_all_dark(open_page):
    page = open_page("view=properties&colour=density")
    page.wait_for_function(
        "() => document.querySelector('#view-properties .where').textContent.includes('in view')"
    )
    page.wait_for_timeout(100)
    # Viridis: dark violet, then blue-green, then yellow. The bar at the right holds all of it.
    bright = drawn(page, "properties", "a > 200 && g > 150 && g - b > 60")
    middle = drawn(page, "properties", "a > 200 && Math.abs(g - b) < 40 && g - r > 60")
    assert bright > 0.002
    assert middle > 0.002
    bar = page.evaluate(
        """() => { const c = document.querySelector('#view-properties canvas.points');
        const d = c.getContext('2d').getImageData(c.width - 68, 0, 1, c.height).data;
        const seen = new Set();
        for (let i = 0; i < d.length; i += 4) seen.add(d.slice(i, i + 3).join());
        return seen.size; }"""
    )
    assert bar > 100


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_densest_place_and_the_sparsest_differ_from_the_ground(open_page, scheme):
    page = open_page("view=properties&colour=density", color_scheme=scheme)
    page.wait_for_timeout(300)
    contrast = page.evaluate(
        """async () => { const { densityScale, ink, rgb } = await import('/static/colours.js');
        const linear = (v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
        const light = (c) => c.reduce((s, v, k) =>
          s + linear(v / 255) * [0.2126, 0.7152, 0.0722][k], 0);
        const ground = light(rgb(ink('sky')));
        return densityScale().map((c) => { const a = light(c);
          return (Math.max(a, ground) + 0.05) / (Math.min(a, ground) + 0.05); }); }"""
    )
    assert min(contrast) > 1.35
