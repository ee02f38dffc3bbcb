"""What a process that only records loads of pyarrow, and when."""

import sys
from importlib.abc import MetaPathFinder
from typing import Any

from effmeter.runfile.format import Event, Metadata
from effmeter.runfile.framed_file import FramedFile
from effmeter.runfile.row import EventRow, RowBuffer


def load_what_writing_needs(metadata: Metadata) -> None:
    """Write one row of each kind to nowhere: pyarrow loads modules when they are first needed.

    The user as whom a writer's thread is to write may not be able to read them.
    """
    rows = RowBuffer(0)
    rows.add_event(EventRow(0, Event.NOTE))
    rows.add_reading(0, "", None, None, None)
    file = FramedFile(lambda _: None, metadata)
    file.write_batch(rows.take()(file.schema))
    file.close()


def keep_unneeded_out() -> None:
    """Of a process that only records: pyarrow loads these where it finds them, for nothing.

    pandas takes seconds on a slow machine, in which the first rows wait.
    """
    sys.meta_path.insert(0, _WithoutUnneeded())


class _WithoutUnneeded(MetaPathFinder):
    def find_spec(self, fullname: str, path: Any, target: Any = None) -> None:
        if fullname in ("pandas", "cloudpickle"):
            raise ModuleNotFoundError(f"a recorder needs no {fullname}", name=fullname)
