"""Steps of a work that outlives a stop: what is marked is whole, and another work starts anew."""

import pytest

from xsift.errors import OutputError
from xsift.write import Staging, Work


def write(work, name):
    with work.writing(name) as path:
        path.write_text("content")


def test_a_file_has_its_name_when_it_is_whole(tmp_path):
    work = Work(tmp_path)

    def stopped():
        with work.writing("a/b.txt") as one:
            one.write_text("half")
            with work.writing("a/b.txt") as other:  # of a process that was thought to be lost
                assert one != other
                other.write_text("whole")
            assert work.path("a/b.txt").read_text() == "whole"
            raise RuntimeError

    with pytest.raises(RuntimeError):
        stopped()
    assert [p.name for p in (tmp_path / "a").iterdir()] == ["b.txt"]
    assert work.path("a/b.txt").read_text() == "whole"


def test_what_another_process_did_is_known(tmp_path):
    here, there = Work(tmp_path), Work(tmp_path)
    write(there, "a")
    here.know("step", there.mark("step", {}, ("a",)))
    assert here.sha256("step", "a") == there.sha256("step", "a")


def test_a_step_is_done_when_it_is_marked(tmp_path):
    work = Work(tmp_path)
    write(work, "a/b.txt")
    assert work.done("step") is None
    work.mark("step", {"n": 3}, ("a/b.txt",))
    for one in (work, Work(tmp_path)):
        assert one.done("step") == {"n": 3}
        assert len(one.sha256("step", "a/b.txt")) == 64
    (tmp_path / "a/b.txt").write_text("other")
    assert Work(tmp_path).done("step") is None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"said": 1, "files": {}}', '{"said": {}}'])
def test_a_mark_that_is_none(tmp_path, text):
    (tmp_path / "step.json").write_text(text)
    assert Work(tmp_path).done("step") is None


def stopped(folder, name, error, found):
    with Staging(folder) as staging:
        place, is_anew = staging.work(name)
        found += [sorted(p.name for p in place.iterdir()), is_anew]
        (place / "file").write_text(name)
        raise error


def begun(folder, name):
    """Begin a work, and say what it finds and whether another was there."""
    found = []
    with pytest.raises(KeyboardInterrupt):
        stopped(folder, name, KeyboardInterrupt(), found)
    return found


def test_a_work_is_found_again_and_another_is_not(tmp_path):
    assert begun(tmp_path, "one") == [[], False]
    assert begun(tmp_path, "one") == [["file"], False]
    assert begun(tmp_path, "two") == [[], True]
    assert begun(tmp_path, "one") == [[], True]
    with Staging(tmp_path) as staging:
        staging.path("a").write_text("a result of another kind")
    assert begun(tmp_path, "one") == [["file"], False]


def test_files_of_a_work_appear_at_its_end(tmp_path):
    with Staging(tmp_path) as staging:
        work = Work(staging.work("one")[0])
        write(work, "parts/x")
        work.mark("step", {}, ("parts/x",))
        staging.adopt("parts/y", work.path("parts/x"), work.sha256("step", "parts/x"))
        assert not (tmp_path / "parts").exists()
    assert (tmp_path / "parts/y").read_text() == "content"
    assert not (tmp_path / ".xsift-run").exists()


def test_an_error_of_the_disk_says_that_it_goes_on(tmp_path):
    with pytest.raises(
        OutputError, match=r"No space left; .*unchanged; repeat the command, and it"
    ):
        stopped(tmp_path, "one", OSError(28, "No space left"), [])
    assert begun(tmp_path, "one") == [["file"], False]
