"""What is written down of a run at its beginning: host, program, versions, sampling."""

import contextlib
import functools
import os
import platform
import pwd
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from effmeter.clock import Clock
from effmeter.probes.base import Discovery, coarse_counters
from effmeter.recorder.calibrations import Calibrations
from effmeter.recorder.policy import ServicePolicy
from effmeter.recorder.sampling.schedule import CLOSE_LOAD_FRACTION, CLOSE_NS
from effmeter.runfile.format import Metadata
from effmeter.wire.protocol import Message

_STARTED_WALL_S = time.time()
"""When this process began, near enough: it loads this module at its start."""
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_OWN_PACKAGES = ("effmeter", "nvidia-ml-py", "psutil", "pyarrow")


def describe_run(
    begin: Message, discovery: Discovery, policy: ServicePolicy, rate_hz: float, clock: Clock
) -> Metadata:
    """The metadata of the run that a client begins."""
    anchor = clock.anchor()
    return Metadata(
        run_id=begin["run_id"],
        name=begin["name"],
        started_wall_ns=anchor.wall_ns,
        started_time_ns=anchor.time_ns,
        part=begin["part"],
        labels=begin["labels"],
        job=begin.get("job") or {},
        channels=Calibrations.of(begin).describe_all(discovery.channels),
        refusals=discovery.refusals,
        host={"name": begin["host"], **_host()},
        program=begin["program"],
        versions={**_own_versions(), **begin["versions"]},
        git_commit=begin.get("git_commit"),
        sampling={
            "rate_hz": rate_hz,
            "recorder": policy.mode,
            "recorder_process": _recorder(policy),
            "periods_s": {p.name: max(p.period_s, 1 / rate_hz) for p in discovery.probes},
            "after_marks": {
                "lasts_s": CLOSE_NS * 1e-9,
                "periods_s": {p.name: p.period_s for p in discovery.probes if coarse_counters(p)},
                "most_load_fraction": CLOSE_LOAD_FRACTION,
            },
        },
    )


def _recorder(policy: ServicePolicy) -> dict[str, Any]:
    """This process, for a reader who asks which recorder measured a run."""
    uid = os.getuid()
    try:
        user: str | None = pwd.getpwuid(uid).pw_name
    except KeyError:  # a container may run as a user that it does not list
        user = None
    return {
        "uid": uid,
        "user": user,
        "pid": os.getpid(),
        "since_wall_s": _STARTED_WALL_S,
        "socket": policy.socket or None,
    }


def _host() -> dict[str, Any]:
    return {
        "boot_id": _boot_id(),
        "system": platform.system(),
        "release": platform.release(),
        "machine": platform.machine(),
        "logical_cpus": os.cpu_count(),
        "memory_bytes": _memory_bytes(),
    }


@functools.cache
def _boot_id() -> str | None:
    """What identifies this boot of this machine: the run clock compares within it alone."""
    if _BOOT_ID.exists():
        with contextlib.suppress(OSError):
            return _BOOT_ID.read_text().strip()
        return None
    import subprocess

    try:
        command = ["/usr/sbin/sysctl", "-n", "kern.bootsessionuuid"]
        found = subprocess.run(command, capture_output=True, text=True, timeout=5, check=True)
        return found.stdout.strip() or None
    except (OSError, subprocess.SubprocessError):
        return None


def _memory_bytes() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (OSError, ValueError):
        return None


@functools.cache
def _own_versions() -> dict[str, str]:
    found = {"python": platform.python_version(), "platform": sys.platform}
    return found | installed_versions(_OWN_PACKAGES, sys.path)


def installed_versions(packages: Iterable[str], folders: Iterable[str]) -> dict[str, str]:
    """The versions of installed packages, by the names of the folders that describe them.

    ``importlib.metadata`` would read them too, and takes longer to load than a recording to begin.
    """
    wanted = {name.replace("-", "_"): name for name in packages}
    found: dict[str, str] = {}
    for folder in folders:
        with contextlib.suppress(OSError):
            for entry in os.listdir(folder or "."):
                described, _, rest = entry.partition("-")
                name = wanted.get(described.replace(".", "_").lower())
                if name and rest.endswith((".dist-info", ".egg-info")):
                    found.setdefault(name, rest.rpartition(".")[0].split("-")[0])
    return found
