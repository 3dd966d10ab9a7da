import dataclasses

import numpy as np
import pytest

from xsift.errors import OutputError
from xsift.evaluate.experiments import Answer, Task
from xsift.evaluate.store import Store

TASK = Task("none", "forest", "a/../b*", 3, 1)


def answer(failed=""):
    rng = np.random.default_rng(1)
    some = rng.random((3, 2)) > 0.5
    return Answer(
        np.arange(3), rng.random((3, 2)), rng.random((3, 1)), np.full(3, np.nan),
        np.arange(3, dtype=np.int8), rng.random(2), np.arange(2), rng.random((2, 2)),
        rng.random((2, 3)), rng.random(()), some, some[:2], rng.random(2), failed,
    )  # fmt: skip


def test_an_answer_comes_back_as_it_was(tmp_path):
    Store(tmp_path, "a" * 64).save(TASK, answer("why"))
    back = Store(tmp_path, "a" * 64).load(TASK)
    for field in dataclasses.fields(Answer):
        np.testing.assert_array_equal(getattr(back, field.name), getattr(answer("why"), field.name))
    assert back.failed == "why"


def test_another_task_or_fingerprint_finds_nothing(tmp_path):
    Store(tmp_path, "a" * 64).save(TASK, answer())
    assert Store(tmp_path, "b" * 64).load(TASK) is None
    assert Store(tmp_path, "a" * 64).load(dataclasses.replace(TASK, draw=4)) is None


@pytest.mark.parametrize("damage", [lambda b: b[: len(b) // 2], lambda b: b"", lambda b: b"x" * 99])
def test_a_damaged_answer_is_none(tmp_path, damage):
    store = Store(tmp_path, "a" * 64)
    store.save(TASK, answer())
    (file,) = store.folder.iterdir()
    file.write_bytes(damage(file.read_bytes()))
    assert store.load(TASK) is None


def test_a_pickle_is_not_opened(tmp_path):
    store = Store(tmp_path, "a" * 64)
    store.save(TASK, answer())
    (file,) = store.folder.iterdir()
    held = {f.name: getattr(answer(), f.name) for f in dataclasses.fields(Answer)}
    with open(file, "wb") as opened:
        np.savez(opened, **{**held, "p": np.array([print], dtype=object)})
    assert store.load(TASK) is None


def test_nothing_is_left_where_saving_fails(tmp_path, monkeypatch):
    store = Store(tmp_path, "a" * 64)

    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(OutputError, match="No space left on device"):
        store.save(TASK, answer())
    assert list(store.folder.iterdir()) == []


def test_others_are_dropped(tmp_path):
    Store(tmp_path, "a" * 64).save(TASK, answer())
    (tmp_path / "mine").mkdir()
    store = Store(tmp_path, "b" * 64)
    store.drop_others()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["b" * 32, "mine"]


def test_what_is_no_answer_stays(tmp_path):
    Store(tmp_path, "a" * 64).save(TASK, answer())
    folder = tmp_path / ("a" * 32)
    (folder / "mine.npz").write_bytes(b"mine")
    np.savez(folder / "data.npz", x=np.arange(3))
    Store(tmp_path, "b" * 64).drop_others()
    assert sorted(p.name for p in folder.iterdir()) == ["data.npz", "mine.npz"]


def test_answers_of_another_version_go(tmp_path):
    Store(tmp_path, "a" * 64).save(TASK, answer())
    (file,) = (tmp_path / ("a" * 32)).iterdir()
    with np.load(file) as held:
        earlier = {name: held[name] for name in held.files if name not in ("beside", "level")}
    np.savez(file, **earlier, p_none=np.zeros(3))
    Store(tmp_path, "b" * 64).drop_others()
    assert [p.name for p in tmp_path.iterdir()] == ["b" * 32]


def test_a_link_in_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / ".parts").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OutputError, match=r"\.parts is a link: remove it, or give another folder"):
        Store(tmp_path / ".parts", "a" * 64)
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_an_answer_is_written_where_a_later_run_clears_up(tmp_path):
    (tmp_path / "scratch").mkdir()
    store = Store(tmp_path / "parts", "a" * 64, tmp_path / "scratch")
    store.save(TASK, answer())
    assert list((tmp_path / "scratch").iterdir()) == []
    assert store.load(TASK) is not None
