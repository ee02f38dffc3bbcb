"""The process of a launcher that started the ranks of one host."""

import itertools

from effmeter.client.launchers import Launcher
from effmeter.client.processes import Process, Processes


def agent_of(launcher: Launcher, processes: Processes) -> Process | None:
    """The first ancestor that is no rank itself: a rank may have been started by a script.

    One whose environment cannot be read is another user's: the launcher's daemon.
    """
    for process in processes.ancestors():
        environment = processes.environment(process)
        if environment is None or launcher.needs[0] not in environment:
            return process
    return None


def port_of_hydra(processes: Processes) -> str:
    """Host and port of ``mpiexec`` on the command line of its proxy; empty without a proxy."""
    ports = (_port_of_proxy(processes.command(process)) for process in processes.ancestors())
    return next(filter(None, ports), "")


def _port_of_proxy(command: tuple[str, ...]) -> str:
    options = dict(itertools.pairwise(command))
    if "--control-port" in options:
        return options["--control-port"]
    host, port = options.get("--upstream-host", ""), options.get("--upstream-port", "")
    return f"{host}:{port}" if host and port else ""
