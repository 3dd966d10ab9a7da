"""The site: built without a warning, complete, and loading nothing from elsewhere."""

import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from html.parser import HTMLParser
from pathlib import Path

import pytest

pytest.importorskip("sphinx", reason="the extra docs is not installed")
pytest.importorskip("myst_parser")

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "-q", "-b", "html", "-W", "--keep-going"]
    done = subprocess.run(
        [*command, "-d", str(folder / "doctrees"), str(DOCS), str(folder / "html")],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return folder / "html"


class Loaded(HTMLParser):
    """What a page loads by itself, and where it links to."""

    def __init__(self, text):
        super().__init__()
        self.loads, self.links = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag == "a":
            self.links.append(attrs.get("href") or "")
        elif tag == "link" and attrs.get("rel") in ("index", "search", "next", "prev", "canonical"):
            pass  # says where, loads nothing
        else:
            self.loads += [
                v for k in ("src", "href", "data", "srcset", "poster") if (v := attrs.get(k))
            ]


def navigation():
    """What index.md lists, read as conf.py does."""
    names = {"__file__": str(DOCS / "conf.py")}
    exec(compile((DOCS / "conf.py").read_text("utf-8"), "conf.py", "exec"), names)
    return names["navigation"]((DOCS / "index.md").read_text("utf-8"))


def test_index_puts_every_page_into_the_navigation():
    listed = [page for pages in navigation().values() for _, page in pages]
    assert len(listed) == len(set(listed))
    pages = {p.stem for p in DOCS.glob("*.md")} - {"index"}
    missing = pages - set(listed)
    lines = [f"* [Title]({name}.md): ..." for name in sorted(missing)]
    assert not missing, f"docs/index.md: under a heading, add {lines}"


def test_a_page_that_is_missing_would_be_seen():
    found = "## A\n\ntext\n\n* [One](one.md): x\n* [Two](api/index.rst)\n\n## B\n\n* no page\n"
    names = {"__file__": str(DOCS / "conf.py")}
    exec(compile((DOCS / "conf.py").read_text("utf-8"), "conf.py", "exec"), names)
    assert names["navigation"](found) == {"A": [("One", "one"), ("Two", "api/index")]}


@pytest.mark.slow
def test_every_page_is_built_with_the_whole_navigation(site):
    for page in DOCS.glob("*.md"):
        text = (site / f"{page.stem}.html").read_text("utf-8")
        sidebar = text.split('class="sidebar-tree"')[1].split("</aside>")[0]
        for pages in navigation().values():
            for title, _ in pages:
                assert f">{title}</a>" in sidebar, f"{page.name}: {title}"


@pytest.mark.slow
def test_links_inside_the_site_lead_somewhere(site):
    anchors = {}
    pages = {p: p.read_text("utf-8") for p in site.rglob("*.html") if "_modules" not in p.parts}
    for path, text in pages.items():
        anchors[path.resolve()] = set(re.findall(r'\bid="([^"]+)"', text))
    n = 0
    for path, text in pages.items():
        for link in Loaded(text).links:
            if re.match(r"(https?|mailto):", link) or "_modules" in link or link == "#":
                continue
            target, _, anchor = link.partition("#")
            file = (path.parent / target).resolve() if target else path.resolve()
            assert file.exists(), f"{path.name}: {link}"
            if anchor and file in anchors:
                assert anchor in anchors[file], f"{path.name}: {link}"
                n += 1
    assert n > 100


@pytest.mark.slow
def test_pages_load_nothing_from_elsewhere(site):
    n = 0
    for page in site.rglob("*.html"):
        for load in Loaded(page.read_text("utf-8")).loads:
            n += 1
            assert not re.match(r"([a-z]+:)?//", load), f"{page.name} loads {load}"
    assert n > 100
    for sheet in site.rglob("*.css"):
        text = sheet.read_text("utf-8")
        found = re.findall(r"(?:url\(|@import)\s*['\"]?((?:https?:)?//[^'\")\s]+)", text)
        assert not found, f"{sheet.name} loads {found}"
    # A script may name an address (its licence's); it must not fetch one.
    for script in site.rglob("*.js"):
        text = script.read_text("utf-8", errors="replace")
        found = re.findall(
            r"(?:fetch|import|src\s*=|open)\s*\(?\s*[\"'`]((?:https?:)?//[^\"'`]+)", text
        )
        assert not found, f"{script.name} loads {found}"


@pytest.mark.parametrize(
    ("tag", "loads"),
    [
        ('<script src="https://example.org/x.js"></script>', ["https://example.org/x.js"]),
        ('<link rel="stylesheet" href="//example.org/x.css">', ["//example.org/x.css"]),
        ('<img src="a.png"><a href="https://example.org">b</a>', ["a.png"]),
        ('<link rel="next" href="b.html">', []),
    ],
)
def test_what_a_page_loads_is_seen(tag, loads):
    assert Loaded(tag).loads == loads


FORMULA = re.compile(r"\$\$.+?\$\$|(?<![\\$])\$[^$\n]+\$", re.DOTALL)


def formulas(page):
    """The formulas of a page in Markdown, without its blocks and names of code."""
    text = re.sub(r"^```.*?^```$|`[^`\n]+`", "", page.read_text("utf-8"), flags=re.DOTALL | re.M)
    return FORMULA.findall(text)


@pytest.mark.slow
def test_every_formula_is_mathematics_that_needs_no_script(site):
    n = 0
    for page in DOCS.glob("*.md"):
        text = (site / f"{page.stem}.html").read_text("utf-8")
        assert text.count("<math") == len(formulas(page)), page.name
        for math in re.findall(r"<math.*?</math>", text, re.DOTALL):
            assert "\\" not in math, f"{page.name}: a command that was not understood: {math}"
        assert not [load for load in Loaded(text).loads if "mathjax" in load.lower()]
        n += text.count("<math")
    assert n > 50
    style = (site / "_static" / "site.css").read_text("utf-8")
    (font,) = re.findall(r'src: url\("([^"]+)"\)', style)
    assert (site / "_static" / font).stat().st_size > 500_000


@pytest.mark.browser
@pytest.mark.slow
def test_formulas_are_drawn_with_the_font_of_the_site(site, chromium_path):
    run = pytest.importorskip("playwright.sync_api").sync_playwright
    # Tests of the page keep an event loop in this thread.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(_see_formulas, site, run, chromium_path).result()


def _see_formulas(site, run, path):
    with run() as p, p.chromium.launch(executable_path=path, args=["--no-sandbox"]) as browser:
        page = browser.new_context(offline=True).new_page()
        page.goto((site / "scoring.html").as_uri())
        page.wait_for_function("document.fonts.status === 'loaded'")
        assert page.evaluate("document.fonts.check('16px \"STIX Two Math\"', 'x')")
        heights = page.eval_on_selector_all(
            "div.math math", "all => all.map(m => m.getBoundingClientRect().height)"
        )
        assert len(heights) >= 5
        assert min(heights) > 15
        for width in (1440, 390):
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.slow
def test_the_reference_holds_the_public_names(site):
    import xsift

    text = (site / "api" / "index.html").read_text("utf-8")
    assert 'id="module-xsift.errors"' in text
    # The mixture is a stage, on the page of the stages.
    for name in set(xsift.__all__) - {"__version__", "errors", "GaussianMixture"}:
        assert re.search(rf'id="xsift\.(\w+\.)?{name}"', text), name
    other = "".join(p.read_text("utf-8") for p in (site / "api").glob("*.html"))
    for name in ("GaussianMixture", "Evaluation", "source_card", "hardness_plane"):
        assert re.search(rf'id="xsift\.[\w.]+\.{name}"', other), name
