"""The demonstration where `pip install xsift` has brought no extras."""

import json


def test_without_matplotlib_the_figures_are_left_out_and_that_is_said(xsift, tmp_path, without):
    without("matplotlib")
    said = xsift("demo", "--out", tmp_path, "--sources", 1000)
    assert said.status == 0
    assert not list(tmp_path.glob("*.png"))
    assert (tmp_path / "sources.parquet").exists()
    lacking = 'no figures: matplotlib is not installed; install it with pip install "xsift[report]"'
    assert lacking in json.loads((tmp_path / "run.json").read_text("utf-8"))["warnings"]
    assert lacking in " ".join(said.out.split())
    assert "Recovery of the simulated truth" in said.out
    assert "Figure " not in said.out
