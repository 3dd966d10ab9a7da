"""The errors and warnings of xsift.

XsiftError (ValueError)         one clear line for the user; the command line exits with 1
├── TableError                  a file that is no table, or does not fit its survey's profile
│   └── MissingColumnsError     needed columns that are missing
├── LabelError                  known objects that cannot be used: no match, one class
├── ModelError                  a model file that cannot be used, or not with this table
├── OutputError                 a result that cannot be written
├── MissingPackageError         a package of one of xsift's extras that is not installed
├── ServiceError                a service that does not answer, or not with a complete table
│   └── RowLimitError           a truncated answer of a service: ask for less at a time
├── ClusterError                workers or a scheduler of Dask that are lost or unsuitable
├── SplitError                  a validation with the same source on both sides
└── SettingError                an option with a value that is not allowed
XsiftWarning (UserWarning)      the result is there, but the reader should know this

Messages name options, as the command line has them (``--label-column``). Python reads the names of
arguments (``label_column``): `str` puts them in, but for the command line.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

__all__ = [
    "ClusterError",
    "LabelError",
    "MissingColumnsError",
    "MissingPackageError",
    "ModelError",
    "OutputError",
    "RowLimitError",
    "ServiceError",
    "SettingError",
    "SplitError",
    "TableError",
    "XsiftError",
    "XsiftWarning",
    "first_line",
    "for_reader",
    "lack_of",
    "nearest",
    "need",
    "options_named",
    "refuse_path",
]


_names_options = ContextVar("_names_options", default=False)
# What stands before an option is no part of a word: "a--b.csv" is a file.
_OPTION = re.compile(r"(?<![\w./-])--([a-z][a-z0-9]*(?:-[a-z0-9]+)*)(?![\w/-]|\.\w)")


@contextmanager
def options_named() -> Iterator[None]:
    """Let messages name options, not arguments: the reader is at the command line."""
    token = _names_options.set(True)
    try:
        yield
    finally:
        _names_options.reset(token)


def for_reader(message: str) -> str:
    """Return a message that names options as its reader knows them.

    >>> for_reader("no known objects: give --labels FILE or --label-column COL")
    'no known objects: give labels FILE or label_column COL'
    """
    if _names_options.get():
        return message
    return _OPTION.sub(lambda option: _argument(option[1]), message)


def _argument(option: str) -> str:
    # What an option gives once, and may give again, an argument gives as a whole.
    return {"column": "columns", "format": "formats"}.get(option, option.replace("-", "_"))


class XsiftError(ValueError):
    """Base of all errors that xsift raises on purpose."""

    def __str__(self) -> str:
        return for_reader(super().__str__())


class TableError(XsiftError):
    """A file is not a readable table, or does not fit the profile of its survey."""


class MissingColumnsError(TableError):
    """A table lacks columns that the work needs.

    Parameters
    ----------
    where : str
        The file, as the user named it.
    missing : iterable of str
        The names looked for; ``"a (or b and c)"`` where several would do.
    available : iterable of str
        The names that the table has, for a hint at a misspelling.
    remedy : str, optional
        What to do, as a sentence.
    """

    def __init__(
        self, where: str, missing: Iterable[str], available: Iterable[str], remedy: str = ""
    ) -> None:
        self.missing = list(missing)
        available = list(available)
        said = []
        for name in self.missing:
            near = nearest(name.split(" ")[0], available)
            said.append(f"{name} (did you mean {near}?)" if near else name)
        text = f"{where}: missing column{'s'[: len(said) != 1]} {', '.join(said)}"
        super().__init__(f"{text}. {remedy}" if remedy else text)

    def __reduce__(self) -> tuple[Any, ...]:
        # A worker hands its errors back as pickles, which would call __init__ with the text alone.
        return _restored, (type(self), self.args, self.__dict__)


def _restored(kind: type[XsiftError], said: tuple[Any, ...], more: dict[str, Any]) -> XsiftError:
    error = kind.__new__(kind, *said)
    error.__dict__.update(more)
    return error


class LabelError(XsiftError):
    """The known objects cannot be used as labels."""


class ModelError(XsiftError):
    """A model file cannot be used, or not with this table."""


class OutputError(XsiftError):
    """A result cannot be written; earlier files are unchanged."""


class MissingPackageError(XsiftError):
    """A package of one of xsift's extras is not installed."""


class ServiceError(XsiftError):
    """A service on the network does not answer, or not with a complete table."""


class RowLimitError(ServiceError):
    """A service truncated its answer at a row limit, so the answer is not used."""


class ClusterError(XsiftError):
    """Dask's workers or scheduler are lost or cannot do the work."""


class SplitError(XsiftError):
    """A validation would test on training sources, or cannot be split."""


class SettingError(XsiftError):
    """An option has a value that is not allowed."""


class XsiftWarning(UserWarning):
    """The result stands, but the reader should know something about it."""

    def __str__(self) -> str:
        return for_reader(super().__str__())


def nearest(name: str, available: Iterable[str]) -> str | None:
    """Name the spelling in `available` that is nearest to `name`, if any is near."""
    by_fold = {a.casefold(): a for a in available}
    found = difflib.get_close_matches(name.casefold(), by_fold, n=1, cutoff=0.75)
    return by_fold[found[0]] if found else None


def first_line(error: object, most: int = 300) -> str:
    """Return the first line of what an error says, its kind where it says nothing."""
    return (str(error).strip() or type(error).__name__).splitlines()[0][:most]


@contextmanager
def refuse_path(kind: type[XsiftError], where: str, done: str) -> Iterator[None]:
    """Raise an error of ours where the file system refuses a path.

    Parameters
    ----------
    kind : type
    where : str
        The path, as the user named it.
    done : {"read", "written"}
        What cannot be done to it.
    """
    try:
        yield
    except OSError as error:
        raise kind(f"{where}: cannot be {done}: {error.strerror or error}") from error
    except XsiftError:
        raise
    except ValueError as error:  # a null character in the name
        raise kind(f"{where!r}: cannot be {done}: {error}") from error


_FOR_DEVELOPERS = ("test", "dev", "docs", "bench")
_DISTRIBUTIONS = {"sklearn": "scikit-learn"}  # those that are not imported by their name


def need(package: str, lost: str) -> None:
    """Refuse to go on without a package of an extra.

    Parameters
    ----------
    package, lost : str
        As for `lack_of`.

    Raises
    ------
    MissingPackageError
        If it is not installed.
    """
    if said := lack_of(package, lost):
        raise MissingPackageError(said)


def lack_of(package: str, lost: str) -> str | None:
    """Say what cannot be done without a package of an extra, and how to install it.

    Parameters
    ----------
    package : str
        The name by which it is imported.
    lost : str
        What cannot be done: ``"no figures"``.

    Returns
    -------
    str or None
        None if the package is installed, or if no extra brings it.
    """
    from importlib.util import find_spec

    found = find_spec(package) if package else None
    package = _DISTRIBUTIONS.get(package, package)
    extra = _extra_of(package)
    if extra is None or found is not None:
        return None
    return f'{lost}: {package} is not installed; install it with pip install "xsift[{extra}]"'


def _extra_of(package: str) -> str | None:
    """Return the extra that brings a package; those for developers do not count."""
    from importlib.metadata import requires

    held: dict[str, set[str]] = {}
    for line in requires("xsift") or ():
        if found := re.match(r"([\w.-]+).*\bextra *== *['\"](\w+)", line):
            held.setdefault(found[2], set()).add(found[1])
    for_use = (extra for extra in held if extra not in ("all", *_FOR_DEVELOPERS))
    return next((extra for extra in for_use if package in held[extra]), None)
