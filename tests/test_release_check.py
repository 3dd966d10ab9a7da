"""`make release-check` sees what it is there to see. (The check itself runs in .ci/run.)"""

import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tools import release_check  # noqa: E402
from tools.pages import blocks  # noqa: E402

import xsift  # noqa: E402

ABOUT = f"xsift-{xsift.__version__}.dist-info"
FILES = {
    "xsift/__init__.py": b"",
    "xsift/surveys/a.toml": b"x = 1",
    "xsift/serve/static/app.js": b"start();",
}
LICENCES = {
    f"{ABOUT}/licenses/LICENSE": b"BSD",
    f"{ABOUT}/licenses/NOTICE": b"What ships",
}


@pytest.fixture
def wheel(tmp_path, monkeypatch):
    """A package of three files, and a function that packs it: with some changed, some left out."""
    for name, text in FILES.items():
        (tmp_path / "src" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "src" / name).write_bytes(text)
    monkeypatch.setattr(release_check, "SOURCE", tmp_path / "src")

    def pack(changed=None, name="a.whl"):
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            for file, text in {**FILES, **LICENCES, **(changed or {})}.items():
                if text is not None:
                    archive.writestr(file, text)
        return tmp_path / name

    return pack


def test_a_whole_wheel_passes(wheel):
    release_check.check_wheel(wheel())
    release_check.check_same(wheel(), wheel(name="b.whl"))


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"xsift/surveys/a.toml": None}, r"lacks xsift/surveys/a\.toml: does \.gitignore name"),
        ({"xsift/surveys/a.toml": b"x = 2"}, r"are not the package's: xsift/surveys/a\.toml"),
        ({"xsift/more.py": b""}, r"are not the package's: xsift/more\.py"),
        ({"tests/test_a.py": b""}, r"are not the package's: tests/test_a\.py"),
        ({f"{ABOUT}/licenses/LICENSE": None}, r"the wheel lacks .*/licenses/LICENSE"),
        (dict.fromkeys(LICENCES), r"the wheel lacks .*/licenses/LICENSE, .*/licenses/NOTICE"),
    ],
)
def test_a_wheel_that_is_not_the_package_is_refused(wheel, changed, said):
    with pytest.raises(SystemExit, match=f"release-check: .*{said}"):
        release_check.check_wheel(wheel(changed))


def test_a_wheel_with_aladin_lite_is_refused(wheel, tmp_path):
    """It would no longer be under the BSD licence alone."""
    path = tmp_path / "src" / "xsift" / "serve" / "static" / "aladin" / "aladin.js"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"GPL")
    packed = wheel({str(path.relative_to(tmp_path / "src")): b"GPL"})
    with pytest.raises(SystemExit, match=r"the wheel holds xsift/.*/aladin\.js, which is under"):
        release_check.check_wheel(packed)


def test_the_licence_is_one():
    said = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert said["license"] == "BSD-3-Clause"
    assert said["license-files"] == ["LICENSE", "NOTICE"]
    assert "What ships" in (ROOT / "NOTICE").read_text("utf-8")
    assert not list((ROOT / "src").rglob("*aladin.js"))


def test_an_sdist_that_builds_another_wheel_is_refused(wheel):
    other = wheel({"xsift/surveys/a.toml": None}, "b.whl")
    with pytest.raises(SystemExit, match=r"another wheel: xsift/surveys/a\.toml differ"):
        release_check.check_same(wheel(), other)


def test_the_first_page_has_what_is_run():
    table, console = release_check.first_use(blocks(release_check.PAGE))
    assert table.startswith("name,")
    assert console.startswith("$ xsift classify mysources.csv")
    with pytest.raises(
        SystemExit, match=r"index\.md has no block of mysources\.csv, or no console"
    ):
        release_check.first_use([])


def test_a_command_that_fails_is_said_with_its_words(tmp_path):
    (tmp_path / "work").mkdir()
    run = release_check.Outside(Path(sys.executable).parent, tmp_path / "work")
    assert run("python", "-c", "import os; print(os.getcwd())").strip() == str(tmp_path / "work")
    with pytest.raises(
        SystemExit, match=r"(?s)python -c 1/0 exits with 1:.*ZeroDivisionError"
    ) as info:
        run("python", "-c", "1/0")
    assert "Traceback" in str(info.value)


def test_a_clone_on_the_path_is_refused():
    said = {"--version": f"xsift {xsift.__version__}\n", "-c": f"/usr/lib\n{ROOT}/src/xsift\n"}
    with pytest.raises(SystemExit, match=r"the environment sees the clone: .*src/xsift"):
        release_check.check_version(lambda program, *words: said[words[0]])
    with pytest.raises(SystemExit, match=r"--version says 'xsift 9', and the clone is"):
        release_check.check_version(lambda program, *words: "xsift 9\n")


@pytest.mark.parametrize(
    ("package", "most", "said"),
    [("numpy", 550, None), ("numba", 550, "MB .allowed: 550., numba$"), ("numpy", 0, "allowed: 0")],
)
def test_an_environment_that_is_too_large_is_seen(tmp_path, monkeypatch, package, most, said):
    folder = tmp_path / "lib/site-packages" / package
    folder.mkdir(parents=True)
    (folder / "a.so").write_bytes(bytes(2_000_000))
    monkeypatch.setattr(release_check, "MOST_MB", most)
    if said is None:
        release_check.check_size(tmp_path)
        return
    with pytest.raises(SystemExit, match=said):
        release_check.check_size(tmp_path)
