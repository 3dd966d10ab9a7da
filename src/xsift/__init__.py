"""xsift: classes and probabilities for X-ray sources.

The public names are few: `run` and `classify` do the main job on a file; `xsift.read` and
the stages' estimators serve those who want a part of it.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from xsift import errors
    from xsift.catalogue.anomalies import anomalies
    from xsift.compare.comparison import compare
    from xsift.errors import XsiftError, XsiftWarning
    from xsift.mixture import GaussianMixture
    from xsift.model.classifier import CalibratedClassifier
    from xsift.pipeline.catalogue import Catalogue, open_catalogue
    from xsift.pipeline.classify import classify
    from xsift.pipeline.evaluate import evaluate
    from xsift.pipeline.model import load_model
    from xsift.pipeline.run import run
    from xsift.pipeline.vote import vote_table
    from xsift.report.report import write_report
    from xsift.serve.background import serve_catalogue
    from xsift.settings import EvaluationSettings, Settings

__version__ = "0.1.0.dev0"

_WHERE = {
    "CalibratedClassifier": "xsift.model.classifier",
    "Catalogue": "xsift.pipeline.catalogue",
    "EvaluationSettings": "xsift.settings",
    "GaussianMixture": "xsift.mixture",
    "Settings": "xsift.settings",
    "XsiftError": "xsift.errors",
    "XsiftWarning": "xsift.errors",
    "anomalies": "xsift.catalogue.anomalies",
    "classify": "xsift.pipeline.classify",
    "compare": "xsift.compare.comparison",
    "evaluate": "xsift.pipeline.evaluate",
    "load_model": "xsift.pipeline.model",
    "open_catalogue": "xsift.pipeline.catalogue",
    "run": "xsift.pipeline.run",
    "serve_catalogue": "xsift.serve.background",
    "vote_table": "xsift.pipeline.vote",
    "write_report": "xsift.report.report",
}
__all__ = [
    "CalibratedClassifier",
    "Catalogue",
    "EvaluationSettings",
    "GaussianMixture",
    "Settings",
    "XsiftError",
    "XsiftWarning",
    "__version__",
    "anomalies",
    "classify",
    "compare",
    "errors",
    "evaluate",
    "load_model",
    "open_catalogue",
    "run",
    "serve_catalogue",
    "vote_table",
    "write_report",
]


def __getattr__(name: str) -> Any:
    # Lazy, so that `xsift --help` and `import xsift` stay fast.
    if name in _WHERE:
        try:
            return getattr(import_module(_WHERE[name]), name)
        except ModuleNotFoundError as error:
            from xsift.errors import need

            need((error.name or "").partition(".")[0], f"no {name}")
            raise
    if name == "errors":
        return import_module("xsift.errors")
    raise AttributeError(f"module 'xsift' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__


class _Package(ModuleType):
    """The package, whose functions `evaluate` and `compare` bear the names of rooms."""

    def __setattr__(self, name: str, value: Any) -> None:
        # Who imports a room (`from xsift.compare import agreement`) gets it; but importing would
        # also put it in the function's place.
        if not (name in _WHERE and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
