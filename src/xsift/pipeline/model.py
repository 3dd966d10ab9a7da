"""A trained model as an object: load it, ask what it is, classify with it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from xsift.catalogue.summary import Shown, Summary, SummaryTable
from xsift.errors import OutputError, refuse_path
from xsift.model.file import load_model_tree, save_model_tree
from xsift.model.packaged import named_model
from xsift.model.schema import ModelTree
from xsift.write import Staging

if TYPE_CHECKING:
    pass

__all__ = ["TrainedModel", "load_model"]


class TrainedModel(Shown, ModelTree):
    """A trained model: plain data that classifies tables.

    You can pickle it for the workers of a cluster. To keep it, use `save`: opening a pickle runs
    the code in it, opening a model file runs no code.

    Attributes
    ----------
    features : list of str
    classes : Classes
    method : {"paper", "calibrated"}
    survey : str
    model_id : str
        Fingerprint of the numbers of the model.
    training : TrainingTree
        What it was trained on, and how.
    """

    @classmethod
    def of(cls, tree: ModelTree) -> TrainedModel:
        """Return the model that a checked tree describes."""
        return cls.model_construct(**{name: getattr(tree, name) for name in ModelTree.model_fields})

    def classify(self, table: Any, settings: Any = None, **keywords: Any) -> Any:
        """Classify detections: `xsift.classify` with this model."""
        from xsift.pipeline.classify import classify

        return classify(table, self, settings, **keywords)

    def save(self, path: str | Path) -> None:
        """Write the model file. An existing file is replaced when the new one is complete.

        Raises
        ------
        OutputError
            If it cannot be written.
        """
        path = Path(path)
        with refuse_path(OutputError, str(path), "written"), Staging(path.parent) as staging:
            beside = staging.scratch() / "model.asdf"
            save_model_tree(self, beside)
            beside.replace(path)

    def __str__(self) -> str:
        return repr(self)

    def summary(self) -> Summary:
        """Return the method, survey, features, classes and training of the model."""
        training = self.training
        title = f"Model {self.model_id}: {self.method} method, survey {self.survey}"
        lines = [
            f"{len(self.features)} features: {', '.join(self.features)}",
            f"{len(self.classes)} classes: {', '.join(self.classes.codes)}",
            f"trained on {training.counts.get('trained', 0):,} detections of {training.input}",
            *(f"Warning: {note}" for note in training.warnings),
        ]
        rows = [
            [c.code, c.title, c.group, training.class_counts.get(c.code, 0)]
            for c in self.classes.classes
        ]
        table = SummaryTable("Classes", ["", "what", "group", "trained on"], rows)
        return Summary(title, lines, [table])


def load_model(model: str | Path) -> TrainedModel:
    """Load a packaged model, a model file, or the model of a catalogue.

    Parameters
    ----------
    model : str or Path
        ``csc20`` or ``csc21``, the file of a model, or the folder of a catalogue.

    Raises
    ------
    ModelError
        If there is no such model, its file is damaged, or a packaged one is not as it was shipped.
    """
    path = Path(model)
    if path.is_dir():
        return TrainedModel.of(load_model_tree(path / "model.asdf"))
    return TrainedModel.of(load_model_tree(named_model(str(model))))
