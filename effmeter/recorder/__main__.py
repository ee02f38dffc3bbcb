"""``python -P -m effmeter.recorder``: the private recorder that ``track()`` starts.

It leaves its parent at once, so that no child of it stays with the program that is measured:
no zombie, no SIGCHLD later, nothing that a ``wait()`` there could catch.
"""

import os
import sys

if __name__ == "__main__":
    if os.fork():
        os._exit(0)
    from effmeter.recorder.private import serve_private

    client, listener, directory = sys.argv[1:]
    sys.exit(serve_private(int(client), int(listener), directory))
