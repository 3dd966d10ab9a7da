"""Terminals and logs that are not UTF-8, and file names that are no text."""

import io
import json
import os
import shutil
import signal
import sys
import warnings

import pyarrow.parquet as pq
import pytest

from xsift.cli import main

NAME = "söurce█\udce4"  # a letter of Latin-1, a sign of neither, and a byte that is no UTF-8


@pytest.fixture
def printed(monkeypatch):
    """Run the command line as a process would, on streams of an encoding; give their bytes."""
    before = signal.getsignal(signal.SIGTERM)

    def call(encoding, *arguments):
        streams = [io.TextIOWrapper(io.BytesIO(), encoding) for _ in range(2)]
        with monkeypatch.context() as patch:
            patch.setattr(sys, "stdout", streams[0])
            patch.setattr(sys, "stderr", streams[1])
            patch.setattr(sys, "argv", ["xsift", *map(str, arguments)])
            patch.setattr(warnings, "showwarning", warnings.showwarning)
            with pytest.raises(SystemExit) as ended:
                main()
        for stream in streams:
            stream.flush()
        return ended.value.code or 0, *(s.buffer.getvalue() for s in streams)

    yield call
    signal.signal(signal.SIGTERM, before)


@pytest.fixture
def place(tmp_path, calibrated, monkeypatch):
    """A folder with a catalogue, and a table with a name that is hard to print."""
    try:
        os.fsencode(NAME)
        shutil.copy(calibrated / "table.parquet", tmp_path / f"{NAME}.parquet")
    except (OSError, UnicodeEncodeError):
        pytest.skip("this file system takes no such name")
    for file in ("sources.parquet", "detections.parquet", "model.asdf", "run.json"):
        (tmp_path / "c").mkdir(exist_ok=True)
        shutil.copy(calibrated / file, tmp_path / "c" / file)
    monkeypatch.chdir(tmp_path)
    return tmp_path


COMMANDS = {
    "help": ["--help"],
    "run": [
        *("run", f"{NAME}.parquet", "--label-column", "label"),
        *("--method", "paper", "--clusters", "2", "--out", "o"),
    ],
    "classify": ["classify", f"{NAME}.parquet", "--model", "c/model.asdf", "--out", "o"],
    "vote": ["vote", "c/detections.parquet", "--out", "o"],
    "scan": ["scan", f"{NAME}.parquet", "--k-max", "2", "--restarts", "1", "--out", "o"],
    "compare": ["compare", "c", f"{NAME}.parquet", "--class-column", "label", "--out", "o"],
    "anomalies": ["anomalies", "c"],
    "show": ["show", "2CXO J000001.0+000000", "--catalogue", "c"],
    "publish": ["publish", "c", "--out", "o", "--title", NAME],
    "fetch": ["fetch", "csc", "--cone", "10 0 1", "--show-query"],
}
NO_JSON = {"help", "fetch"}


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
@pytest.mark.parametrize("command", list(COMMANDS))
def test_every_command_ends_well(place, printed, encoding, command):
    status, out, err = printed(encoding, *COMMANDS[command])
    assert status == 0, err
    out.decode(encoding)
    err.decode(encoding)
    assert b"Traceback" not in err


@pytest.mark.parametrize("command", sorted(set(COMMANDS) - NO_JSON))
def test_json_is_ascii(place, printed, command):
    status, out, _ = printed("ascii", *COMMANDS[command], "--json")
    assert status == 0
    json.loads(out.decode("ascii"))


@pytest.mark.parametrize(("encoding", "said"), [("ascii", "s?urce??"), ("latin-1", "söurce??")])
@pytest.mark.parametrize("command", ["run", "classify", "vote", "scan"])
def test_errors_are_one_line(place, printed, encoding, said, command):
    more = ["--label-column", "label"] if command == "run" else []
    missing = f"none{NAME}.parquet"
    status, out, err = printed(encoding, command, missing, *more, "--out", "o")
    assert (status, out) == (1, b"")
    (line,) = [s for s in err.decode(encoding).splitlines() if s.startswith("xsift: ")]
    assert line.startswith(f"xsift: none{said}.parquet: cannot be read")


def test_bars_are_drawn_in_ascii(place, printed):
    _, out, _ = printed("latin-1", *COMMANDS["show"])
    _, usual, _ = printed("utf-8", *COMMANDS["show"])
    assert "█" in usual.decode()
    assert out.decode("latin-1") == usual.decode().replace("█", "#")


def test_the_record_names_the_file(place, printed):
    printed("utf-8", *COMMANDS["classify"])
    assert json.loads((place / "o" / "run.json").read_text("utf-8"))["input"] == "söurce█?.parquet"
    assert pq.read_schema(place / "o" / "sources.parquet") is not None
