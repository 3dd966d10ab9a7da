"""Limits of the points of a plot, drawn while few are in view."""

import re

import numpy as np
import pyarrow as pa
import pytest

from .conftest import serving

KEPT = ["hard_hs_lolim", "hard_hs_hilim"]
WIDE = 0.2


@pytest.fixture(scope="module")
def with_limits(tmp_path_factory):
    from xsift import Settings, classify
    from xsift.simulate import simulate
    from xsift.write import write_table

    folder = tmp_path_factory.mktemp("limits")
    table = simulate(400, seed=5).detections
    hs = table["hard_hs"].to_numpy(zero_copy_only=False).astype(float)
    for name, shift in zip(KEPT, (-WIDE, WIDE), strict=True):
        table = table.append_column(name, pa.array(np.clip(hs + shift, -1, 1), from_pandas=True))
    write_table(table, folder / "mine.vot", "votable", {})
    classify(folder / "mine.vot", settings=Settings(keep=KEPT)).write(folder)
    with serving(folder) as found:
        yield found


def ends_of(page, frame):
    """The source in the frame's middle, and the ends of its bar, as the page reads them."""
    return page.evaluate(
        """async ([low, high]) => { const { column } = await import('/static/catalogue.js');
        const { endsOf } = await import('/static/limits.js');
        return [...column('hard_hs')].map((v, i) => [v, i]).filter(([v]) => v >= low && v <= high)
          .map(([v, i]) => [v, ...endsOf('hard_hs', i)]); }""",
        frame,
    )


DRAWN = """() => { const c = document.querySelector('#view-properties canvas.over');
  const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
  return d.reduce((n, v, k) => n + (k % 4 === 3 && v > 20), 0); }"""


def test_limits_are_drawn_when_few_are_in_view(open_page, with_limits):
    page = open_page("view=properties&x=hard_hs&y=hard_hm", at=with_limits)
    said = page.locator("#view-properties .where")
    assert "limits of hard_hs are drawn for 150 or fewer in view" in said.inner_text()
    assert page.evaluate(DRAWN) == 0
    page.evaluate("location.hash = 'view=properties&x=hard_hs&y=hard_hm&frame=-0.1,0.1,-1,1'")
    page.wait_for_function(
        "() => document.querySelector('#view-properties .where').textContent.includes('bars: ')"
    )
    n = int(re.match(r"(\d+) in view", said.inner_text())[1])
    assert 2 < n <= 150
    page.wait_for_function(f"() => ({DRAWN})() > 500")
    for value, low, high in ends_of(page, [-0.1, 0.1]):
        assert low == pytest.approx(value - WIDE, abs=1e-5)
        assert high == pytest.approx(value + WIDE, abs=1e-5)


def test_columns_without_limits_have_no_bars(open_page, with_limits):
    page = open_page("view=properties&x=hard_ms&y=hard_hm&frame=-0.05,0.05,-1,1", at=with_limits)
    assert "limits" not in page.inner_text("#view-properties .where")
    assert page.evaluate(DRAWN) == 0


def test_a_limit_on_the_wrong_side_is_none(open_page, with_limits):
    page = open_page("view=properties&x=hard_hs&y=hard_hm", at=with_limits)
    ends = page.evaluate(
        """async () => { const c = await import('/static/catalogue.js');
        const { endsOf } = await import('/static/limits.js');
        await c.fetchColumns(['hard_hs', 'hard_hs_lolim', 'hard_hs_hilim', 'n_detections']);
        c.catalogue.described.get('hard_hs').limits =
          {low: 'n_detections', high: 'hard_hs_lolim', are: 'ends'};
        return endsOf('hard_hs', 0).map(String); }"""
    )
    assert ends == ["NaN", "NaN"]
