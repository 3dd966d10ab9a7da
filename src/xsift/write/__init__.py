"""Results to files: tables, folders of one run, and where it all came from."""

from xsift.write.manifest import check_of_one_run, is_part, part_name, read_list, remove_ours
from xsift.write.provenance import environment, finite, write_json
from xsift.write.staging import Staging, check_folder
from xsift.write.tables import write_table
from xsift.write.work import Work

__all__ = [
    "Staging",
    "Work",
    "check_folder",
    "check_of_one_run",
    "environment",
    "finite",
    "is_part",
    "part_name",
    "read_list",
    "remove_ours",
    "write_json",
    "write_table",
]
