"""The model file: ASDF with a plain tree, checked against this schema when it loads.

Nothing is unpickled, no tag of its own is used, and a hostile file is refused with one line.
"""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from xsift.errors import ModelError
from xsift.write.model_schema import MAX_BYTES, ModelTree

__all__ = ["load_model_tree", "save_model_tree"]

# A model's header is some KiB. YAML is slow to read, and deep nesting overflows libyaml's stack.
_MAX_HEADER = 256 * 1024
_MAX_DEPTH = 32


def save_model_tree(tree: ModelTree, path: Path) -> None:
    """Write a model as ASDF."""
    import asdf

    plain = tree.model_dump(mode="python")
    plain["classes"] = tree.classes.model_dump(mode="json")
    with open(path, "wb") as file:  # a name with # or % would be read as an address
        asdf.AsdfFile({"xsift": plain}).write_to(file)


def load_model_tree(path: str | Path) -> ModelTree:
    """Read a model and check it.

    Raises
    ------
    ModelError
        If there is no such file, or it is not a sound model.
    """
    where = str(path)
    try:
        if Path(path).is_dir():
            raise ModelError(
                f"{where} is a directory: give a model file, such as {where}/model.asdf"
            )
        if not Path(path).is_file():  # a device may have no end; what is not there is an OSError
            Path(path).stat()
            raise ModelError(f"{where} is not a file: give a model file")
        if Path(path).stat().st_size > MAX_BYTES:
            raise ModelError(f"{where}: larger than {MAX_BYTES // 1024**2} MiB: not a model")
        content = Path(path).read_bytes()
    except OSError as error:
        raise ModelError(f"{where}: cannot be read: {error.strerror or error}") from error
    except ModelError:
        raise
    except ValueError as error:  # a null character in the name
        raise ModelError(f"{where!r}: cannot be read: {error}") from error
    tree = _plain_tree(where, content)
    try:
        return ModelTree.model_validate(tree)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        part = ".".join(str(p) for p in first["loc"]) or "the model"
        raise ModelError(f"{where}: not a sound model: {part}: {first['msg']}") from error


def _plain_tree(where: str, content: bytes) -> dict[str, Any]:
    import asdf

    if not content.startswith(b"#ASDF"):
        raise ModelError(f"{where}: not an xsift model (an ASDF file is wanted)")
    _refuse_hostile(where, content)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with asdf.open(io.BytesIO(content), memmap=False, lazy_load=False) as file:
                tree = file.tree.get("xsift")
                if not isinstance(tree, dict):
                    raise ModelError(f"{where}: an ASDF file, but not an xsift model")
                return {str(k): v for k, v in tree.items()}
    except ModelError:
        raise
    # Whatever a library throws at a damaged file, the user gets one line.
    except Exception as error:
        line = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ModelError(f"{where}: a damaged ASDF file: {line[:200]}") from error


def _refuse_hostile(where: str, content: bytes) -> None:
    """Refuse what a small file could make large: YAML aliases, nesting, compressed blocks."""
    import yaml

    # All that stands before the first block, whatever asdf takes for the end of the header.
    end = content.find(b"\xd3BLK")
    header = (content[:end] if end >= 0 else content).rstrip(b"\0")
    if len(header) > _MAX_HEADER:
        raise ModelError(f"{where}: the header is too large for a model")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    depth = 0
    try:
        for event in yaml.parse(header, Loader=loader):
            if isinstance(event, yaml.AliasEvent):
                raise ModelError(
                    f"{where}: the file repeats parts of itself (YAML aliases): refused"
                )
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            if depth > _MAX_DEPTH:
                raise ModelError(f"{where}: nested deeper than a model: refused")
    except yaml.YAMLError as error:
        raise ModelError(f"{where}: a damaged ASDF file") from error
    at = content.find(b"\xd3BLK", len(header))
    while at >= 0:
        if content[at + 10 : at + 14] != b"\0\0\0\0":
            raise ModelError(f"{where}: compressed blocks: refused")
        at = content.find(b"\xd3BLK", at + 4 + int.from_bytes(content[at + 4 : at + 6], "big"))
