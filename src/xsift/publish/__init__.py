"""A catalogue for others: a DaCHS resource for the Virtual Observatory, or static files."""

from xsift.publish.coverage import coverage
from xsift.publish.descriptor import resource_descriptor
from xsift.publish.dictionary import as_json, as_markdown
from xsift.publish.hats import hats_properties
from xsift.publish.resource import LICENCES, Resource, ResourceTable, printable, published

__all__ = [
    "LICENCES",
    "Resource",
    "ResourceTable",
    "as_json",
    "as_markdown",
    "coverage",
    "hats_properties",
    "printable",
    "published",
    "resource_descriptor",
]
