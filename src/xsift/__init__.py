"""xsift: classes and probabilities for X-ray sources.

The public names are few: `run` and `classify` do the main job on a file; `xsift.read` and
the stages' estimators serve those who want a part of it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from xsift.catalogue.tables import Catalogue
    from xsift.errors import XsiftError, XsiftWarning
    from xsift.mixture.gaussian_mixture import GaussianMixture
    from xsift.model.classifier import CalibratedClassifier
    from xsift.pipeline.classify import classify
    from xsift.pipeline.run import run
    from xsift.pipeline.vote import vote_table
    from xsift.settings import Settings

__version__ = "0.1.0.dev0"

_WHERE = {
    "CalibratedClassifier": "xsift.model.classifier",
    "Catalogue": "xsift.catalogue.tables",
    "GaussianMixture": "xsift.mixture.gaussian_mixture",
    "Settings": "xsift.settings",
    "XsiftError": "xsift.errors",
    "XsiftWarning": "xsift.errors",
    "classify": "xsift.pipeline.classify",
    "run": "xsift.pipeline.run",
    "vote_table": "xsift.pipeline.vote",
}
__all__ = [
    "CalibratedClassifier",
    "Catalogue",
    "GaussianMixture",
    "Settings",
    "XsiftError",
    "XsiftWarning",
    "__version__",
    "classify",
    "run",
    "vote_table",
]


def __getattr__(name: str) -> Any:
    # Lazy, so that `xsift --help` and `import xsift` stay fast.
    if name in _WHERE:
        return getattr(import_module(_WHERE[name]), name)
    raise AttributeError(f"module 'xsift' has no attribute {name!r}")
