"""Files that are complete or absent, even after a crash, a full disk or a power cut."""

from pipeline.files.durable import name_in_errors, sync_folder
from pipeline.files.folders import is_open_to_all, make_folder
from pipeline.files.messages import explain
from pipeline.files.partial import partial_file, partial_folder, remove_leftovers
from pipeline.files.regular import check_regular, file_kind, file_stamp, read_regular
from pipeline.files.whole import replace_link, write_folder, write_new, write_whole

__all__ = [
    "check_regular",
    "explain",
    "file_kind",
    "file_stamp",
    "is_open_to_all",
    "make_folder",
    "name_in_errors",
    "partial_file",
    "partial_folder",
    "read_regular",
    "remove_leftovers",
    "replace_link",
    "sync_folder",
    "write_folder",
    "write_new",
    "write_whole",
]
