"""Aladin Lite: no part of xsift; loaded when a reader asks, and only the file that is known."""

import pytest

from xsift.serve.aladin import ADDRESS

from .conftest import serving

SURVEY = "DSS/DSSColor/properties"


def ask(page):
    page.get_by_role("button", name="Sky survey").click()


def wait_for(page, selector, said):
    page.wait_for_function(
        "([s, t]) => document.querySelector(s).textContent.includes(t)",
        arg=[selector, said],
        timeout=60_000,
    )


def forget(watch, *, beside=()):
    """Let pass what a page without a network is refused: the question for the survey, no more."""
    assert all(url.endswith(SURVEY) or url in beside for url in watch.outside), watch.outside
    watch.outside.clear()
    allowed = ("ERR_FAILED", "integrity", "overlaysContent")
    watch.faults[:] = [f for f in watch.faults if not any(word in f for word in allowed)]


def test_nothing_of_it_is_asked_for_before_the_button(open_page):
    page = open_page()
    for view in ("Properties", "About", "Sky"):
        page.get_by_role("link", name=view, exact=True).click()
    assert not page.watch.outside
    assert not page.locator("iframe").count()


def test_it_comes_from_cds_with_its_fingerprint(open_page, aladin_js):
    page = open_page("sky=0,0,3")
    page.watch.given[ADDRESS] = aladin_js.read_bytes()
    ask(page)
    wait_for(page, "#view-sky .where", "chosen sources in view")
    assert page.frame_locator("iframe").locator("#aladin canvas").count()
    wait_for(page, "#notice", "No network: Aladin Lite shows the sources without")
    before = page.inner_text("#view-sky .where")
    page.locator("#filters [data-group=AGN] input").uncheck()
    page.wait_for_function(
        "t => document.querySelector('#view-sky .where').textContent !== t", arg=before
    )
    page.get_by_role("button", name="All-sky map").click()
    page.wait_for_selector("#view-sky canvas.over:visible")
    forget(page.watch)


def test_another_file_at_that_address_does_not_run(open_page, aladin_js):
    page = open_page()
    page.watch.given[ADDRESS] = b"document.title = 'owned';" + aladin_js.read_bytes()
    ask(page)
    page.get_by_role("button", name="Sky survey: not available").wait_for()
    page.wait_for_selector("#view-sky canvas.over:visible")
    assert not any("owned" in frame.evaluate("document.title") for frame in page.frames)
    forget(page.watch)


def test_without_a_network_the_button_says_so_and_the_page_goes_on(open_page, total, sources):
    page = open_page()
    ask(page)
    button = page.get_by_role("button", name="Sky survey: not available")
    button.wait_for()
    assert "no network" in button.get_attribute("title")
    assert "xsift serve --aladin FILE" in page.inner_text("#notice")
    page.wait_for_selector("[data-key=map][aria-pressed=true]")
    assert total(page) == sources.num_rows
    forget(page.watch, beside=[ADDRESS])


def test_a_copy_of_the_reader_s_needs_no_network(open_page, catalogue, aladin_js):
    with serving(catalogue, "--aladin", str(aladin_js)) as address:
        page = open_page("sky=0,0,3", at=address)
        ask(page)
        wait_for(page, "#view-sky .where", "chosen sources in view")
        assert page.frame_locator("iframe").locator("#aladin canvas").count()
        forget(page.watch)


@pytest.mark.parametrize("path", ["/", "/aladin"])
def test_the_policy_allows_the_script_in_the_frame_alone(open_page, path):
    page = open_page()
    policy = page.evaluate(
        "a => fetch(a).then(r => r.headers.get('content-security-policy'))", path
    )
    script = next(p for p in policy.split("; ") if p.startswith("script-src"))
    assert (ADDRESS in script) == (path == "/aladin")
    assert ("wasm" in script) == (path == "/aladin")
    assert "unsafe-eval'" not in script.replace("'wasm-unsafe-eval'", "")
