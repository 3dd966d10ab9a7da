"""Tables made by arithmetic, and the command line without a new process for each call."""

from __future__ import annotations

import io
import pickle
import shutil
import subprocess
import sys
import threading
import warnings
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import settings

# The first example of a test may compile a kernel, and the machine may be busy.
settings.register_profile("xsift", deadline=None)
settings.load_profile("xsift")

CLASSES = ("QSO", "AGN", "HXB", "Y*O")
FEATURES = (
    "hard_hm hard_hs hard_ms powlaw_gamma bb_kt var_prob_b var_ratio_b var_prob_h var_ratio_h "
    "var_prob_s var_ratio_s var_newq_b"
).split()


def draw_table(n: int = 600, seed: int = 1, labelled: float = 0.5) -> pa.Table:
    """Detections of four classes, each a Gaussian in the twelve raw features, two per source."""
    rng = np.random.default_rng(seed)
    kind = np.repeat(rng.integers(0, len(CLASSES), (n + 1) // 2), 2)[:n]
    centre = rng.normal(size=(len(CLASSES), len(FEATURES)))
    z = centre[kind] + 0.3 * rng.normal(size=(n, len(FEATURES)))
    columns = {
        "name": [f"2CXO J{i // 2:06d}.0+000000" for i in range(n)],
        "obsid": np.arange(n) % 2 + 100,
        "ra": 10 + np.arange(n) // 2 * 0.01,
        "dec": np.full(n, -5.0),
    }
    for j, name in enumerate(FEATURES):
        if name.startswith("hard"):
            columns[name] = np.tanh(z[:, j])
        elif name.startswith("var_prob"):
            columns[name] = 1 / (1 + np.exp(-z[:, j]))
        elif name == "powlaw_gamma":
            columns[name] = 2 + z[:, j]
        else:
            columns[name] = np.exp(z[:, j])
    known = rng.random(n) < labelled
    columns["label"] = [CLASSES[k] if yes else None for k, yes in zip(kind, known, strict=True)]
    return pa.table(columns)


# Peak memory [MiB] of the process that runs it. Not of getrusage: a child begins there with the
# peak of the process that started it, and that is these tests.
PEAK = """
def peak():
    with open("/proc/self/status") as status:
        return int(status.read().split("VmHWM:")[1].split()[0]) / 1024
"""


@pytest.fixture(scope="session")
def peak_code():
    """Python code that defines `peak`, for a process of its own."""
    if not Path("/proc/self/status").exists():
        pytest.skip("this system has no /proc, which tells the memory of a process")
    return PEAK


@pytest.fixture(scope="session")
def stilts():
    """Skip where STILTS is not installed."""
    if shutil.which("stilts") is None:
        pytest.skip("STILTS is not installed: apt-get install stilts")


@pytest.fixture(scope="session")
def chromium_path():
    """The browser: its shell without windows, where it is there, as it draws in half the time."""
    for name in ("chromium-headless-shell", "chromium"):
        if (path := Path("/usr/bin", name)).exists():
            return path
    pytest.skip("Chromium is not installed: apt-get install chromium-headless-shell")


@pytest.fixture(scope="session")
def scheduler_of_two():
    """The address of a scheduler with two processes: for all tests, as they take time to start."""
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        host="127.0.0.1",
        dashboard_address="127.0.0.1:0",
        silence_logs=50,
    ) as cluster:
        yield cluster.scheduler_address


@pytest.fixture(scope="session")
def small_table() -> pa.Table:
    """600 detections of 300 sources: name, obsid, ra, dec, twelve features, label (half null)."""
    return draw_table()


@pytest.fixture(scope="session")
def table_of():
    """Draw another such table: ``table_of(n, seed)``."""
    return draw_table


@pytest.fixture(scope="session")
def with_limits():
    """Give hardness ratios the limits of some counts: ``with_limits(table, n)``; NaN has none.

    n is one number or one for each row: about so many effective counts, in three bands.
    """

    def add(table: pa.Table, n: float | np.ndarray) -> pa.Table:
        rng = np.random.default_rng(0)
        for name in ("hard_hm", "hard_hs", "hard_ms"):
            value = table[name].to_numpy()
            half = np.sqrt((1 - value**2) / (np.asarray(n) + 1))
            middle = value + rng.choice([-0.5, 0.5], len(value)) * half
            for limit, at in (("lolim", middle - half), ("hilim", middle + half)):
                column = pa.array(at.clip(-1, 1), from_pandas=True)
                table = table.append_column(f"{name}_{limit}", column)
        return table

    return add


@pytest.fixture(scope="module")
def files(tmp_path_factory, small_table):
    """A folder with the small table without labels, with labels, and its known objects."""
    folder = tmp_path_factory.mktemp("tables")
    pq.write_table(small_table.drop_columns(["label"]), folder / "table.parquet")
    pq.write_table(small_table, folder / "labelled.parquet")
    known = small_table.select(["name", "ra", "dec", "label"])
    pq.write_table(known.filter(known["label"].is_valid()), folder / "known.parquet")
    return folder


@pytest.fixture(scope="session")
def calibrated(tmp_path_factory, small_table):
    """A folder with the small table, and what the calibrated method made of it.

    For it a tenth of the values is missing and twenty sources are of another type.
    """
    from xsift import Settings, run

    folder = tmp_path_factory.mktemp("calibrated")
    pq.write_table(with_gaps(small_table), folder / "table.parquet")
    settings = Settings(method="calibrated", label_column="label", features="all", seed=1)
    run(folder / "table.parquet", settings=settings).write(folder)
    return folder


@pytest.fixture(scope="session")
def fits():
    """What `fits_once` keeps."""
    return {}


@pytest.fixture(scope="module")
def fits_once(fits):
    """Fit the same table once, for modules that are not about fitting: it takes half a minute.

    That it always gives the same fit is seen in tests/model and tests/pipeline.
    """
    from xsift.model import calibrated_training
    from xsift.model.calibrated_training import fit_core

    def once(*given):
        *asked, _, device = given  # but for whom it tells how much is done
        key = pickle.dumps([*asked, device])
        if key not in fits:
            with warnings.catch_warnings(record=True, action="always") as said:
                fits[key] = fit_core(*given), said
        fit, said = fits[key]
        for one in said:
            warnings.warn(one.message, one.category, stacklevel=3)
        return fit

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(calibrated_training, "fit_core", once)
        yield


OWN_PROFILE = """\
title = "My XMM sources"
reference = "Doe et al. 2026"
classes = "classes.toml"
planes = [["hr1", "hr2"], ["flux", "w1"]]
features = [
  {name = "hr1", scaling = "none", label = "hardness 1"},
  {name = "hr2", scaling = "none"},
  {name = "flux", scaling = "log-range", label = "flux, 0.2 to 12 keV"},
  {name = "lf", formula = "log10", inputs = ["flux"], label = "log of the flux"},
  {name = "w1", label = "W1"},
]
columns = [
  {name = "name", kind = "text", description = "Name"},
  {name = "obsid", kind = "integer", description = "Observation"},
  {name = "ra", unit = "deg", description = "Right ascension", low = 0, high = 360},
  {name = "dec", unit = "deg", description = "Declination", low = -90, high = 90},
  {name = "hr1", description = "Hardness 1", low = -1, high = 1},
  {name = "hr2", description = "Hardness 2", low = -1, high = 1},
  {name = "flux", unit = "erg.s**-1.cm**-2", description = "Flux", low = 0},
  {name = "w1", unit = "mag", description = "WISE W1"},
]
"""
OWN_CLASSES = ("AGN", "STAR", "ULX", "NS", "QPE", "CV")


def draw_own(n: int = 600, seed: int = 3) -> pa.Table:
    """Detections of a survey of one's own, two per source: six classes around a circle."""
    rng = np.random.default_rng(seed)
    kind = np.repeat(rng.integers(0, 6, n // 2), 2)
    angle = np.pi * kind / 3
    known = np.repeat(rng.random(n // 2) < 0.6, 2)
    source = np.arange(n) // 2
    return pa.table(
        {
            "name": [f"4XMM J{k:06d}.0+000000" for k in source],
            "obsid": np.arange(n) % 2 + 1,
            "ra": (source * 1.2) % 360,
            "dec": np.degrees(np.arcsin(np.linspace(-0.99, 0.99, n // 2)))[source],
            "hr1": np.tanh(np.cos(angle) + 0.2 * rng.normal(size=n)),
            "hr2": np.tanh(np.sin(angle) + 0.2 * rng.normal(size=n)),
            "flux": 10 ** (-13.5 + np.cos(2 * angle) + 0.3 * rng.normal(size=n)),
            "w1": 14 + kind % 4 + rng.normal(size=n),
            "label": [OWN_CLASSES[k] if yes else None for k, yes in zip(kind, known, strict=True)],
        }
    )


@pytest.fixture(scope="session")
def own_survey(tmp_path_factory):
    """A folder with a catalogue of a survey of one's own, by the paper's method."""
    from xsift import Settings, run

    folder = tmp_path_factory.mktemp("own")
    (folder / "mine.toml").write_text(OWN_PROFILE, "utf-8")
    one = '[[class]]\ncode = "{0}"\ngroup = "{0}"\ncolumn = "p_{1}"\n'
    text = "".join(one.format(c, c.lower()) for c in OWN_CLASSES)
    (folder / "classes.toml").write_text(text, "utf-8")
    pq.write_table(draw_own(), folder / "table.parquet")
    settings = Settings(
        method="paper",
        survey=str(folder / "mine.toml"),
        label_column="label",
        clusters=2,
        vote_trained=True,
    )
    run(folder / "table.parquet", settings=settings).write(folder)
    return folder


def with_gaps(table: pa.Table) -> pa.Table:
    """Hide a tenth of the values, all of row 7's, and call the last 40 detections pulsars."""
    rng = np.random.default_rng(0)
    for name in FEATURES:
        hidden = rng.random(table.num_rows) < 0.1
        hidden[7] = True
        values = table[name].to_numpy().copy()
        values[hidden] = np.nan
        table = table.set_column(table.column_names.index(name), name, pa.array(values))
    label = table["label"].to_pylist()
    label[-40:] = ["Pulsar"] * 40
    return table.set_column(table.column_names.index("label"), "label", pa.array(label))


class Answer:
    """What a command said: exit status, standard output, standard error."""

    def __init__(self, status: int, out: str, err: str) -> None:
        self.status, self.out, self.err = status, out, err

    def __repr__(self) -> str:
        return f"Answer({self.status}, {self.out!r}, {self.err!r})"


@pytest.fixture
def xsift():
    """Run the command line in this process: ``xsift("run", table, "--out", folder)``."""
    from typer.testing import CliRunner

    from xsift.cli.app import app

    def call(*arguments: object) -> Answer:
        result = CliRunner().invoke(app, [str(a) for a in arguments], catch_exceptions=False)
        return Answer(result.exit_code, result.stdout, result.stderr)

    return call


@pytest.fixture
def without(monkeypatch):
    """Hide packages, as if they were not installed: ``without("matplotlib")``."""

    def hide(*packages: str) -> None:
        for name in list(sys.modules):  # a part that is loaded could still be imported
            if name.partition(".")[0] in packages:
                monkeypatch.delitem(sys.modules, name)
        for package in packages:
            monkeypatch.setitem(sys.modules, package, None)

    return hide


@pytest.fixture
def csv_bytes():
    """Turn an Arrow table into CSV."""

    def write(table: pa.Table, delimiter: str = ",") -> bytes:
        import pyarrow.csv

        sink = io.BytesIO()
        options = pyarrow.csv.WriteOptions(delimiter=delimiter)
        pyarrow.csv.write_csv(table, sink, options)
        return sink.getvalue()

    return write


DATA = Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def real():
    """Give the path of a real table by its file name, or skip the test."""

    def find(name: str) -> Path:
        if not (DATA / name).exists():
            pytest.skip(f"the real table {name} is not at {DATA.parent.name}/{DATA.name}")
        return DATA / name

    return find


@pytest.fixture
def run_python():
    """Run a piece of Python in a process of its own and give what it printed."""

    def run(code: str) -> str:
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        )
        return done.stdout

    return run


@pytest.fixture
def server():
    """A web server on this machine: its address, and the list of what it was asked for."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, *args):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as http:
        threading.Thread(target=http.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{http.server_port}/x", asked
        http.shutdown()


@pytest.fixture
def or_refused():
    """Call something that may fail with an error of ours, in one line; None where it did."""
    from xsift.errors import XsiftError

    def call(action):
        try:
            return action()
        except XsiftError as error:
            said = str(error).strip()
        assert said
        assert "\n" not in said
        return None

    return call
