"""Add a feature to a survey in five lines, train with it, and classify by the model alone.

    python examples/own_profile.py

All files go into a new temporary folder.
"""

from pathlib import Path
from tempfile import mkdtemp

import xsift
from xsift.simulate import simulate

PROFILE = """\
extends = "csc20"
[[features]]
name = "softest"
formula = "difference"
inputs = ["hard_ms", "hard_hm"]
"""

folder = Path(mkdtemp(prefix="xsift-"))
profile = folder / "mine.toml"
profile.write_text(PROFILE)
survey = simulate(600, seed=2)
trained = xsift.run(survey.detections, survey.known, survey=profile, seed=2)
print(f"{len(trained.model.features)} features, the last is {trained.model.features[-1]}")

trained.model.save(folder / "mine.asdf")
profile.unlink()  # the model's file holds the profile
model = xsift.load_model(folder / "mine.asdf")
again = model.classify(survey.detections)
p, p_again = trained.detections["p_qso"], again.detections["p_qso"]
judged = p.is_valid()  # training sets other types aside
print("the same probabilities from the file:", p.filter(judged).equals(p_again.filter(judged)))
