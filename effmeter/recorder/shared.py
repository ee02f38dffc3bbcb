"""The shared recorder: the daemon that serves the users of a machine."""

import signal
from pathlib import Path

from effmeter.probes.search import Search
from effmeter.recorder.listening import listeners_at
from effmeter.recorder.log_folder import LogFolder
from effmeter.recorder.machine_log import LogPlan
from effmeter.recorder.policy import ServicePolicy
from effmeter.recorder.server import Server
from effmeter.runfile.loading import keep_unneeded_out


def serve_shared(path: Path, policy: ServicePolicy, log: LogPlan | None = None) -> None:
    """Serve at a socket until stopped, and keep the machine's log where one is planned.

    RecorderError where it cannot be served, or the log's folder cannot be used.
    """
    keep_unneeded_out()
    with listeners_at(path, policy.group_gid) as listeners:
        kept = None if log is None else (log, LogFolder(log.folder))
        search = Search()
        server = Server(search.discovery, policy, search_again=search.again, log=kept)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda *_: server.stop())
        for listener in listeners:
            server.listen(listener)
        server.run()
