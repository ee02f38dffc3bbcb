"""Records at a rate until its input ends, doing nothing else; tells who records it."""

import json
import os
import sys

import effmeter
from effmeter.client.connection import connect
from effmeter.wire.paths import SOCKET_VARIABLE


def main() -> None:
    """``{"path", "rate_hz"}``; prints ``{"pid"}`` of the recorder."""
    settings = json.loads(sys.argv[1])
    with effmeter.track(settings["path"], rate_hz=settings["rate_hz"], recorder="private"):
        connection = connect(os.environ[SOCKET_VARIABLE])
        print(json.dumps({"pid": connection.recorder_pid}), flush=True)
        connection.close()
        sys.stdin.read()


if __name__ == "__main__":
    main()
