"""How many clusters a table of detections has: the scan over K."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet

from xsift import write
from xsift.catalogue.record import on_device
from xsift.catalogue.summary import Shown, Summary, SummaryTable
from xsift.catalogue.warnings import recorded, warn_of_no_figures
from xsift.cluster import Here, check, workers_of
from xsift.errors import SettingError, TableError, lack_of
from xsift.mixture import ParquetBlocks
from xsift.mixture.choose_k import Restart, advice, fit_restarts
from xsift.mixture.devices import gpu_for, name_of
from xsift.mixture.silhouette import EXACT_UP_TO
from xsift.pipeline.scaled import scaled
from xsift.settings import Settings
from xsift.write.provenance import file_name

__all__ = ["FILES", "Scan", "scan_k"]

FILES = ("scan.parquet", "scan.csv", "scan.json", "scan.png")
# What is finished of a scan under way: the earlier scan's results stay until the new ones are.
_PART = ".parts/scan.parquet"


@dataclass(frozen=True, repr=False)
class Scan(Shown):
    """The fits of a scan, and its advice.

    Attributes
    ----------
    fits : tuple of Restart
    advice : str
    n_rows : int
        Complete detections that were clustered.
    silhouette_is_exact : bool
        False where it is that of a sample of 30,000 detections.
    n_resumed : int
        Fits taken over from an earlier scan of the same data.
    warnings : tuple of str
        What to be wary of in the table, and that no figure is drawn.
    device : str
        Where the mixtures were fitted: ``"cpu"``, or ``"gpu"`` with its name in brackets.
    """

    fits: tuple[Restart, ...]
    advice: str
    n_rows: int
    silhouette_is_exact: bool
    n_resumed: int
    warnings: tuple[str, ...] = ()
    device: str = "cpu"

    @property
    def n_stopped(self) -> int:
        """Fits that were stopped early: they were clearly behind the best of their K."""
        return sum(f.is_stopped for f in self.fits)

    def summary(self) -> Summary:
        """Return the advice, the warnings, and the means of each number of clusters."""
        what = ("bic", "icl", "silhouette", "stability")
        rows = []
        for k in sorted({f.k for f in self.fits}):
            fits = [f for f in self.fits if f.k == k]
            rows.append([k, *(float(np.mean([getattr(f, n) for f in fits])) for n in what)])
        title = f"{len(self.fits)} fits to {self.n_rows:,} detections, {on_device(self.device)}"
        title += f", {self.n_stopped} stopped early" if self.n_stopped else ""
        means = SummaryTable("Means over the starts", ["K", "BIC", "ICL", *what[2:]], rows)
        lines = [self.advice, *(f"Warning: {note}" for note in self.warnings)]
        return Summary(title, lines, [means])

    def table(self) -> pa.Table:
        """Return the fits as a table, one row each; null if a number does not apply."""
        names = [f.name for f in fields(Restart)]
        columns = {n: [getattr(f, n) for f in self.fits] for n in names}
        return pa.table({n: pa.array(c, from_pandas=True) for n, c in columns.items()})


def scan_k(
    table: str | Path,
    folder: str | Path,
    k_max: int = 20,
    restarts: int = 10,
    settings: Settings | None = None,
    advance: Callable[[int, int], None] = lambda done, total: None,
    workers: int | str | None = None,
    device: str = "auto",
) -> Scan:
    """Fit K = 1 to `k_max` clusters from several starts, and compute the criteria of each fit.

    xsift keeps the fits in the folder after each K. A stopped scan resumes from there, if data
    and settings are the same.

    Parameters
    ----------
    table : str or Path
        A file; or a folder, a pattern or a HATS catalogue of Parquet files.
    folder : str or Path
    k_max, restarts : int
    settings : Settings, optional
        Only features, survey, columns, source_column and seed have an effect here.
    advance : callable
        Called with the amount of finished work, and of all work.
    workers : int or str, optional
        Number of processes on this machine, or the address of a Dask scheduler. Each takes all fits
        of a K; the fits are the same. [default: this process]
    device : {"auto", "cpu", "gpu"}
        Where mixtures are fitted. auto: on a GPU, if there are 100,000 complete detections or more,
        no workers, and JAX (the extra `gpu`) is installed and has one. Workers use the CPU.

    Raises
    ------
    XsiftError
        If the table cannot be used or the folder cannot be written.
    """
    settings = settings or Settings()
    if not 1 <= k_max <= 200 or not 1 <= restarts <= 1000:
        raise SettingError("--k-max is 1 to 200, --restarts 1 to 1000")
    check(workers)
    if workers not in (None, 1):
        device = _of_workers(device)
    gpu_for(device, 0)  # refuses before the table is read
    with write.Staging(folder, (*FILES, _PART), "scan", [table]) as staging:
        with recorded() as notes, workers_of(workers) as pool:
            # Workers may stand in other folders.
            found = scaled(table, settings, staging.scratch().absolute())
            warn_of_no_figures()
            n = found.n_rows
            if n <= k_max:
                raise TableError(
                    f"{table}: {n} complete detections are too few for {k_max} clusters"
                )
            gpu = gpu_for(device, n)
            used, device = name_of(gpu), "cpu" if gpu is None else "gpu"
            fingerprint = found.fingerprint(settings.seed, restarts, used)
            earlier = _earlier(staging.folder / _PART, fingerprint)
            earlier = earlier or _earlier(staging.folder / FILES[0], fingerprint)
            fits = [f for f in earlier if f.k <= k_max]
            n_resumed = len(fits)
            tell = _Told({f.k for f in fits}, restarts, k_max, advance)
            todo = sorted(set(range(1, k_max + 1)) - tell.done)
            # The longest first, so that none is left alone with one; but one goes up.
            todo = todo if pool.n == 1 else todo[::-1]
            each = tell.one_more if isinstance(pool, Here) else _untold
            work = _Work(found.rows, found.names, restarts, settings.seed, each, device)
            for k, fitted in pool.flow(_fitted, work, todo):
                tell.all_of(k)
                fits = sorted([*fits, *fitted], key=lambda f: (f.k, f.restart))
                _keep(staging, _PART, _scan(fits, n, n_resumed), fingerprint)
                staging.commit()
        scan = replace(_scan(fits, n, n_resumed), warnings=tuple(notes), device=used)
        _finish(staging, scan, table, settings, fingerprint)
        staging.drop(_PART)
    return scan


def _of_workers(device: str) -> str:
    """Return what workers use: the CPU. They would share the GPU, and may stand elsewhere."""
    if device == "gpu":
        raise SettingError(
            "--device gpu and --workers or --dask exclude each other: one process uses the GPU; "
            "leave one of them out"
        )
    return "cpu" if device == "auto" else device


def _untold(k: int) -> None:
    """Say nothing: another process has nobody to tell."""


@dataclass(frozen=True, eq=False)
class _Work:
    """What the fits of a scan share."""

    rows: np.ndarray | ParquetBlocks
    names: tuple[str, ...]
    restarts: int
    seed: int
    each: Callable[[int], None]
    device: str


def _fitted(work: _Work, ks: Sequence[int]) -> Iterator[tuple[int, list[Restart]]]:
    """Fit each number of clusters, and judge its fits together."""
    for k in ks:
        each = partial(work.each, k)
        yield k, fit_restarts(work.rows, k, work.restarts, work.seed, work.names, each, work.device)


class _Told:
    """Tells how much of a scan is done: a fit costs about as much as it has components."""

    def __init__(
        self, done: set[int], restarts: int, k_max: int, advance: Callable[[int, int], None]
    ) -> None:
        self.done, self._restarts, self._advance = set(done), restarts, advance
        self._total = restarts * sum(range(1, k_max + 1))
        self._within = 0
        self._tell()

    def one_more(self, k: int) -> None:
        """Tell that a fit of a K is done that is under way."""
        self._within += k
        self._tell()

    def all_of(self, k: int) -> None:
        """Tell that a K is done."""
        self.done.add(k)
        self._within = 0
        self._tell()

    def _tell(self) -> None:
        self._advance(self._restarts * sum(self.done) + self._within, self._total)


def _earlier(path: Path, fingerprint: str) -> list[Restart]:
    """Return the fits of an earlier scan of the same data; none where it was another."""
    if not path.exists():
        return []
    try:
        with open(path, "rb") as file:
            table = pa.parquet.read_table(file)
        if (table.schema.metadata or {}).get(b"fingerprint") != fingerprint.encode():
            return []
        return [_restart(row) for row in table.to_pylist()]
    except (pa.ArrowException, OSError, TypeError):
        return []


def _restart(row: dict[str, Any]) -> Restart:
    filled: dict[str, Any] = {k: math.nan if v is None else v for k, v in row.items()}
    return Restart(**filled)


def _scan(fits: list[Restart], n_rows: int, n_resumed: int) -> Scan:
    return Scan(tuple(fits), advice(fits), n_rows, n_rows <= EXACT_UP_TO, n_resumed)


def _keep(staging: write.Staging, name: str, scan: Scan, fingerprint: str) -> None:
    about = {"creator": "xsift scan", "fingerprint": fingerprint}
    write.write_table(scan.table(), staging.path(name), "parquet", about)


def _finish(
    staging: write.Staging,
    scan: Scan,
    table: str | Path,
    settings: Settings,
    fingerprint: str,
) -> None:
    record: dict[str, Any] = {
        "command": "scan",
        "input": file_name(table),
        "advice": scan.advice,
        "n_rows": scan.n_rows,
        "silhouette_is_exact": scan.silhouette_is_exact,
        "n_stopped": scan.n_stopped,
        "seed": settings.seed,
        "device": scan.device,
        "warnings": list(scan.warnings),
        "fingerprint": fingerprint,
        "environment": write.environment(),
        "fits": [asdict(f) for f in scan.fits],
    }
    _keep(staging, "scan.parquet", scan, fingerprint)
    write.write_table(scan.table(), staging.path("scan.csv"), "csv", {})
    write.write_json(record, staging.path("scan.json"))
    if not lack_of("matplotlib", "no figures"):
        _draw(scan, staging.path("scan.png"))


def _draw(scan: Scan, path: Path) -> None:
    import matplotlib as mpl
    from matplotlib.figure import Figure

    from xsift import plots

    x = {f.name: np.array([getattr(fit, f.name) for fit in scan.fits]) for f in fields(Restart)}
    exact = "" if scan.silhouette_is_exact else f" (sample of {EXACT_UP_TO:,})"
    panels = (
        (x["bic"] / 1e3, "BIC / 1000"),
        (x["icl"] / 1e3, "ICL / 1000"),
        (x["silhouette"], f"silhouette{exact}"),
        (x["stability"], "agreement of restarts (ARI)"),
    )
    style: Any = plots.figure_style()
    with mpl.rc_context(style):
        figure = Figure(figsize=(7.6, 5.4), layout="constrained", dpi=160)
        axes = figure.subplots(2, 2, sharex=True)
        for i, (ax, (values, label)) in enumerate(zip(axes.flat, panels, strict=True)):
            plots.against_k(ax, x["k"], values, label, colour=f"C{i}")
            if i < 2:
                ax.set_xlabel("")
        figure.savefig(path, format="png")
