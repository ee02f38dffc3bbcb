"""How a rank recognises the launch that it is of.

A launcher announces itself by environment variables: a row of ``LAUNCHERS``. Where they say
nothing, ``torch.distributed`` does once it is initialised (``mp.spawn``, ``init_process_group``).
"""

import hashlib
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from effmeter.client.agent import agent_of, port_of_hydra
from effmeter.client.launchers import LAUNCHERS, MASTER, Launcher
from effmeter.client.process_group import ProcessGroup, default_group
from effmeter.client.processes import Processes, own_processes
from effmeter.client.rank_starters import is_child_of_rank

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

    def run_id(self, name: str, ordinal: int, parent_run_id: str | None) -> str:
        """The run that the ranks share on all hosts.

        ``ordinal`` numbers the runs of one name inside of one parent.
        """
        return _hash([self.key, name, str(ordinal), parent_run_id or ""], 32)

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

    A program counts as started alone where its launch has one rank, and where a rank started it,
    unless it is in a process group of its own.
    """
    seen = processes or own_processes()
    found = _by_variables(environ, seen)
    if found is not None and is_child_of_rank(seen, partial(_is_rank_of, found, seen)):
        member = group()
        return None if member is None else _by_process_group(environ, member, seen, False)
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


def _is_rank_of(launch: Launch, processes: Processes, environ: Mapping[str, str]) -> bool:
    """Whether an environment names the same rank of a launch."""
    other = _by_variables(environ, processes)
    return other is not None and replace(other, agent=launch.agent) == launch


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
    agent = agent_of(launcher, processes) if launcher.is_agent_known else None
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
    port = port_of_hydra(processes)
    if port:
        return [port]
    agent = agent_of(launcher, processes)
    sizes = [_number(environ, names) for names in (launcher.local_size, launcher.world_size)]
    if agent is not None and sizes[0] == sizes[1]:
        return [processes.namespace, str(agent.pid), str(agent.started)]
    return [launcher.name, str(sizes[1])]


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
