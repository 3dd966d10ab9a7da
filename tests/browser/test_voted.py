"""The page of what `xsift vote` wrote: sources alone, and nothing that would need more."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from .conftest import serving

VIEWS = ["sky", "properties", "both", "table", "about"]


@pytest.fixture(scope="module", params=["with features", "bare"])
def voted(request, catalogue, tmp_path_factory):
    """The address of a server of votes."""
    from xsift import vote_table

    folder = tmp_path_factory.mktemp("voted")
    table = catalogue / "detections.parquet"
    if request.param == "bare":
        table = folder / "ballots.parquet"
        ballots = {"name": ["a", "a", "b"], "QSO": [0.2, 0.4, 0.7], "YSO": [0.8, 0.6, 0.3]}
        pq.write_table(pa.table(ballots), table)
    vote_table(table).write(folder)
    name = pq.read_table(folder / "sources.parquet")["name"][0].as_py()
    with serving(folder) as address:
        yield address, name


@pytest.mark.parametrize("view", VIEWS)
def test_every_view_opens(open_page, voted, view):
    page = open_page(f"view={view}", at=voted[0])
    assert page.locator(".view:not([hidden])").count() >= 1
    assert page.locator("#tabs a[data-view=classify]").is_hidden()


def test_a_card_shows_the_source_alone(open_page, voted):
    page = open_page(f"view=table&card={voted[1].replace('+', '%2B')}", at=voted[0])
    page.wait_for_selector("#card .verdict")
    assert "no detections to show" in page.inner_text("#card")


def test_detections_cannot_be_downloaded(open_page, voted):
    page = open_page("view=table", at=voted[0])
    assert page.locator("a[data-level=sources]").count() == 4
    assert page.locator("a[data-level=detections]").count() == 0
