"""The server is a fair stand-in for the archives: what it answers is known beforehand."""

import numpy as np
import pyarrow as pa
import pytest

pyvo = pytest.importorskip("pyvo")
pytestmark = pytest.mark.tap

COLUMNS = "o.theta, m.ra, m.dec, o.hard_hm, o.powlaw_gamma, o.bb_kt, o.var_prob_b, o.var_mean_b"
PAPER = """
SELECT DISTINCT m.name, o.obsid, o.obi, o.region_id, {columns}
FROM {s}.master_source m, {s}.master_stack_assoc a, {s}.observation_source o,
     {s}.stack_observation_assoc b, {s}.stack_source s
WHERE m.name = a.name
  AND s.detect_stack_id = a.detect_stack_id AND s.region_id = a.region_id
  AND s.detect_stack_id = b.detect_stack_id AND s.region_id = b.region_id
  AND o.obsid = b.obsid AND o.obi = b.obi AND o.region_id = b.region_id
  AND o.flux_significance_b > 5 AND o.powlaw_gamma IS NOT NULL AND o.bb_kt IS NOT NULL
ORDER BY m.name, o.obsid, o.obi, o.region_id
"""


@pytest.mark.parametrize("schema", ["csc21", pytest.param("csc2", marks=pytest.mark.real)])
def test_the_papers_query_finds_exactly_the_rows_expected(tap, schema):
    expected = getattr(tap, schema)
    found = pyvo.dal.TAPService(tap.url).run_sync(
        PAPER.format(s=schema, columns=COLUMNS), maxrec=1_000_000
    )
    assert found.query_status == "OK"
    assert len(found) == len(expected)
    if schema == "csc21":
        assert len(found) == 37_878
    for name in ("name", "obsid", "obi", "region_id", *(c[2:] for c in COLUMNS.split(", "))):
        want = expected[name]
        if pa.types.is_string(want.type):
            assert found[name].tolist() == want.to_pylist()
        else:
            got = np.ma.filled(found[name].astype(float), np.nan)
            np.testing.assert_array_equal(got, want.to_numpy(zero_copy_only=False))


def test_without_distinct_there_is_more(tap):
    """A detection in two stacks comes twice: the fixture can tell a client without DISTINCT."""
    query = PAPER.format(s="csc21", columns=COLUMNS).replace("DISTINCT ", "")
    found = pyvo.dal.TAPService(tap.url).run_sync(query, maxrec=1_000_000)
    assert len(found) > len(tap.csc21)


def test_known_objects_and_their_types(tap):
    service = pyvo.dal.TAPService(tap.url)
    found = service.run_sync("SELECT otype, COUNT(*) AS n FROM basic GROUP BY otype")
    want = {v["values"]: v["counts"] for v in tap.basic["otype"].value_counts().to_pylist()}
    assert dict(zip(found["otype"].tolist(), found["n"].tolist(), strict=True)) == want
    defined = service.run_sync("SELECT otype, description, path, is_candidate FROM otypedef")
    assert set(defined["otype"]) == set(want) == set(tap.otypedef["otype"].to_pylist())


def test_a_cut_answer_says_so(tap):
    with pytest.warns(pyvo.dal.DALOverflowWarning):
        found = pyvo.dal.TAPService(tap.url).run_sync("SELECT name FROM csc21.master_source")
    assert found.query_status == "OVERFLOW"
    assert len(found) == 20_000


def test_a_wrong_query_is_an_error(tap):
    """With HTTP status 200: the answer itself says that it is none."""
    with pytest.raises(pyvo.dal.DALQueryError, match="nothing"):
        pyvo.dal.TAPService(tap.url).run_sync("SELECT nothing FROM basic")
