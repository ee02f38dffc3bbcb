"""The shares of runs on a simulated machine, whose programs' true energies are known."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from effmeter.analysis.idle import IdleBaseline, IdlePower
from effmeter.analysis.run_shares import NO_RULE, NOT_BY_PROCESS, NOT_KNOWN_THERE, Shares, shares_of
from effmeter.analysis.shares import PROGRAMS, Holder
from effmeter.channel import Component
from effmeter.recorded.reading import read_run, read_runs
from effmeter.recorder.observers.processes import ON_LINUX
from effmeter.recorder.observers.work_log import WorkLog
from effmeter.runfile.format import Event
from tests.runfile.writing import SOURCE, RunFile, at, counter, every, metadata
from tests.simulated.procfs import OTHER, SHELL, TRAINING, WORKER, SimulatedWork

pytestmark = pytest.mark.skipif(not ON_LINUX, reason="procfs is Linux' own")

IDLE_W, DURATION_S = 15.0, 30
POWER_W = {TRAINING: 20.0, WORKER: 10.0, OTHER: 10.0}
"""What a processor draws above idle while each of these programs works on it: as 2 : 1 : 1."""
IDLE = IdleBaseline("host", "2026-01-01", 60.0, {"cpu0": IdlePower("", IDLE_W, IDLE_W, IDLE_W, 0)})


@dataclass(frozen=True)
class ThreePrograms:
    """How many processors each of three programs keeps busy in each second."""

    loads: Mapping[int, Sequence[float]]

    def busy_s(self, pid: int, until_s: float) -> float:
        whole = int(until_s)
        rest = self.loads[pid][whole] * (until_s - whole) if until_s > whole else 0.0
        return math.fsum(self.loads[pid][:whole]) + rest

    def energy_j(self, until_s: float) -> float:
        used = math.fsum(POWER_W[pid] * self.busy_s(pid, until_s) for pid in self.loads)
        return IDLE_W * until_s + used

    def true_j(self, pid: int) -> float:
        return POWER_W[pid] * self.busy_s(pid, DURATION_S)

    def record(
        self, folder: Path, roots: tuple[int, ...], *, own: int, has_energy: bool = True
    ) -> Path:
        """The file of a recording of some of the programs; ``own`` is that of its own run."""
        folder.mkdir()
        machine = SimulatedWork(folder, roots=roots)
        machine.show(WORKER, SHELL)
        path = folder / "run.arrow"
        with RunFile(path, metadata(channels=(counter(),))) as file:
            for place, pid in enumerate(roots):
                facts: dict[str, Any] = {"name": f"program {pid}", "pid": pid}
                facts |= {} if pid == own else {"run_id": f"run of {pid}"}
                file.join(0, json.dumps(facts), source=_label(pid), root=place + 1)
            for tenth in range(10 * DURATION_S + 1):
                time_s = tenth / 10
                file.row(time_s, channel="cpu0", energy_j=self.energy_j(time_s))
                if tenth % 10 == 0:
                    self._look(machine, file, time_s, after_s=1.0 if tenth else 0.0)
            file.end(DURATION_S)
        return path

    def _look(self, machine: SimulatedWork, file: RunFile, time_s: float, after_s: float) -> None:
        for pid in self.loads:
            machine.show(pid, SHELL, self.busy_s(pid, time_s))
        machine.show_machine(math.fsum(self.busy_s(pid, time_s) for pid in self.loads))
        seen = machine.seen(after_s, is_boundary=time_s in (0.0, DURATION_S))
        write_work(file, machine.log, seen)


def _label(pid: int) -> str:
    return f"host/-/{pid}"


def write_work(file: RunFile, log: WorkLog, seen: Any) -> None:
    """The rows that the recorder keeps of a look."""
    for time_ns, works in log.changes(seen):
        for work in works:
            file.event(
                (time_ns - file.metadata.started_time_ns) * 1e-9,
                Event.WORK,
                channel=work.channel,
                source=None if work.root is None else _label(work.root),
                id=work.processes,
                value=work.spent_s,
                duration_s=work.unseen_s,
                text=work.text,
            )


STEADY = ThreePrograms(
    {
        TRAINING: [0.8] * DURATION_S,
        WORKER: [0.5] * DURATION_S,
        OTHER: [0.7] * DURATION_S,
    }
)
CHANGING = ThreePrograms(
    {
        TRAINING: [1.0] * 10 + [0.0] * 10 + [0.5] * 10,
        WORKER: [0.0] * 10 + [1.0] * 10 + [0.5] * 10,
        OTHER: [0.25] * DURATION_S,
    }
)


def known(shares: Shares | None) -> Shares:
    assert shares is not None
    return shares


def value_j(shares: Shares, holder: Holder) -> float:
    value = shares.shares[holder].value_j
    assert value is not None
    return value


@pytest.mark.parametrize("programs", [STEADY, CHANGING], ids=["steady", "changing"])
def test_the_shares_of_three_programs_sum_to_the_whole_and_hold_the_truth(
    programs: ThreePrograms, tmp_path: Path
) -> None:
    found_j = 0.0
    for pid in POWER_W:
        run = read_run(programs.record(tmp_path / str(pid), (pid,), own=pid))
        total = run.energy()
        assert total is not None
        shares = known(shares_of(run, IDLE))
        own = shares.shares[Holder.RUN]
        truth_j = programs.true_j(pid)
        assert own.low_j <= truth_j <= own.high_j
        active_j = total.value_j - IDLE_W * DURATION_S
        assert own.low_j > 0.02 * active_j
        assert own.high_j < 0.9 * active_j, "narrower than nothing to all"
        summed_j = math.fsum(share.value_j or 0.0 for share in shares.shares.values())
        assert summed_j == pytest.approx(total.value_j, rel=1e-12)
        assert value_j(shares, Holder.IDLE) == pytest.approx(IDLE_W * DURATION_S, rel=1e-3)
        found_j += value_j(shares, Holder.RUN)
    assert found_j == pytest.approx(programs.energy_j(DURATION_S) - IDLE_W * DURATION_S, rel=0.01)


def test_stretches_in_which_few_programs_work_narrow_the_bounds(tmp_path: Path) -> None:
    widths = []
    for name, programs in (("steady", STEADY), ("changing", CHANGING)):
        run = read_run(programs.record(tmp_path / name, (TRAINING,), own=TRAINING))
        own = known(shares_of(run, IDLE)).shares[Holder.RUN]
        widths.append((own.high_j - own.low_j) / programs.true_j(TRAINING))
    assert widths[1] < widths[0]


def test_bounds_are_those_of_the_stated_ratio(tmp_path: Path) -> None:
    run = read_run(STEADY.record(tmp_path / "run", (WORKER,), own=WORKER))
    widths = []
    for ratio in (1.0, 2.0, 3.0, 10.0):
        own = known(shares_of(run, IDLE, ratio)).shares[Holder.RUN]
        widths.append(own.high_j - own.low_j)
        if ratio >= 2:
            assert own.low_j <= STEADY.true_j(WORKER) <= own.high_j
    assert widths == sorted(widths)
    assert widths[0] < 0.2 * widths[2], "only the kernel's rounding and sampling are left"


def test_programs_of_one_recording_each_have_their_share(tmp_path: Path) -> None:
    path = STEADY.record(tmp_path / "run", (TRAINING, WORKER), own=SHELL)
    own, first, second = read_runs(path)
    shares = [known(shares_of(run, IDLE)) for run in (own, first, second)]
    both_j = value_j(shares[1], Holder.RUN) + value_j(shares[2], Holder.RUN)
    assert value_j(shares[0], Holder.RUN) == pytest.approx(both_j), "the runs inside are part of it"
    assert value_j(shares[0], Holder.RECORDED) == 0.0
    assert value_j(shares[1], Holder.RECORDED) == pytest.approx(value_j(shares[2], Holder.RUN))
    others_j = {round(value_j(each, Holder.OTHERS), 6) for each in shares}
    assert len(others_j) == 1
    for each, pid in zip(shares[1:], (TRAINING, WORKER), strict=True):
        assert each.shares[Holder.RUN].low_j <= STEADY.true_j(pid) <= each.shares[Holder.RUN].high_j


def test_without_an_idle_baseline_shares_include_their_part_of_idle(tmp_path: Path) -> None:
    run = read_run(STEADY.record(tmp_path / "run", (TRAINING,), own=TRAINING))
    shares = known(shares_of(run))
    idle, own = shares.shares[Holder.IDLE], shares.shares[Holder.RUN]
    assert idle.value_j is None
    assert idle.low_j <= IDLE_W * DURATION_S <= idle.high_j
    assert own.low_j <= STEADY.true_j(TRAINING) <= own.high_j
    values = [share.value_j or 0.0 for share in shares.shares.values()]
    assert math.fsum(values) == pytest.approx(STEADY.energy_j(DURATION_S), rel=1e-6)
    assert "effmeter idle" in (shares.no_idle or "")


def test_a_baseline_that_does_not_fit_the_run_is_not_taken(tmp_path: Path) -> None:
    run = read_run(STEADY.record(tmp_path / "run", (TRAINING,), own=TRAINING))
    other = IdleBaseline("host", "2026-01-01", 60.0, {})
    shares = known(shares_of(run, other))
    assert shares.idle_date is None
    assert "has no cpu0" in (shares.no_idle or "")


# GPUs and other devices


def test_gpus_are_divided_by_use_and_what_has_no_rule_is_unattributed(tmp_path: Path) -> None:
    path = tmp_path / "run.arrow"
    channels = (
        counter(),
        counter("gpu0", Component.GPU, device="A GPU-0"),
        counter("gpu1", Component.GPU, device="A GPU-1"),
        counter("gpu2", Component.GPU, device="B GPU-2"),
        counter("dram0", Component.RAM),
    )
    powers_w = {"cpu0": 50.0, "gpu0": 300.0, "gpu1": 200.0, "gpu2": 30.0, "dram0": 7.0}
    with RunFile(path, metadata(channels=channels)) as file:
        file.join(0, json.dumps({"name": "one"}))
        for name, power_w in powers_w.items():
            file.count(name, every(0.1, 0, 10), power_w)
        for time_s in (0.0, 10.0):
            work(file, time_s, all_s=time_s, own_s=time_s / 4)
            work(file, time_s, "gpu0", all_s=0.8 * time_s, own_s=0.6 * time_s)
            file.event(time_s, Event.WORK, channel="gpu1", text="MIG is on")
        file.end(10)
    shares = known(shares_of(read_run(path)))
    by_name = {device.name: device for device in shares.devices}
    reasons = {name: device.unknown for name, device in by_name.items()}
    assert reasons == {
        "cpu": None,
        "gpu0": None,
        "gpu1": "MIG is on",
        "gpu2": NOT_BY_PROCESS,
        "ram": NO_RULE,
    }
    assert by_name["gpu0"].shares[Holder.RUN].value_j == pytest.approx(2250.0)
    assert by_name["cpu"].shares[Holder.RUN].value_j == pytest.approx(125.0)
    assert value_j(shares, Holder.UNATTRIBUTED) == pytest.approx(2370.0)
    values = [value_j(shares, holder) for holder in (*PROGRAMS, Holder.UNATTRIBUTED)]
    assert math.fsum(values) == pytest.approx(5870.0)


def work(
    file: RunFile, time_s: float, channel: str | None = None, *, all_s: float, own_s: float
) -> None:
    file.event(time_s, Event.WORK, channel=channel, value=all_s)
    file.event(time_s, Event.WORK, channel=channel, value=own_s, source=SOURCE, id=1)


def test_a_program_that_the_recorder_could_not_find_has_no_share(tmp_path: Path) -> None:
    path = tmp_path / "run.arrow"
    with RunFile(path, metadata(channels=(counter(),))) as file:
        file.join(0, json.dumps({"name": "elsewhere"}), source="container/-/7")
        file.count("cpu0", every(0.1, 0, 10), 50.0)
        for time_s in (0.0, 10.0):
            work(file, time_s, all_s=time_s, own_s=0.5 * time_s)
        file.end(10)
    (device,) = known(shares_of(read_run(path))).devices
    assert device.unknown == NOT_KNOWN_THERE


def test_a_file_that_states_no_work_has_no_shares(tmp_path: Path) -> None:
    path = tmp_path / "run.arrow"
    with RunFile(path, metadata(channels=(counter(),))) as file:
        file.count("cpu0", every(0.1, 0, 10), 50.0)
        file.end(10)
    assert shares_of(read_run(path)) is None


def test_runs_in_one_process_say_that_they_share_its_work(tmp_path: Path) -> None:
    path = tmp_path / "run.arrow"
    with RunFile(path, metadata(channels=(counter(),))) as file:
        file.join(0, json.dumps({"name": "command"}), source="host/-/41", root=9)
        for root in (1, 2):
            facts = {"name": f"thread {root}", "run_id": f"run of thread {root}"}
            file.join(0, json.dumps(facts), root=root)
        file.count("cpu0", every(0.1, 0, 10), 50.0)
        for time_s in (0.0, 10.0):
            work(file, time_s, all_s=time_s, own_s=0.5 * time_s)
        file.end(10)
    own, thread, _ = read_runs(path)
    assert known(shares_of(own)).cautions == ()
    (caution,) = known(shares_of(thread)).cautions
    assert "same process" in caution


def test_a_machine_that_sleeps_draws_no_idle_power(tmp_path: Path) -> None:
    path = tmp_path / "run.arrow"
    with RunFile(path, metadata(channels=(counter(),))) as file:
        file.join(0, json.dumps({"name": "one"}))
        for time_s, asleep_s in ((0.0, 0.0), (20.0, 8.0)):
            file.event(time_s, Event.ANCHOR, id=at(time_s), value=0.0, duration_s=asleep_s)
        file.count("cpu0", every(0.1, 0, 20), 50.0)
        for time_s in (0.0, 20.0):
            work(file, time_s, all_s=time_s, own_s=0.5 * time_s)
        file.end(20)
    shares = known(shares_of(read_run(path), IDLE))
    assert value_j(shares, Holder.IDLE) == pytest.approx(12 * IDLE_W)
