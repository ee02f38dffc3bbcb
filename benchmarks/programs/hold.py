"""Records at a rate until its input ends, doing nothing else; states the recorder's process."""

import json
import sys

from benchmarks.programs.lasting import recorded


def main() -> None:
    """``{"path", "rate_hz"}``; prints ``{"pid"}`` of the recorder."""
    settings = json.loads(sys.argv[1])
    with recorded(settings["path"], rate_hz=settings["rate_hz"], recorder="private") as run:
        print(json.dumps({"pid": run.recorder_pid}), flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
