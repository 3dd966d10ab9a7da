"""Results to files: tables, folders of one run, and where it all came from."""

from xsift.write.manifest import check_of_one_run, remove_ours
from xsift.write.provenance import environment, finite, write_json
from xsift.write.staging import Staging, check_folder
from xsift.write.tables import write_table

__all__ = [
    "Staging",
    "check_folder",
    "check_of_one_run",
    "environment",
    "finite",
    "remove_ours",
    "write_json",
    "write_table",
]
