"""The cgroup of a program, from folders as Linux shows them."""

import os
from pathlib import Path

import pytest

from effmeter.recorder.observers.cgroups import Cgroup, own_cgroup


class Cgroups:
    """A procfs and a cgroup hierarchy of either version."""

    def __init__(self, folder: Path) -> None:
        self.proc = folder / "proc"
        self.folder = folder / "cgroup"

    def join(self, pid: int, memberships: str) -> None:
        (self.proc / str(pid)).mkdir(parents=True, exist_ok=True)
        (self.proc / str(pid) / "cgroup").write_text(memberships)

    def show(self, path: str, *pids: int, usage_us: int = 2_500_000) -> Path:
        place = self.folder / path
        place.mkdir(parents=True, exist_ok=True)
        (place / "cgroup.procs").write_text("".join(f"{pid}\n" for pid in pids))
        (place / "cpu.stat").write_text(f"usage_usec {usage_us}\nuser_usec 1\nsystem_usec 1\n")
        return place

    def own(self, *members: int) -> Cgroup | None:
        return own_cgroup(members, self.proc, self.folder)


@pytest.fixture
def cgroups(tmp_path: Path) -> Cgroups:
    return Cgroups(tmp_path)


def test_a_cgroup_that_holds_the_program_alone_is_its_own(cgroups: Cgroups) -> None:
    cgroups.join(20, "0::/slurm/job_7\n")
    place = cgroups.show("slurm/job_7", 20, 21)
    assert cgroups.own(20, 21) == Cgroup(str(place), 2.5, frozenset({20, 21}))


def test_cgroups_inside_it_belong_to_it(cgroups: Cgroups) -> None:
    cgroups.join(20, "0::/job\n")
    cgroups.show("job", 20)
    cgroups.show("job/step", 21)
    assert cgroups.own(20, 21) is not None
    assert cgroups.own(20) is None, "one of its processes is in another program's tree"


def test_a_cgroup_with_a_stranger_is_not_its_own(cgroups: Cgroups) -> None:
    cgroups.join(20, "0::/user.slice/session-3.scope\n")
    cgroups.show("user.slice/session-3.scope", 10, 20)
    assert cgroups.own(20) is None


def test_a_cgroup_of_version_1_counts_nanoseconds(cgroups: Cgroups) -> None:
    cgroups.join(20, "4:memory:/m\n2:cpu,cpuacct:/job\n0::/\n")
    place = cgroups.show("cpuacct/job", 20)
    (place / "cpuacct.usage").write_text("1500000000\n")
    assert cgroups.own(20) == Cgroup(str(place), 1.5, frozenset({20}))


def test_the_recorder_in_the_cgroup_is_no_stranger_and_its_time_does_not_count(
    cgroups: Cgroups,
) -> None:
    cgroups.join(20, "0::/\n")
    cgroups.show("", 20, os.getpid(), usage_us=2_000_000_000)
    found = cgroups.own(20)
    assert found is not None
    assert found.members == {20}
    assert 0 < found.used_s < 2000.0


@pytest.mark.parametrize("memberships", ["", "0::/gone\n", "no cgroup\n"])
def test_without_a_readable_cgroup_there_is_none(cgroups: Cgroups, memberships: str) -> None:
    cgroups.join(20, memberships)
    assert cgroups.own(20) is None
    assert cgroups.own(99) is None
