"""How a rank recognises the launch that it is of.

A launcher announces itself by environment variables: a row of ``LAUNCHERS``. Where they say
nothing, ``torch.distributed`` does once it is initialised (``mp.spawn``, ``init_process_group``).
"""

import hashlib
import itertools
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from effmeter.client.launchers import LAUNCHERS, MASTER, Launcher
from effmeter.client.process_group import ProcessGroup, default_group
from effmeter.client.processes import Process, Processes, own_processes

_SPECIAL_STEPS = 0xFFFFFFF0
"""Slurm numbers the steps that srun did not start (batch, interactive) from here on."""


@dataclass(frozen=True, slots=True)
class Launch:
    """One start of a program in several ranks, and which of them this is."""

    launcher: str
    job_id: str
    """The same in all ranks on all hosts; different between jobs as far as the launcher states
    anything that differs."""
    key: str
    """The job and the attempt: an elastic launcher starts the ranks of one job several times."""
    agent: str = ""
    """The launcher's process on this host, where it is known."""
    rank: int | None = None
    local_rank: int | None = None
    world_size: int | None = None
    host_count: int | None = None
    is_on_several_hosts: bool = False
    """Whether it is known to be; the number of hosts may be unknown all the same."""

    @property
    def local_key(self) -> str:
        """The key, told from an equal one of another launch on this host where that is known."""
        return f"{self.key}.{self.agent}" if self.agent else self.key

    def run_id(self, ordinal: int, parent_run_id: str | None) -> str:
        """The run that the ranks share on all hosts: of this ordinal among those in the parent."""
        return _hash([self.key, str(ordinal), parent_run_id or ""], 32)

    @property
    def job(self) -> dict[str, Any]:
        """The description that a run file holds, without what is unknown."""
        facts = {
            "id": self.job_id,
            "launcher": self.launcher,
            "rank": self.rank,
            "local_rank": self.local_rank,
            "world_size": self.world_size,
            "host_count": self.host_count,
        }
        return {name: value for name, value in facts.items() if value is not None}


def launch_of(
    environ: Mapping[str, str],
    group: Callable[[], ProcessGroup | None] = default_group,
    processes: Processes | None = None,
    is_spawned: Callable[[], bool] | None = None,
) -> Launch | None:
    """The launch of this rank; None for a program that was started alone.

    A program counts as started alone where its launch has one rank.
    """
    seen = processes or own_processes()
    found = _by_variables(environ, seen)
    if found is None:
        return _by_process_group(environ, group(), seen, (is_spawned or _is_spawned)())
    if found.rank is None:
        member = group()
        return found if member is None else _as_member(found, member)
    return found


def _by_variables(environ: Mapping[str, str], processes: Processes) -> Launch | None:
    found = [launch for launch in _announced(environ, processes) if launch[1].world_size != 1]
    if not found:
        return None
    launcher, launch = found[0]
    if launcher.is_generic:
        place = (launch.rank, launch.world_size)
        same = (
            other
            for row, other in found[1:]
            if not row.is_generic and place == (other.rank, other.world_size)
        )
        return next(same, launch)
    return launch


def _announced(
    environ: Mapping[str, str], processes: Processes
) -> Iterator[tuple[Launcher, Launch]]:
    """The launches that the variables announce, with their launchers."""
    for launcher in LAUNCHERS:
        if not all(environ.get(name) for name in launcher.needs):
            continue
        if launcher.name == "srun" and not _is_step_of_tasks(environ):
            continue
        try:
            yield launcher, _read(launcher, environ, processes)
        except ValueError:  # a variable that should be a number is none: not this launcher's
            continue


def _read(launcher: Launcher, environ: Mapping[str, str], processes: Processes) -> Launch:
    rank = _number(environ, launcher.rank)
    local_rank = _number(environ, launcher.local_rank)
    world_size = _number(environ, launcher.world_size)
    local_size = _number(environ, launcher.local_size)
    host_count = _number(environ, launcher.host_count)
    if host_count is None and local_size is not None and local_size == world_size:
        host_count = 1
    name = launcher.name
    if name == "lightning" and environ["NODE_RANK"] == "0":
        rank = local_rank
    facts = [environ.get(variable, "") for variable in launcher.identity]
    if not any(facts):
        facts = _facts_of_agent(launcher, environ, processes)
    if name == "mpich" and any(variable.startswith("I_MPI_") for variable in environ):
        name = "intel mpi"
    facts += _facts_of_step(environ, host_count)
    attempt = next((environ[variable] for variable in launcher.attempt if variable in environ), "0")
    is_spread = local_size is not None and world_size is not None and local_size < world_size
    agent = _agent(launcher, processes) if launcher.is_agent_known else None
    return Launch(
        name,
        job_id=_hash(facts),
        key=_hash([*facts, attempt]),
        agent="" if agent is None else f"{agent.pid}.{agent.started}",
        rank=rank,
        local_rank=local_rank,
        world_size=world_size,
        host_count=host_count,
        is_on_several_hosts=is_spread or (host_count or 1) > 1,
    )


def _is_step_of_tasks(environ: Mapping[str, str]) -> bool:
    """Whether srun started the tasks: a batch script and an interactive shell are one task."""
    step = environ["SLURM_STEP_ID"]
    return not step.isdigit() or int(step) < _SPECIAL_STEPS


def _facts_of_step(environ: Mapping[str, str], host_count: int | None) -> list[str]:
    """The job and step of Slurm in which the launcher itself was started on all of its hosts.

    Where the launcher reached its hosts by other means, only some of them know the step.
    """
    names = ("SLURM_JOB_ID", "SLURM_STEP_ID", "SLURM_STEP_NUM_NODES")
    job, step, nodes = (environ.get(name, "") for name in names)
    return [job, step] if job and step and nodes == str(host_count) else []


def _facts_of_agent(
    launcher: Launcher, environ: Mapping[str, str], processes: Processes
) -> list[str]:
    """What tells a launch of Hydra, whose variables do not: the port at which it listens.

    Its proxy has it on the command line of each host. Else the proxy itself, which is of one host.
    """
    for process in processes.ancestors():
        port = _port_of_hydra(processes.command(process))
        if port:
            return [port]
    agent = _agent(launcher, processes)
    sizes = [_number(environ, names) for names in (launcher.local_size, launcher.world_size)]
    if agent is not None and sizes[0] == sizes[1]:
        return [processes.namespace, str(agent.pid), str(agent.started)]
    return [launcher.name, str(sizes[1])]


def _agent(launcher: Launcher, processes: Processes) -> Process | None:
    """The first ancestor that is no rank itself: a rank may have been started by a script.

    One whose environment cannot be read is another user's: the launcher's daemon.
    """
    for process in processes.ancestors():
        environment = processes.environment(process)
        if environment is None or launcher.needs[0] not in environment:
            return process
    return None


def _port_of_hydra(command: tuple[str, ...]) -> str:
    """Host and port of mpiexec on the command line of its proxy; empty where there are none."""
    options = dict(itertools.pairwise(command))
    if "--control-port" in options:
        return options["--control-port"]
    host, port = options.get("--upstream-host", ""), options.get("--upstream-port", "")
    return f"{host}:{port}" if host and port else ""


def _by_process_group(
    environ: Mapping[str, str], group: ProcessGroup | None, processes: Processes, is_spawned: bool
) -> Launch | None:
    """The launch of a rank that ``torch.distributed`` knows, or is about to.

    A spawned worker with the address of the master will be a member, though its rank is unknown.
    """
    master = [environ.get(name, "") for name in MASTER]
    if group is None:
        if not all(master) or not is_spawned:
            return None
        facts = master
    elif group.world_size == 1:
        return None
    else:
        facts = master if all(master) else list(group.store) or _parent(processes)
    launch = Launch("torch.distributed", _hash(facts), _hash([*facts, "0"]))
    return launch if group is None else _as_member(launch, group)


def _as_member(launch: Launch, group: ProcessGroup) -> Launch:
    return replace(launch, rank=group.rank, world_size=group.world_size)


def _parent(processes: Processes) -> list[str]:
    parent = next(processes.ancestors(), None)
    return [processes.namespace, *map(str, parent or ())]


def _is_spawned() -> bool:
    """Whether ``multiprocessing`` started this process."""
    process: Any = sys.modules.get("multiprocessing.process")
    return process is not None and process.parent_process() is not None


def _number(environ: Mapping[str, str], names: Sequence[str]) -> int | None:
    """The value of the first variable that is set; ValueError where it is no number."""
    texts = (environ[name] for name in names if name in environ)
    return next((int(text) for text in texts), None)


def _hash(facts: Sequence[str], digits: int = 16) -> str:
    return hashlib.sha256(json.dumps(list(facts)).encode()).hexdigest()[:digits]
