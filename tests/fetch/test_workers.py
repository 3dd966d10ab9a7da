"""Several processes ask: the same table, and never more at a time than a service likes."""

import pickle
import threading
import time
from contextlib import nullcontext
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from loopback import QUICK, ROWS, refused

from xsift import surveys
from xsift.cluster import workers_of
from xsift.errors import ServiceError, SettingError, XsiftWarning
from xsift.fetch import AT_A_TIME, Cache, Client, Tap, asking, fetch_detections, whole
from xsift.fetch.simbad import Simbad, fetch_objects
from xsift.pipeline.archive import parse, save_detections

SURVEY = surveys.load("csc20")


@pytest.fixture(scope="module")
def many(scheduler_of_two):
    with workers_of(scheduler_of_two) as workers:
        yield workers


@pytest.fixture
def crowd(archive):
    """How many requests the archive had to work on at a time."""
    seen, lock, answer = SimpleNamespace(now=0, most=0), threading.Lock(), archive.answer

    def slowly(form, upload):
        with lock:
            seen.now += 1
            seen.most = max(seen.most, seen.now)
        time.sleep(0.05)
        try:
            return answer(form, upload)
        finally:
            with lock:
                seen.now -= 1

    archive.answer = slowly
    return seen


def fetched(archive, folder, workers=None, row_limit=5000, told=None):
    tap = Tap(archive.url, parse, QUICK, "sync", row_limit)
    said = [] if told is None else told
    return fetch_detections(
        SURVEY, whole(), tap, Cache(folder), progress=lambda *n: said.append(n), workers=workers
    )


@pytest.mark.parametrize("limit", [5000, 20])
def test_the_same_rows_in_the_same_order(archive, tmp_path, many, crowd, limit):
    one = fetched(archive, tmp_path / "one", row_limit=limit)
    assert crowd.most == 1
    n, told = len(archive.asked), []
    two = fetched(archive, tmp_path / "two", many, limit, told)
    assert two.table.equals(one.table)
    assert (two.n_queries, two.n_kept) == (one.n_queries, 0)
    assert 2 <= crowd.most <= AT_A_TIME
    assert sorted(archive.asked[n:]) == sorted(archive.asked[:n])
    assert told[0] == (0, 48)
    assert told[-1] == (one.n_queries, one.n_queries)
    # What several have fetched, the next one does not ask for, and the other way round.
    again = fetched(archive, tmp_path / "two", row_limit=limit)
    assert again.table.equals(one.table)
    assert again.n_kept == again.n_queries
    assert fetched(archive, tmp_path / "one", many, limit).n_kept == one.n_queries
    assert len(archive.asked) == 2 * n


def test_no_more_ask_than_a_service_likes(archive, tmp_path, many, crowd, monkeypatch):
    monkeypatch.setattr(asking, "AT_A_TIME", 1)
    fetched(archive, tmp_path / "cache", many)
    assert crowd.most == 1


def test_more_processes_than_may_ask_are_not_started(monkeypatch):
    begun = []

    def workers_of(workers):
        begun.append(workers)
        return nullcontext()

    monkeypatch.setattr(asking, "workers_of", workers_of)
    said = "workers 8: 3 are started, as a service is asked 3 questions at a time at most"
    with pytest.warns(XsiftWarning, match=said), asking.askers(8):
        pass
    for given in (2, None, "tcp://127.0.0.1:9"):
        with asking.askers(given):
            pass
    assert begun == [3, 2, None, "tcp://127.0.0.1:9"]


def test_objects_of_simbad(archive, tmp_path, many, crowd, monkeypatch):
    monkeypatch.setattr("xsift.fetch.simbad._BATCH", 40)
    matcher = Simbad(parse, QUICK, "sync", archive.url)
    ra, dec = np.array(ROWS["ra"]), np.array(ROWS["dec"])
    one = fetch_objects(matcher, Cache(tmp_path / "one"), ra, dec, 1.0)
    two = fetch_objects(matcher, Cache(tmp_path / "two"), ra, dec, 1.0, workers=many)
    assert two.table.equals(one.table)
    assert (two.chance_rate, two.n_shifted) == (one.chance_rate, one.n_shifted)
    assert two.vocabulary == one.vocabulary
    assert 2 <= crowd.most <= AT_A_TIME


def test_a_refusal_is_one_line_and_what_came_before_is_kept(archive, tmp_path, many):
    answer, n = archive.answer, []

    def refuses(form, upload):
        n.append(form)
        return (400, refused("no more today")) if len(n) > 20 else answer(form, upload)

    archive.answer = refuses
    with pytest.raises(ServiceError, match=r"^http://127.*: .*no more today$"):
        fetched(archive, tmp_path / "cache", many)
    kept = len(list((tmp_path / "cache").glob("*.parquet")))
    assert 10 <= kept <= 20
    archive.answer = answer
    assert fetched(archive, tmp_path / "cache").n_kept == kept


def test_a_copy_keeps_to_the_same_end_and_to_the_same_limits():
    client = Client("http://127.0.0.1:9", replace(QUICK, budget=1.0))
    client.wait(0.3)
    copy = pickle.loads(pickle.dumps(client))
    assert (copy.url, copy.limits) == (client.url, client.limits)
    with pytest.raises(ServiceError, match="the time budget of 1 s"):
        copy.wait(0.8)
    copy.wait(0.01)


def test_the_command(xsift, archive, tmp_path, monkeypatch, scheduler_of_two):
    from xsift.cli import services

    monkeypatch.setattr(services, "limits", lambda budget: QUICK)
    words = ("fetch", "csc", "--all", "--url", archive.url, "--cache", tmp_path / "cache")
    said = xsift(*words, "--out", tmp_path / "d.parquet", "--dask", scheduler_of_two)
    assert said.status == 0, said.err
    said = xsift(
        *("fetch", "simbad", tmp_path / "d.parquet", "--out", tmp_path / "k.parquet"),
        *("--url", archive.url, "--cache", tmp_path / "cache", "--dask", scheduler_of_two),
    )
    assert said.status == 0, said.err
    for command in (("csc", "--all"), ("4xmm", "--all"), ("simbad", tmp_path / "d.parquet")):
        said = xsift(
            *("fetch", *command, "--out", tmp_path / "x.parquet"),
            *("--workers", 2, "--dask", scheduler_of_two),
        )
        assert (said.status, "exclude each other" in said.err) == (2, True)


def test_a_bad_number_is_refused_before_anything_is_asked(tmp_path):
    with pytest.raises(SettingError, match="workers 0: allowed are 1 to 1,024"):
        save_detections(tmp_path / "o" / "x.parquet", SURVEY, None, None, None, workers=0)
    assert not (tmp_path / "o").exists()
