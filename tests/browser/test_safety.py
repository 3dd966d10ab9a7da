"""Names, columns and addresses that carry markup and script."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from .conftest import serving

HOSTILE = [
    "<img src=x onerror=\"document.title='owned'\">",
    "<script>document.title='owned'</script>",
    "\"><svg onload=document.title='owned'>",
    "javascript:document.title='owned'",
    "{{constructor.constructor('document.title=1')()}}",
    "../../etc/passwd",
    "a&class=QSO#view=table",
]


@pytest.fixture(scope="module")
def hostile(catalogue, tmp_path_factory):
    """A catalogue whose names, flags and labels are hostile; its address."""
    folder = tmp_path_factory.mktemp("hostile")
    (folder / "model.asdf").write_bytes((catalogue / "model.asdf").read_bytes())
    record = (catalogue / "run.json").read_text().replace("mine.vot", "<b onclick=x()>mine</b>.vot")
    (folder / "run.json").write_text(record)
    for table in ("sources", "detections"):
        found = pq.read_table(catalogue / f"{table}.parquet")
        known = dict(
            zip(
                pq.read_table(catalogue / "sources.parquet")["name"].to_pylist(),
                HOSTILE,
                strict=False,
            )
        )
        names = [known.get(n, n) for n in found["name"].to_pylist()]
        at = found.schema.get_field_index("name")
        found = found.set_column(at, found.schema.field("name"), pa.array(names))
        if table == "detections":
            at = found.schema.get_field_index("flag")
            flags = pa.array([HOSTILE[0]] * found.num_rows)
            found = found.set_column(at, found.schema.field("flag"), flags)
        pq.write_table(found, folder / f"{table}.parquet")
    with serving(folder) as address:
        yield address


def assert_quiet(page):
    assert page.title().startswith("<b onclick=x()>mine</b>.vot")
    assert not page.evaluate(
        "document.querySelectorAll('main script, main img, dialog img').length"
    )


def test_hostile_names_are_text_everywhere(open_page, hostile):
    page = open_page("view=table", at=hostile)
    page.wait_for_selector("table.data tbody tr")
    shown = page.locator("table.data tbody th").all_inner_texts()
    assert set(HOSTILE) <= set(shown)
    assert page.inner_text("#title") == "<b onclick=x()>mine</b>.vot"
    for name in HOSTILE:
        page.get_by_role("button", name=name, exact=True).first.click()
        page.wait_for_function(
            "n => document.querySelector('#card h2')?.textContent === n"
            " && document.querySelector('#card .verdict')",
            arg=name,
        )
        assert page.locator("#card a").evaluate_all("a => a.every(x => x.protocol === 'https:')")
        assert_quiet(page)
    page.get_by_role("link", name="Anomalies").click()
    page.wait_for_selector(".anomalies li")
    assert HOSTILE[0] in page.inner_text(".anomalies")
    assert_quiet(page)


@pytest.mark.parametrize(
    "state",
    [
        "view=<script>&card=%3Cimg%20src=x%20onerror=document.title=1%3E",
        "view=properties&x=__proto__&y=constructor&colour=%3Cb%3E&frame=1,NaN,2,3",
        "box=__proto__:1:2~constructor:3:4&lasso=a:b:0:0:1:2&sort=%27;--&page=-7",
        "cone=a,b,c&min_p=NaN&min_abs_b=Infinity&sky=1e999,2,3&class=%00",
        "columns=__proto__,toString&view=table&page=1e9",
    ],
)
def test_any_address_opens(open_page, total, sources, state):
    page = open_page(state)
    assert 0 <= total(page) <= sources.num_rows
    assert page.title().endswith("xsift")
    # A source or class that is not there is the server's one line.
    page.wait_for_timeout(300)
    page.watch.faults[:] = [f for f in page.watch.faults if "Failed to load resource" not in f]


def test_a_name_of_an_upload_is_text(open_page):
    page = open_page("view=classify")
    features = "hard_hm hard_hs hard_ms powlaw_gamma bb_kt var_prob_b var_ratio_b var_prob_h"
    features += " var_ratio_h var_prob_s var_ratio_s var_newq_b"
    head = ",".join(["name", *features.split(), "<img src=x onerror=alert(1)>"])
    row = ",".join(["<script>document.title='owned'</script>", *["0.1"] * 11, "1", "2"])
    page.get_by_text("Or paste rows").click()
    page.get_by_label("Rows as CSV").fill(f"{head}\n{row}\n")
    page.get_by_role("button", name="Classify these rows").click()
    page.wait_for_selector(".result table.data", timeout=90_000)
    assert "<script>" in page.locator(".result table.data th").last.inner_text()
    assert not page.evaluate("document.querySelectorAll('main script, main img').length")
