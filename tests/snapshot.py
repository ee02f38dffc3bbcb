"""Text output compared with committed files in ``tests/snapshots``.

After a change that is meant, run the tests with ``UPDATE_SNAPSHOTS=1`` and review the
difference with git.
"""

import os
from pathlib import Path

FOLDER = Path(__file__).parent / "snapshots"
UPDATE_VARIABLE = "UPDATE_SNAPSHOTS"


def assert_matches(text: str, name: str, **placeholders: object) -> None:
    """Fail unless a text is that of a file.

    ``placeholders`` name what differs from machine to machine: each of their values stands as
    ``{name}`` in the file.
    """
    for key, value in placeholders.items():
        text = text.replace(str(value), f"{{{key}}}")
    path = FOLDER / f"{name}.txt"
    if os.environ.get(UPDATE_VARIABLE):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    known = path.read_text() if path.exists() else ""
    assert text == known, f"{path} holds another text: see {__file__}"
