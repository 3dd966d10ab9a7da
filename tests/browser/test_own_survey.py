"""The page of a survey of one's own: its planes, its units, its classes, nothing of Chandra's."""

import pyarrow.parquet as pq
import pytest

from .conftest import serving


@pytest.fixture(scope="module")
def own(own_survey):
    """The address of its server, and the name of a source."""
    name = pq.read_table(own_survey / "sources.parquet")["name"][0].as_py()
    with serving(own_survey) as address:
        yield address, name


def test_the_plane_is_the_profile_s(open_page, own):
    page = open_page("view=properties", at=own[0])
    page.wait_for_function(
        "() => document.querySelector('.view:not([hidden]) .where').textContent.includes('in view')"
    )
    chosen = [page.get_by_label(axis, exact=True).input_value() for axis in ("x", "y")]
    assert chosen == ["hr1", "hr2"]
    features = page.locator("select[aria-label=x] optgroup[label=Features] option")
    names = ["hr1", "hr2", "flux [erg s⁻¹ cm⁻²]", "lf", "w1 [mag]"]
    assert features.all_inner_texts() == names
    page.get_by_label("x", exact=True).select_option("flux")
    page.wait_for_function("() => location.hash.includes('xlog=1')")
    groups = page.locator("#filters .group [data-group] .name").all_inner_texts()
    assert groups == ["AGN", "STAR", "ULX", "NS", "QPE", "CV"]


def test_the_log_of_a_proposed_axis_can_be_taken_away(open_page, own):
    page = open_page("view=properties&x=flux&xlog=1", at=own[0])
    box = page.get_by_label("log x")
    assert box.is_checked()
    box.uncheck()
    page.wait_for_function("() => !location.hash.includes('xlog')")
    assert "y=hr2" in page.evaluate("location.hash")
    assert not box.is_checked()


def test_a_card_has_units_and_no_stray_words(open_page, own):
    page = open_page(f"card={own[1].replace('+', '%2B')}", at=own[0])
    page.wait_for_selector("#card .verdict")
    said = page.inner_text("#card")
    assert "flux [erg s⁻¹ cm⁻²]" in said
    assert "w1 [mag]" in said
    assert "null" not in said
    assert "Chandra" not in said


@pytest.mark.parametrize("view", ["about", "classify", "anomalies", "table"])
def test_no_view_speaks_of_chandra(open_page, own, view):
    page = open_page(f"view={view}", at=own[0])
    said = page.inner_text("main")
    assert "Chandra" not in said
    if view == "about":
        assert "from 5 features: hardness 1; hr2; flux, 0.2 to 12 keV" in said
        assert "My XMM sources (Doe et al. 2026)" in said
        assert "clustered without labels" in said  # it is the paper's method
