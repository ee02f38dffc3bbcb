"""What others do to a run file while it is written: delete it, or cut it."""

import os

DELETED = "the file was deleted while it was recorded"
CUT = "the file was cut by another program while it was recorded"


class FileFate:
    """Looks at an open file; no system call here changes it."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        # A file that never had a name, such as a memfd, cannot lose it.
        self._had_name = os.fstat(descriptor).st_nlink > 0
        self.loss: str | None = None
        """What has become of the file; None where it is as it was written."""

    def look(self, written_bytes: int) -> None:
        """Look now; ``written_bytes`` have been written, from the beginning on."""
        facts = os.fstat(self._descriptor)
        if facts.st_size < written_bytes:
            self.loss = CUT
        elif self.loss is None and self._had_name and facts.st_nlink == 0:
            self.loss = DELETED
