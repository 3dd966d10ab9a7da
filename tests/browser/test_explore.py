"""What a reader does: filter, brush, follow a link, search, go back."""

import re
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest


def column(sources, name):
    return sources[name].to_numpy(zero_copy_only=False).astype(float)


def state_of(page):
    return {k: v[0] for k, v in parse_qs(urlsplit(page.url).fragment).items()}


def wait_for_state(page, key):
    page.wait_for_function("key => location.hash.includes(key + '=')", arg=key)
    return state_of(page)[key]


def drag(page, start, end, steps=6):
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move(*end, steps=steps)
    page.mouse.up()


def plot(page, view):
    """Where the plot of a view lies: left, top, width, height."""
    box = page.locator(f"#view-{view} canvas.over").bounding_box()
    return box["x"], box["y"], box["width"], box["height"]


def pixels(page, view):
    """How many pixels of a view's points are drawn in something else than grey."""
    return page.evaluate(
        """view => { const c = document.querySelector(`#view-${view} canvas.points`);
        const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data; let n = 0;
        for (let i = 0; i < d.length; i += 4) {
          const [r, g, b] = [d[i], d[i + 1], d[i + 2]];
          if (d[i + 3] > 100 && Math.max(r, g, b) - Math.min(r, g, b) > 60) n++;
        }
        return n; }""",
        view,
    )


def p_class(sources):
    names = [n for n in sources.column_names if n.startswith("p_") and not n.endswith("_std")]
    return np.max([column(sources, n) for n in names], axis=0)


def test_opens_on_the_sky_with_all_sources(open_page, total, sources):
    page = open_page()
    assert total(page) == sources.num_rows
    assert page.get_by_role("link", name="Sky", exact=True).get_attribute("aria-current") == "page"
    assert f"{sources.num_rows:,} in view" in page.inner_text("#view-sky .where")
    assert pixels(page, "sky") > 1000


def test_a_group_taken_out_is_gone_everywhere_and_in_the_address(open_page, total, sources):
    page = open_page()
    groups = sources["group"].to_pylist()
    before = pixels(page, "sky")
    page.locator("#filters [data-group=YSO] input").uncheck()
    total(page, of=sum(g != "YSO" for g in groups))
    page.wait_for_function(
        "n => document.querySelector('#view-sky .where').textContent.startsWith(`${n} in view`)",
        arg=f"{sum(g != 'YSO' for g in groups):,}",
    )
    assert pixels(page, "sky") < before
    assert "Y*O" not in wait_for_state(page, "class")
    page.get_by_role("link", name="Table", exact=True).click()
    page.wait_for_selector("table.data tbody tr")
    assert not page.locator("table.data").get_by_text("young stellar object").count()


def test_dragging_the_probability_counts_as_it_goes(open_page, total, sources):
    page = open_page()
    slider = page.get_by_label("Probability of its class, least")
    slider.fill("0.8")
    # float32 in the page, float64 here: no source lies within 1e-6 of the bound.
    p = p_class(sources)
    assert np.abs(p - 0.8).min() > 1e-6
    total(page, of=int((p >= 0.8).sum()))
    assert wait_for_state(page, "min_p") == "0.8"


@pytest.mark.parametrize(
    ("state", "keeps"),
    [
        ("status=ambiguous", lambda t: np.array(t["status"].to_pylist()) == "ambiguous"),
        ("min_detections=3", lambda t: column(t, "n_detections") >= 3),
        ("max_detections=1", lambda t: column(t, "n_detections") <= 1),
        (
            "min_typicality=0.5&max_typicality=0.9",
            lambda t: (column(t, "typicality") >= 0.5) & (column(t, "typicality") <= 0.9),
        ),
        (
            "text=j17",
            lambda t: np.array(
                ["j17" in n.casefold().replace(" ", "") for n in t["name"].to_pylist()]
            ),
        ),
    ],
)
def test_each_filter_keeps_what_it_says(open_page, total, sources, state, keeps):
    kept = int(keeps(sources).sum())
    assert 0 < kept < sources.num_rows
    page = open_page(state)
    total(page, of=kept)


def test_cone_and_latitude_agree_with_astropy(open_page, total, sources):
    import astropy.units as u
    from astropy.coordinates import SkyCoord

    place = SkyCoord(column(sources, "ra"), column(sources, "dec"), unit="deg")
    page = open_page("cone=83.8,-5.4,20")
    inside = place.separation(SkyCoord(83.8, -5.4, unit="deg")) <= 20 * u.deg
    assert inside.sum() > 0
    total(page, of=int(inside.sum()))
    far = np.abs(place.galactic.b.deg) >= 30
    page = open_page("min_abs_b=30")
    total(page, of=int(far.sum()))


def test_a_name_typed_is_found_by_the_server(open_page, total, sources):
    page = open_page()
    name = sources["name"][5].as_py()
    page.get_by_label("Name contains").fill(name.split(" ")[-1].lower())
    total(page, of=1)


def test_a_rectangle_brushed_in_properties_selects_everywhere(open_page, total, sources):
    page = open_page("view=properties&x=hard_hm&y=hard_hs")
    page.get_by_role("button", name="Rectangle").click()
    left, top, width, height = plot(page, "properties")
    drag(page, (left + 0.45 * width, top + 0.3 * height), (left + 0.8 * width, top + 0.7 * height))
    sides = [side.split(":") for side in wait_for_state(page, "box").split("~")]
    assert [s[0] for s in sides] == ["hard_hm", "hard_hs"]
    inside = np.all(
        [(column(sources, n) >= float(a)) & (column(sources, n) <= float(b)) for n, a, b in sides],
        axis=0,
    )
    assert 0 < inside.sum() < sources.num_rows
    total(page, of=int(inside.sum()))
    page.get_by_role("link", name="Table", exact=True).click()
    page.wait_for_selector("table.data tbody tr")
    assert f"of {inside.sum():,}" in page.inner_text("#view-table .where")
    page.get_by_role("button", name=re.compile("^Rectangle:")).click()
    total(page, of=sources.num_rows)


def test_a_lasso_selects_here_and_on_the_server(open_page, total, sources):
    page = open_page("view=properties&x=hard_hm&y=hard_hs")
    page.get_by_role("button", name="Lasso").click()
    left, top, width, height = plot(page, "properties")
    page.mouse.move(left + 0.3 * width, top + 0.3 * height)
    page.mouse.down()
    for x, y in [(0.8, 0.3), (0.8, 0.8), (0.5, 0.75)]:
        page.mouse.move(left + x * width, top + y * height, steps=5)
    page.mouse.up()
    wait_for_state(page, "lasso")
    page.wait_for_function("() => document.querySelector('.chip')")
    chosen = total(page)
    assert 0 < chosen < sources.num_rows
    page.get_by_role("link", name="Table", exact=True).click()
    page.wait_for_selector("table.data tbody tr")
    assert f"of {chosen:,}" in page.inner_text("#view-table .where")


def test_a_circle_drawn_on_the_sky_is_a_cone(open_page, total, sources):
    page = open_page()
    page.get_by_role("button", name="Select circle").click()
    left, top, width, height = plot(page, "sky")
    drag(page, (left + width / 2, top + height / 2), (left + width / 2, top + 0.35 * height))
    ra, dec, radius = map(float, wait_for_state(page, "cone").split(","))
    # The middle of the map is the Galactic Centre (266.405, -28.936).
    assert abs(ra - 266.405) < 0.5
    assert abs(dec + 28.936) < 0.5
    assert 10 < radius < 60
    page.wait_for_function("() => document.querySelector('.chip')")
    assert 0 < total(page) < sources.num_rows


def test_a_link_gives_the_same_view(open_page, total):
    first = open_page()
    first.get_by_label("Probability of its class, least").fill("0.6")
    first.locator("#filters [data-group=AGN] input").uncheck()
    first.get_by_role("link", name="Properties", exact=True).click()
    first.get_by_label("y", exact=True).select_option("bb_kt")
    first.get_by_label("Colour", exact=True).select_option("typicality")
    first.wait_for_function("() => location.hash.includes('colour=typicality')")
    first.wait_for_timeout(600)
    second = open_page(urlsplit(first.url).fragment)
    assert total(second) == total(first)
    assert second.get_by_label("y", exact=True).input_value() == "bb_kt"
    assert second.get_by_label("Colour", exact=True).input_value() == "typicality"
    second.wait_for_function(
        "() => document.querySelector('#view-properties .where').textContent.includes('in view')"
    )
    assert second.inner_text("#view-properties .where") == first.inner_text(
        "#view-properties .where"
    )
    assert pixels(second, "properties") == pixels(first, "properties")


def test_back_and_forward_walk_through_the_views(open_page, total, sources):
    page = open_page()
    page.get_by_role("link", name="Properties", exact=True).click()
    page.get_by_role("button", name="Ambiguous").click()
    ambiguous = sources["status"].to_pylist().count("ambiguous")
    total(page, of=ambiguous)
    page.go_back()
    total(page, of=sources.num_rows)
    assert page.locator("#view-properties").is_visible()
    page.go_back()
    page.wait_for_selector("#view-sky:visible")
    page.go_forward()
    page.go_forward()
    total(page, of=ambiguous)


def test_log_axes_are_logarithmic_once_and_say_what_they_leave_out(open_page, sources):
    page = open_page("view=properties&x=var_ratio_b&y=hard_hm&xlog=1")
    page.wait_for_function(
        "() => document.querySelector('#view-properties .where').textContent.includes('in view')"
    )
    x, y = column(sources, "var_ratio_b"), column(sources, "hard_hm")
    shown = int((np.isfinite(y) & (x > 0)).sum())
    said = page.inner_text("#view-properties .where")
    assert said.startswith(f"{shown:,} in view")
    below = int((np.isfinite(y) & (x <= 0)).sum())
    assert (f"{below:,} not positive" in said) == (below > 0)


@pytest.mark.parametrize("words", ["83.82 -5.39", "05:35:17 -05:23:28"])
def test_search_by_coordinates_goes_there(open_page, words):
    page = open_page()
    page.get_by_label("Search a source").fill(words)
    page.keyboard.press("Enter")
    longitude, b, zoom = map(float, wait_for_state(page, "sky").split(","))
    assert abs(longitude - 209) < 0.2
    assert abs(b + 19.4) < 0.2
    assert zoom > 20


def test_search_by_name_opens_the_card(open_page, sources):
    page = open_page()
    name = sources["name"][17].as_py()
    page.get_by_label("Search a source").fill(name)
    page.keyboard.press("Enter")
    page.wait_for_selector("#card h2")
    assert page.inner_text("#card h2") == name


def test_search_of_the_unknown_says_so_and_the_page_lives(open_page, total, sources):
    page = open_page()
    page.get_by_label("Search a source").fill("no such thing")
    page.keyboard.press("Enter")
    page.wait_for_selector("#notice:visible")
    # Sesame is asked where there is a network; here that is refused, once.
    assert all("sesame" in url for url in page.watch.outside)
    page.watch.outside.clear()
    page.watch.faults.clear()
    assert total(page) == sources.num_rows
