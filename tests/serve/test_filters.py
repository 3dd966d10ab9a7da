"""Filters against loops over the rows of the written table; pages, counts and bits agree."""

import math
import random

import numpy as np
import pyarrow.parquet as pq
import pytest
from astropy.coordinates import SkyCoord


@pytest.fixture(scope="module")
def rows(calibrated):
    return pq.read_table(calibrated / "sources.parquet").to_pylist()


def p_of(row):
    columns = {"QSO": "p_qso", "AGN": "p_agn", "HXB": "p_hmxb", "Y*O": "p_yso", "none": "p_none"}
    return row[columns[row["class"]]]


def at_least(value, low):
    return value is not None and value >= low


def at_most(value, high):
    return value is not None and value <= high


def separation(row, ra, dec):
    return SkyCoord(row["ra"], row["dec"], unit="deg").separation(SkyCoord(ra, dec, unit="deg")).deg


def latitude(row):
    return SkyCoord(row["ra"], row["dec"], unit="deg").galactic.b.deg


CASES = [
    ({}, lambda r: True),
    ({"class": "QSO"}, lambda r: r["class"] == "QSO"),
    ({"class": "QSO,Y*O"}, lambda r: r["class"] in ("QSO", "Y*O")),
    ({"class": ""}, lambda r: False),
    ({"group": "AGN"}, lambda r: r["group"] == "AGN"),
    ({"group": "none,XB"}, lambda r: r["group"] in ("none", "XB")),
    ({"status": "ambiguous"}, lambda r: r["status"] == "ambiguous"),
    ({"min_p": 0.7}, lambda r: p_of(r) >= 0.7),
    ({"min_p": 0.7, "class": "QSO"}, lambda r: p_of(r) >= 0.7 and r["class"] == "QSO"),
    ({"min_typicality": 0.3}, lambda r: at_least(r["typicality"], 0.3)),
    ({"max_typicality": 0.1}, lambda r: at_most(r["typicality"], 0.1)),
    ({"min_detections": 2}, lambda r: r["n_detections"] >= 2),
    ({"max_detections": 1}, lambda r: r["n_detections"] <= 1),
    ({"cone": "10.5,-5,0.2"}, lambda r: separation(r, 10.5, -5) <= 0.2),
    ({"min_abs_b": 67.9}, lambda r: abs(latitude(r)) >= 67.9),
    ({"max_abs_b": 67.9}, lambda r: abs(latitude(r)) <= 67.9),
    ({"text": "j00001"}, lambda r: "J00001" in r["name"]),
    ({"text": " 2cxo  J "}, lambda r: True),
    ({"text": "(.*"}, lambda r: False),
    ({"range": "hard_hm:0:0.5"}, lambda r: at_least(r["hard_hm"], 0) and r["hard_hm"] <= 0.5),
    ({"range": "bb_kt:1:"}, lambda r: at_least(r["bb_kt"], 1)),
    ({"range": "bb_kt::1"}, lambda r: at_most(r["bb_kt"], 1)),
    ({"range": "bb_kt::"}, lambda r: r["bb_kt"] is not None),
    (
        {"range": ["bb_kt::1", "hard_hm:0:"]},
        lambda r: at_most(r["bb_kt"], 1) and at_least(r["hard_hm"], 0),
    ),
    ({"missing": "bb_kt"}, lambda r: r["bb_kt"] is None),
    ({"present": "bb_kt"}, lambda r: r["bb_kt"] is not None),
    (
        {"missing": ["bb_kt", "hard_hm"]},
        lambda r: r["bb_kt"] is None and r["hard_hm"] is None,
    ),
    (
        {"missing": "bb_kt", "present": "hard_hm"},
        lambda r: r["bb_kt"] is None and r["hard_hm"] is not None,
    ),
    ({"missing": "class"}, lambda r: r["class"] is None),
    ({"present": "group_set"}, lambda r: r["group_set"] is not None),
    ({"is": "class_hard:QSO"}, lambda r: r["class_hard"] == "QSO"),
    ({"is": "group_set:AGN|other"}, lambda r: r["group_set"] == "AGN|other"),
    (
        {"is": ["group_set:AGN|other", "group_set:other", "status:unique"]},
        lambda r: r["group_set"] in ("AGN|other", "other") and r["status"] == "unique",
    ),
    ({"index": "0, 5,7"}, lambda r: r["index"] in (0, 5, 7)),
    ({"index": ""}, lambda r: False),
]


@pytest.mark.parametrize(
    ("asked", "holds"), CASES, ids=lambda c: str(c) if isinstance(c, dict) else ""
)
def test_a_filter_is_the_loop(get, client, rows, asked, holds):
    wanted = [i for i, r in enumerate(rows) if holds({**r, "index": i})]
    said = get("/api/filter", **asked)
    assert said["total"] == len(wanted)
    for word in ("group", "class"):
        found = said["counts" if word == "group" else "class_counts"]
        assert sum(found.values()) == len(wanted)
        for name, n in found.items():
            assert n == sum(rows[i][word] == name for i in wanted)
    bits = np.frombuffer(client.get("/api/filter.bin", params=asked).content, np.uint8)
    assert len(bits) == math.ceil(len(rows) / 8)
    assert np.flatnonzero(np.unpackbits(bits, bitorder="little")).tolist() == wanted
    page = get("/api/sources", limit=200, **asked)
    assert page["total"] == len(wanted)
    assert [r["index"] for r in page["rows"]] == wanted[:200]


@pytest.mark.parametrize("seed", range(20))
def test_filters_hold_together(get, rows, seed):
    chosen = random.Random(seed).sample([c for c in CASES if len(c[0]) == 1], 3)
    asked = {k: v for case, _ in chosen for k, v in case.items()}
    holds = [h for case, h in chosen if next(iter(case.items())) in list(asked.items())]
    wanted = sum(all(h({**r, "index": i}) for h in holds) for i, r in enumerate(rows))
    assert get("/api/filter", **asked)["total"] == wanted


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"class": "QSO,Foo"}, "class 'Foo': allowed are QSO, AGN, Sy1"),
        ({"group": "agn"}, "group 'agn': allowed are"),
        ({"status": "sure"}, "status 'sure': allowed are ambiguous, unique"),
        ({"min_p": "2"}, "min_p '2': input should be less than or equal to 1"),
        ({"min_p": "nan"}, "min_p 'nan': input should be"),
        ({"min_p": "much"}, "min_p 'much': input should be a valid number"),
        ({"min_pp": "0.5"}, "no parameter 'min_pp': allowed are"),
        ({"cone": "1,2"}, "cone '1,2': give RA,DEC,RADIUS in degrees"),
        ({"cone": "1,2,-3"}, "cone '1,2,-3': allowed are"),
        ({"cone": "1,2,nan"}, "cone '1,2,nan': 'nan' is not a number"),
        ({"cone": "1,95,1"}, "cone '1,95,1': allowed are"),
        ({"range": "bb_kt:1"}, "range 'bb_kt:1': give column:low:high"),
        ({"range": "bb_k:1:2"}, "range: the catalogue has no numbers 'bb_k': did you mean bb_kt?"),
        ({"range": "bb_kt:2:1"}, "range 'bb_kt:2:1': the low end is above the high end"),
        ({"range": "bb_kt:x:1"}, "range 'bb_kt:x:1': 'x' is not a number"),
        ({"range": "name:1:2"}, "range: the catalogue has no numbers 'name'"),
        ({"missing": "bb_k"}, "missing: the catalogue has no column 'bb_k': did you mean bb_kt?"),
        ({"present": "zzzz"}, "present: the catalogue has no column 'zzzz': allowed are name, "),
        ({"is": "bb_kt"}, "is 'bb_kt': give column:word"),
        ({"is": "bb_kt:1"}, "is: bb_kt is a column of numbers: ask for range=bb_kt:low:high"),
        ({"is": "clas:QSO"}, "is: the catalogue has no column 'clas': did you mean class?"),
        ({"is": "class:Foo"}, "is class:'Foo': allowed are QSO, AGN"),
        ({"is": "group_set:Foo"}, "is group_set:'Foo': no source of the catalogue has this word"),
        ({"index": "1,x"}, "index 'x': allowed is 0 to"),
        ({"index": "99999"}, "index '99999': allowed is 0 to"),
        ({"index": "-1"}, "index '-1': allowed is 0 to"),
        ({"index": "\u0663"}, "index '\u0663': allowed is 0 to"),
        ({"index": ",".join("1" * 5001)}, "index: 5,001 indices: at most 5,000 are allowed"),
    ],
)
def test_a_filter_that_is_not_understood(refused, asked, said):
    for address in ("/api/filter", "/api/filter.bin", "/api/sources", "/api/table.csv"):
        status, line = refused(address, **asked)
        assert status == 422
        assert line.startswith(said)


def test_the_words_of_a_column_are_counted(get, rows):
    for name in ("group_set", "class_soft", "status", "model_id"):
        found = get(f"/api/words/{name}")
        there = [r[name] for r in rows if r[name] is not None]
        assert dict(found["words"]) == {word: there.count(word) for word in set(there)}
        assert [n for _, n in found["words"]] == sorted((n for _, n in found["words"]))[::-1]
        assert found["n_words"] == len(set(there))
        assert found["missing"] == len(rows) - len(there)


def test_of_many_words_the_most_frequent_are_listed(get, rows):
    found = get("/api/words/name")
    assert found["n_words"] == len(rows) > 200
    assert len(found["words"]) == 200


def test_columns_without_words(refused):
    assert refused("/api/words/bb_kt")[1].startswith("column: bb_kt is a column of numbers")
    assert refused("/api/words/foo")[1].startswith("column: the catalogue has no column 'foo'")


def test_more_conditions_than_allowed(refused):
    for name, most in (("missing", 100), ("present", 100), ("is", 400)):
        status, line = refused("/api/filter", **{name: ["class:QSO"] * (most + 1)})
        assert status == 422
        assert line.startswith(f"{name}: list should have at most {most} items")


def test_the_longest_list_of_indices(get):
    assert get("/api/filter", index=",".join("1" * 5000))["total"] == 1


SORTS = ["name", "p_qso", "class", "bb_kt", "n_detections", "p_class", "glat", "index", "status"]


@pytest.mark.parametrize("sort", [*SORTS, *(f"-{s}" for s in SORTS)])
def test_pages_are_sorted(get, sort):
    rows = [
        r
        for o in range(0, 400, 60)
        for r in get("/api/sources", sort=sort, offset=o, limit=60)["rows"]
    ]
    assert sorted(r["index"] for r in rows) == list(range(len(rows)))
    column = sort.removeprefix("-")
    there = [r for r in rows if r[column] is not None]
    assert rows[: len(there)] == there  # what is missing comes last
    # Python's sort is stable, and reverse keeps equals in order.
    by_hand = sorted(there, key=lambda r: r["index"])
    by_hand.sort(key=lambda r: r[column], reverse=sort.startswith("-"))
    assert [r["index"] for r in there] == [r["index"] for r in by_hand]


def test_a_sorted_page_of_a_selection(get):
    rows = get("/api/sources", sort="-p_class", group="AGN", limit=5, offset=2)["rows"]
    every = get("/api/sources", sort="-p_class", group="AGN", limit=200)["rows"]
    assert rows == every[2:7]


def test_pages_beyond_the_end_are_empty(get):
    assert get("/api/sources", offset=10**9)["rows"] == []
    assert get("/api/sources", limit=0)["rows"] == []


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"sort": "p_qs"}, "sort: the catalogue has no column 'p_qs': did you mean p_qso?"),
        ({"limit": "201"}, "limit '201': input should be less than or equal to 200"),
        ({"offset": "-1"}, "offset '-1': input should be greater than or equal to 0"),
    ],
)
def test_a_page_that_is_not_understood(refused, asked, said):
    status, line = refused("/api/sources", **asked)
    assert status == 422
    assert line.startswith(said)


def test_rows_are_those_of_the_table(get, rows):
    for row in get("/api/sources", limit=50)["rows"]:
        assert {k: row[k] for k in rows[0]} == rows[row["index"]]
        assert row["p_class"] == p_of(row)
