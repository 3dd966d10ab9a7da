"""Draw figures of a catalogue on your own axes, and test a hypothesis of your own.

    python examples/own_figure.py

`xsift report` draws the paper's figures. Python gives you their parts: the numbers from
`xsift.report.distributions`, the drawing from `xsift.plots`, statements from
`xsift.report.hypotheses`. It needs Matplotlib: pip install "xsift[report]". All files go into
a new temporary folder.
"""

from pathlib import Path
from tempfile import mkdtemp

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure

import xsift
from xsift import plots
from xsift.catalogue.view import view_catalogue
from xsift.report import distributions
from xsift.report.hypotheses import effect_of, verdict_of
from xsift.simulate import simulate
from xsift.write import write_table


def main() -> None:
    folder = Path(mkdtemp(prefix="xsift-"))
    survey = simulate(1000, seed=5)
    write_table(survey.detections, folder / "table.parquet", "parquet", {})
    write_table(survey.known, folder / "known.csv", "csv", {})
    settings = xsift.Settings(vote_trained=True)
    catalogue = xsift.run(folder / "table.parquet", folder / "known.csv", settings)
    catalogue.write(folder / "catalogue")

    view = view_catalogue(folder / "catalogue")
    gamma = view.features["powlaw_gamma"]
    group = view.of_unique(view.group)  # -1: ambiguous sources
    with rc_context(plots.figure_style()):
        figure = Figure(figsize=(7.2, 3.2), layout="constrained")
        left, right = figure.subplots(1, 2)
        curves = {}
        x = np.linspace(-1, 6, 401)
        for k, name in enumerate(view.groups):
            if np.sum(group == k) < distributions.FEWEST:
                continue  # too few sources for a density
            curves[name] = (
                (x[1:] + x[:-1]) / 2,
                distributions.curve(gamma[group == k], (-1, 6), bounded=False, n=400),
            )
        plots.density_curves(left, curves)
        left.set(xlabel=plots.feature_label("photon index", symbol="Γ"), ylim=(0, None))
        plots.legend_over(left)
        counts = distributions.class_counts(
            view.code, view.is_unique, view.names, view.group_of_name
        )
        colours = plots.class_colours(view.group_of_name, view.groups)
        plots.class_fractions(right, view.names, counts["unique"], counts["ambiguous"], colours)
        figure.savefig(folder / "own_figure.png")
    print(f"{len(view.code):,} sources, figure in {folder / 'own_figure.png'}")

    young, others = (
        gamma[np.isfinite(gamma) & (group >= 0) & chosen]
        for chosen in (group == view.groups.index("YSO"), group != view.groups.index("YSO"))
    )
    effect = effect_of(young, others, seed=1)
    verdict, why = verdict_of(effect)
    print(f"Young stars are steeper than all others: {verdict}, {why}")
    print(
        f"  Cliff's delta {effect.value:+.2f}, {effect.low:+.2f} to {effect.high:+.2f}; "
        f"{effect.n_a} and {effect.n_b} sources"
    )


if __name__ == "__main__":
    main()
