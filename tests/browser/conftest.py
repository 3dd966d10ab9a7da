"""A server as a process of its own, and Chromium without a network, watched for errors."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pyarrow.parquet as pq
import pytest

FLAGS = [
    *("--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
    *("--disable-gpu", "--enable-unsafe-swiftshader"),  # only WebGL is drawn by a GPU in software
]
LAPTOP, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}


def pytest_collection_modifyitems(items):
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@contextlib.contextmanager
def serving(folder, *options):
    """Run `xsift serve` on any free port; give its address."""
    command = [sys.executable, "-m", "xsift", "serve", str(folder), "--port", "0", *options]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            address = process.stdout.readline().strip()
            assert address.startswith("http://127.0.0.1:"), address
            yield address.rstrip("/")
        finally:
            process.terminate()


@pytest.fixture(scope="session")
def catalogue(tmp_path_factory):
    """A folder with a classified catalogue of 1,200 simulated sources all over the sky."""
    from xsift import classify
    from xsift.simulate import simulate
    from xsift.write import write_table

    folder = tmp_path_factory.mktemp("catalogue")
    simulation = simulate(1200, seed=7)
    write_table(simulation.detections, folder / "mine.vot", "votable", {})
    classify(folder / "mine.vot").write(folder)
    return folder


@pytest.fixture(scope="session")
def sources(catalogue):
    """The table of sources that is served."""
    return pq.read_table(catalogue / "sources.parquet")


@pytest.fixture(scope="session")
def address(catalogue):
    with serving(catalogue) as found:
        yield found


@pytest.fixture(scope="session")
def chromium(chromium_path):
    playwright = pytest.importorskip("playwright.sync_api")
    with (
        playwright.sync_playwright() as run,
        run.chromium.launch(executable_path=chromium_path, args=FLAGS) as browser,
    ):
        yield browser


@pytest.fixture(scope="session")
def aladin_js(tmp_path_factory):
    """The script of Aladin Lite, from its npm package: xsift does not ship it."""
    from xsift.serve.aladin import VERSION

    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("npm is not installed: apt-get install npm")
    folder = tmp_path_factory.mktemp("aladin")
    command = [npm, "pack", "--silent", f"aladin-lite@{VERSION}"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)
    if done.returncode:
        pytest.skip("npm cannot fetch aladin-lite: there is no network, or no registry")
    with tarfile.open(folder / done.stdout.split()[-1]) as archive:
        archive.extractall(folder, filter="data")
    return folder / "package" / "dist" / "aladin.js"


class Watch:
    """What went wrong on a page, and what it asked for beyond this machine."""

    def __init__(self):
        self.outside, self.faults = [], []
        self.given = {}  # what an address beyond this machine answers with

    def follow(self, page, address):
        def route(request):
            url = request.request.url
            if url.startswith((address, "data:", "blob:")):
                request.continue_()
            elif url in self.given:
                anyone = {"Content-Type": "text/javascript", "Access-Control-Allow-Origin": "*"}
                request.fulfill(body=self.given[url], headers=anyone)
            else:
                self.outside.append(url)
                request.abort()

        page.route("**/*", route)
        page.on("pageerror", lambda error: self.faults.append(f"error: {error}"))
        # A refusal of the content-security policy is an error on the console.
        page.on("console", lambda m: m.type == "error" and self.faults.append(m.text))


@pytest.fixture
def open_page(chromium, address):
    """Open the page at a state: ``open_page("view=table")``; in the end all must have been well."""
    opened, watch = [], Watch()

    def show(state="", at=address, viewport=LAPTOP, ready=True, **context):
        where = chromium.new_context(viewport=viewport, accept_downloads=True, **context)
        where.grant_permissions(["clipboard-read", "clipboard-write"])
        opened.append(where)
        page = where.new_page()
        page.set_default_timeout(15_000)
        watch.follow(page, at)
        page.watch = watch
        page.goto(f"{at}/#{state}" if state else at)
        if ready:
            page.wait_for_selector("body[data-ready]")
        return page

    yield show
    for where in opened:
        where.close()
    assert not watch.outside, "the page needs the network"
    assert not watch.faults


@pytest.fixture
def total():
    """Read how many sources the page says are chosen, once it says `of` them or has settled."""

    def read(page, of=None):
        if of is not None:
            page.wait_for_function(
                "n => document.querySelector('.total strong')?.textContent === n", arg=f"{of:,}"
            )
        return int(page.inner_text(".total strong").replace(",", ""))

    return read
