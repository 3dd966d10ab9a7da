"""Results to files: tables, the model, and where it all came from."""

from xsift.write.manifest import check_of_one_run, remove_ours
from xsift.write.model_file import load_model_tree, save_model_tree
from xsift.write.model_schema import ModelTree
from xsift.write.provenance import environment, finite, write_json
from xsift.write.staging import Staging, check_folder
from xsift.write.tables import write_table

__all__ = [
    "ModelTree",
    "Staging",
    "check_folder",
    "check_of_one_run",
    "environment",
    "finite",
    "load_model_tree",
    "remove_ours",
    "save_model_tree",
    "write_json",
    "write_table",
]
