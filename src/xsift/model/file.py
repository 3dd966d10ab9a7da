"""The model file: ASDF with a plain tree, checked against `xsift.model.schema` when it loads.

Nothing is unpickled, no tag of its own is used, and a hostile file is refused with one line. A
digest of the content tells damage; it is no signature.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from xsift.errors import ModelError, refuse_path
from xsift.model.plain_asdf import read_plain
from xsift.model.schema import MAX_BYTES, VERSION, ModelTree

__all__ = ["load_model_tree", "save_model_tree"]


def save_model_tree(tree: ModelTree, path: Path) -> None:
    """Write a model as ASDF.

    Raises
    ------
    ModelError
        If the file would be too large to be read again.
    """
    import asdf

    plain = tree.model_dump(mode="python")
    plain["classes"] = tree.classes.model_dump(mode="json")
    if tree.profile is None:
        del plain["profile"]
    else:
        plain["profile"] = tree.profile.model_dump(mode="json", exclude_defaults=True)
    if not len(tree.training_rows):
        del plain["training_rows"]
    if not tree.validation:
        del plain["validation"]
    plain["digest"] = tree.digest
    content = io.BytesIO()  # asdf takes names for addresses: `C#/model.asdf` would be the file `C`
    asdf.AsdfFile({"xsift": plain}, version="1.6.0").write_to(content)
    if (size := content.tell()) > MAX_BYTES:
        raise ModelError(
            f"the model takes {size:,} bytes: xsift reads models of {MAX_BYTES:,} at most; "
            "fewer clusters or classes make it smaller"
        )
    path.write_bytes(content.getbuffer())


def load_model_tree(path: str | Path) -> ModelTree:
    """Read a model and check it.

    Raises
    ------
    ModelError
        If there is no such file, or it is not a sound model.
    """
    where = str(path)
    plain = _plain_tree(where, _content(where, path))
    digest = plain.pop("digest", None)
    if type(version := plain.get("version")) is int and 1 <= version < VERSION:
        raise ModelError(
            f"{where}: a model file of version {version}, of an earlier xsift: this one reads "
            f"version {VERSION}; train the model again"
        )
    try:
        tree = ModelTree.model_validate(plain)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        part = ".".join(str(p) for p in first["loc"]) or "the model"
        raise _refusal(where, f"not a sound model: {part}: {first['msg']}") from error
    if digest != tree.digest:
        raise ModelError(
            f"{where}: damaged: the content is not what was saved (its digest is another); "
            "copy the file again, or train the model again"
        )
    return tree


def _content(where: str, path: str | Path) -> bytes:
    path = Path(path)
    with refuse_path(ModelError, where, "read"):
        if path.is_dir():
            raise ModelError(
                f"{where} is a directory: give a model file, such as {where}/model.asdf"
            )
        if not path.is_file():  # a device may have no end; what is not there is an OSError
            path.stat()
            raise ModelError(f"{where} is not a file: give a model file")
        if path.stat().st_size > MAX_BYTES:
            raise ModelError(f"{where}: larger than {MAX_BYTES // 1024**2} MiB: not a model")
        return path.read_bytes()


def _plain_tree(where: str, content: bytes) -> dict[str, Any]:
    if not content.startswith(b"#ASDF"):
        raise ModelError(f"{where}: not an xsift model (an ASDF file is wanted)")
    try:
        tree = read_plain(content, "xsift")
    except ValueError as error:
        raise _refusal(where, f"a damaged ASDF file, or no model: {error}") from error
    if not isinstance(tree, dict):
        raise ModelError(f"{where}: an ASDF file, but not an xsift model")
    return tree


def _refusal(where: str, said: str) -> ModelError:
    """Return an error in one line, whatever names a hostile file put into it."""
    line = "".join(c if c.isprintable() else "?" for c in said)
    return ModelError(f"{where}: {line[:300]}")
