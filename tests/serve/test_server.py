"""The command: a real server on a port of this machine, stopped as a user stops it."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request

import pytest

COMMAND = [sys.executable, "-m", "xsift", "serve"]


def start(*arguments, **environment):
    return subprocess.Popen(
        [*COMMAND, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    )


def ask(address, **headers):
    with urllib.request.urlopen(urllib.request.Request(address, headers=headers), timeout=20) as r:
        return r.read(), r.headers


@pytest.fixture(scope="module")
def server(calibrated):
    process = start(calibrated, "--port", "0")
    address = process.stdout.readline().strip()
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/", address), process.stderr.read()
    yield address, process
    process.kill()
    process.communicate()


def test_it_says_where_and_answers(server):
    address, _ = server
    assert json.loads(ask(f"{address}api/health")[0]) == {"ok": True}
    content, headers = ask(address)
    assert b"<html" in content
    assert "server" not in headers


def test_it_listens_on_this_machine_only(server):
    port = int(server[0].rstrip("/").rpartition(":")[2])
    own = socket.gethostbyname(socket.gethostname())
    if own.startswith("127."):
        pytest.skip("this machine has no other address")
    with pytest.raises(ConnectionRefusedError), socket.create_connection((own, port), timeout=5):
        pass


def test_another_host_is_refused(server):
    with pytest.raises(urllib.error.HTTPError) as refused:
        ask(f"{server[0]}api/health", Host="evil.example")
    assert refused.value.code == 400
    refused.value.close()


def test_the_longest_question_gets_an_answer(server):
    indices = ",".join(["123456"] * 5000)
    with pytest.raises(urllib.error.HTTPError) as refused:
        ask(f"{server[0]}api/filter?index={indices}")
    assert json.loads(refused.value.read())["detail"].startswith("index '123456': allowed is 0 to")
    refused.value.close()


def test_an_endless_body_is_cut_off_early(server):
    """The client keeps sending; the server says 413 and hangs up, long before 2 GB."""
    port = int(server[0].rstrip("/").rpartition(":")[2])
    block = b"100000\r\n" + b"x" * (1 << 20) + b"\r\n"
    sent = 0
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(
            b"POST /api/classify HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Xsift: 1\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n"
        )
        try:
            for _ in range(2048):
                connection.sendall(block)
                sent += 1
        except OSError:
            pass
        try:
            answer = connection.recv(65536)
        except OSError:
            answer = b""  # it hung up on what was still under way
    assert 64 <= sent < 100
    assert answer == b"" or answer.startswith(b"HTTP/1.1 413 ")
    assert json.loads(ask(f"{server[0]}api/health")[0]) == {"ok": True}


@pytest.mark.parametrize("request_", [b"\x00\x01\x02\r\n\r\n", b"GET\r\n\r\n", b"x" * 300_000])
def test_what_is_no_request_ends_the_connection_only(server, request_):
    port = int(server[0].rstrip("/").rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        try:
            connection.sendall(request_)
            answer = connection.recv(65536)
        except OSError:
            answer = b""
    assert answer == b"" or answer.startswith(b"HTTP/1.1 400 ")
    assert json.loads(ask(f"{server[0]}api/health")[0]) == {"ok": True}


def test_a_taken_port_is_one_line(server, calibrated, xsift):
    port = server[0].rstrip("/").rpartition(":")[2]
    answer = xsift("serve", calibrated, "--port", port)
    assert answer.status == 2
    assert answer.err.splitlines()[-1].startswith(
        f"xsift: --host 127.0.0.1 --port {port}: cannot listen there: address already in use"
    )


def test_it_ends_when_told_to(server):
    _, process = server
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=20) == 130
    assert process.stderr.read().splitlines()[-1] == "xsift: stopped"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "give a folder that run, classify or vote wrote, or --demo"),
        (("x", "--demo"), "give a folder that run, classify or vote wrote, or --demo"),
        (("--demo", "--host", "no.such.host.invalid"), "--host no.such.host.invalid --port 8000: "),
    ],
)
def test_a_wrong_command_is_one_line(xsift, arguments, said):
    answer = xsift("serve", *arguments)
    assert answer.status == 2
    assert answer.err.splitlines()[-1].startswith(f"xsift: {said}")


@pytest.mark.parametrize("package", ["fastapi", "pyvo", "uvicorn"])
def test_without_the_extra_there_is_one_line(xsift, without, package):
    without(package)
    said = xsift("serve", "--demo")
    assert said.status == 1
    assert said.err == (
        f"xsift: cannot serve: {package} is not installed; install it with pip install "
        '"xsift[serve]"\n'
    )


def test_a_folder_without_a_catalogue(xsift, tmp_path):
    answer = xsift("serve", tmp_path, "--port", "0")
    assert answer.status == 1
    assert answer.err.splitlines()[-1] == (
        f"xsift: {tmp_path}: no sources.parquet here: give a folder that run, classify, vote or "
        "demo wrote"
    )


def test_other_addresses_warn(calibrated):
    process = start(calibrated, "--port", "0", "--host", "0.0.0.0")
    try:
        address = process.stdout.readline().strip()
        assert address.startswith("http://localhost:")
        assert json.loads(ask(f"{address}api/health")[0]) == {"ok": True}
    finally:
        process.terminate()
        _, err = process.communicate(timeout=20)
    assert "xsift: listening on 0.0.0.0: everybody who reaches this machine can read" in err


def test_the_demo_is_kept(tmp_path, monkeypatch):
    """Made once, found again, and made anew where the cache cannot be written."""
    from xsift.serve import demo

    made = []

    def exhibit(folder, progress):
        from xsift.write import check_folder

        check_folder(folder)
        made.append(folder)
        (folder / "run.json").write_text("{}")

    monkeypatch.setattr(demo, "exhibit", exhibit)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    old = tmp_path / "cache" / "xsift" / "demo-of-before"
    old.mkdir(parents=True)
    first = demo.demo_folder(print)
    assert demo.demo_folder(print) == first
    assert made == [first]
    assert not old.exists()
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert demo.demo_folder(print).parent == tmp_path


@pytest.mark.slow
def test_the_demo_is_served(tmp_path):
    process = start("--demo", "--port", "0", XDG_CACHE_HOME=str(tmp_path))
    try:
        address = process.stdout.readline().strip()
        said = json.loads(ask(f"{address}api/catalogue")[0])
    finally:
        process.terminate()
        _, err = process.communicate(timeout=20)
    assert said["is_demo"] is True
    assert said["n_sources"] > 1000
    assert said["has"] == dict.fromkeys(
        ("positions", "typicality", "p_none", "obsid", "detections", "model"), True
    )
    assert "simulating 2,500 sources" in err
