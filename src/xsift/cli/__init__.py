"""The command line: one file a command; nothing else prints."""

from xsift.cli.app import main

__all__ = ["main"]
