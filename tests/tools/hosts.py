"""Hosts of their own on this machine: network, mounts and name apart, sensors of known power.

Needs root and iproute2; a machine without them has no second host.
"""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.simulated.machine import SimulatedMachine
from tests.simulated.powercap import dram, package
from tests.simulated.waveforms import constant

RAM_W = 5.0
_RANGE_UJ = 2**40


def missing_for_hosts() -> str | None:
    """Why this machine cannot have further hosts; None where it can."""
    if os.getuid() != 0:
        return "network namespaces need root"
    missing = [tool for tool in ("ip", "unshare", "mount") if shutil.which(tool) is None]
    if missing:
        return f"not installed: {', '.join(missing)}"
    tried = subprocess.run(["unshare", "--net", "--mount", "--uts", "true"], check=False)
    return None if tried.returncode == 0 else "this container may not create namespaces"


@dataclass(frozen=True, slots=True)
class Host:
    """A host: ``address`` in the network between them, and the machine that its programs see."""

    name: str
    address: str
    namespace: str
    machine: SimulatedMachine
    run_folder: Path

    def start(self, command: Sequence[str], **environ: str) -> "subprocess.Popen[str]":
        """Start a command on this host, in a session of its own."""
        prepare = 'hostname "$1"; mount --bind "$2" /run; shift 2; exec "$@"'
        apart = ("unshare", "--uts", "--mount", "sh", "-c", prepare, "sh")
        return subprocess.Popen(
            [
                *("ip", "netns", "exec", self.namespace, *apart),
                *(self.name, str(self.run_folder), *command),
            ],
            env=self.machine.environ | environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def kill(self) -> None:
        """End all of its processes at once, its recorder too."""
        listed = subprocess.check_output(["ip", "netns", "pids", self.namespace], text=True)
        for pid in map(int, listed.split()):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    @property
    def power_w(self) -> float:
        """The true power of all that its sensors measure."""
        return sum(self.machine.waveform(zone.channel).peak_w for zone in self.machine.zones)

    @property
    def interface(self) -> str:
        """Its end of the network."""
        return f"veth-{self.name[-1]}"


@contextmanager
def two_hosts(folder: Path, cpu_w: tuple[float, float]) -> Iterator[tuple[Host, Host]]:
    """Two hosts in one network, whose processors draw a constant power each."""
    names = ("host-a", "host-b")
    namespaces = tuple(f"effmeter-{os.getpid()}-{name}" for name in names)
    with ExitStack() as stack:
        for namespace in namespaces:
            _ip("netns", "add", namespace)
            stack.callback(_ip, "netns", "del", namespace)
        ends = [f"veth-{letter}" for letter in "ab"]
        _ip(
            *("link", "add", ends[0], "netns", namespaces[0], "type", "veth"),
            *("peer", "name", ends[1], "netns", namespaces[1]),
        )
        found = []
        for number, (name, namespace, end) in enumerate(zip(names, namespaces, ends, strict=True)):
            address = f"10.213.0.{number + 1}"
            _ip("-n", namespace, "address", "add", f"{address}/24", "dev", end)
            for link in ("lo", end):
                _ip("-n", namespace, "link", "set", link, "up")
            own = folder / name
            run_folder = own / "run"
            run_folder.mkdir(parents=True)
            zones = [
                package(0, constant(cpu_w[number]), range_uj=_RANGE_UJ),
                dram(0, constant(RAM_W), range_uj=_RANGE_UJ),
            ]
            machine = stack.enter_context(SimulatedMachine(own, zones))
            found.append(Host(name, address, namespace, machine, run_folder))
        yield found[0], found[1]


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True)
