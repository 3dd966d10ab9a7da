"""Tasks are done whatever happens to the processes that do them, and what is lost is said."""

import os
import subprocess
import sys

import pytest
from flows import dies, dies_once, fails, fills, how_it_is, slowly, squares
from schedulers import scheduler, wait_for

from xsift.cluster import Here, chosen, workers_of
from xsift.errors import ClusterError, SettingError, TableError, XsiftWarning


@pytest.fixture(scope="module")
def two():
    with workers_of(2) as workers:
        yield workers


def test_no_workers_are_this_process():
    for number in (None, 1):
        with workers_of(number) as workers, pytest.warns(XsiftWarning, match="0 is a multiple"):
            found = list(workers.flow(squares, {"plus": 1}, range(4)))
        assert found == [(k, k * k + 1, os.getpid()) for k in range(4)]
    assert list(Here().flow(squares, None, [])) == []


@pytest.mark.parametrize("together", [1, 3, 100])
def test_two_processes_do_all_tasks(two, together):
    with pytest.warns(XsiftWarning) as caught:
        found = list(two.flow(squares, {"plus": 2}, list(range(20)), together))
    assert sorted(f[:2] for f in found) == [(k, k * k + 2) for k in range(20)]
    assert os.getpid() not in {f[2] for f in found}
    assert len({f[2] for f in found}) == (1 if together == 100 else 2)
    # In the order of the tasks, whoever did them.
    assert [str(w.message) for w in caught] == [f"{k} is a multiple" for k in (0, 5, 10, 15)]


def test_an_error_of_a_task_is_raised_as_it_was(two):
    with pytest.raises(TableError, match=r"^row 3: no number$"):
        list(two.flow(fails, 7, range(20)))
    assert sorted(two.flow(fails, -1, range(5))) == list(range(5))


def test_a_full_disk_is_raised_as_such(two):
    with pytest.raises(OSError, match="No space left on device"):
        list(two.flow(fills, None, [1]))


def test_processes_do_not_take_the_cores_of_others(two):
    assert set(two.flow(how_it_is, None, range(4))) == {(1, 1)}


def test_this_process_compiles_on_while_another_begins(tmp_path):
    """Numba reads its environment whenever it compiles."""
    code = (
        "import os, numba, threading\n"
        "from xsift.cluster import workers_of\n"
        "stop = threading.Event()\n"
        "seen = set()\n"
        "def watch():\n"
        "    while not stop.is_set():\n"
        "        seen.add(os.environ.get('NUMBA_NUM_THREADS'))\n"
        "if __name__ == '__main__':\n"
        "    thread = threading.Thread(target=watch)\n"
        "    thread.start()\n"
        "    with workers_of(2):\n"
        "        pass\n"
        "    stop.set()\n"
        "    print(seen)\n"
    )
    (tmp_path / "script.py").write_text(code)
    environment = {k: v for k, v in os.environ.items() if k != "NUMBA_NUM_THREADS"}
    done = subprocess.run(
        [sys.executable, tmp_path / "script.py"], capture_output=True, text=True, env=environment
    )
    assert done.stdout == "{None}\n", done.stderr


def test_a_script_that_each_process_would_run_again(tmp_path):
    script = tmp_path / "script.py"
    script.write_text("from xsift.cluster import workers_of\nwith workers_of(2):\n    pass\n")
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    said = "workers 2: the processes do not start (Nanny failed to start.): a script calls xsift"
    assert said in done.stderr.splitlines()[-1]


def test_the_environment_of_this_process_is_kept(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "2")
    before = dict(os.environ)
    with workers_of(2):
        pass
    assert dict(os.environ) == before


def test_a_killed_process_is_replaced(two, tmp_path):
    assert sorted(two.flow(dies_once, str(tmp_path), range(8))) == list(range(8))


def test_a_task_that_kills_every_process_is_given_up(two):
    with pytest.raises(ClusterError, match=r"workers 2: a worker died again and again .* repeat"):
        list(two.flow(dies, None, [1]))


def test_a_scheduler_of_the_user(tmp_path):
    with scheduler(tmp_path) as (process, address):
        wait_for(address, 2)
        with workers_of(address) as workers:
            assert workers.n == 2
            assert sorted(workers.flow(slowly, None, range(4))) == list(range(4))
            flow = workers.flow(slowly, None, range(40))
            next(flow)
            process.kill()
            with pytest.raises(ClusterError, match=r"the scheduler is gone; .* repeat"):
                list(flow)


def test_workers_with_threads_are_told_of(tmp_path):
    with scheduler(tmp_path, n=1, threads=2) as (_, address):
        wait_for(address, 1)
        with (
            pytest.warns(XsiftWarning, match="up to 2 threads, and xsift uses one"),
            workers_of(address) as workers,
        ):
            assert sorted(workers.flow(fails, -1, range(4))) == list(range(4))


def test_a_scheduler_without_workers(tmp_path):
    with (
        scheduler(tmp_path, n=0) as (_, address),
        pytest.raises(ClusterError, match="no workers: start some"),
        workers_of(address),
    ):
        pass


def test_no_scheduler(monkeypatch):
    from xsift.cluster import on_dask

    monkeypatch.setattr(on_dask, "_WAIT", 0.5)
    with (
        pytest.raises(ClusterError, match=r"no scheduler answers there: .* start one"),
        workers_of("tcp://127.0.0.1:9"),
    ):
        pass


@pytest.mark.parametrize("address", ["nowhere", "gopher://127.0.0.1:9", "", "tcp://h:1:x/../"])
def test_no_address(address):
    with pytest.raises(SettingError, match="no address of a scheduler"), workers_of(address):
        pass


def test_bad_numbers():
    for number in (0, -1, 5000):
        with pytest.raises(SettingError, match="allowed are 1 to 1,024"), workers_of(number):
            pass
    with pytest.raises(SettingError, match="exclude each other"):
        chosen(2, "tcp://127.0.0.1:8786")
    assert (chosen(2, None), chosen(None, "h:1"), chosen(None, None)) == (2, "h:1", None)
