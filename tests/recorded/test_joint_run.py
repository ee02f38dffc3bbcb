"""The files of a job's hosts are one run, matched by the numbers of epochs."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from effmeter.energy import Energy
from effmeter.errors import UsageError
from effmeter.recorded.joint_run import JointRun
from effmeter.recorded.reading import read_run, read_runs
from effmeter.recorded.run import RecordedRun
from effmeter.runfile.format import NoteName, user_note
from tests.recorded.job_files import Host

A = Host("a", 0, 20.0)
B = Host("b", 1, 50.0, begin_s=1000.0, epochs_s=(4.0, 1.0))


def joint(folder: Path, *hosts: Host) -> RecordedRun:
    for host in hosts:
        host.write(folder)
    (run,) = read_runs(folder)
    return run


def known(energy: Energy | None) -> Energy:
    assert energy is not None
    return energy


def joules(energies: Sequence[Energy | None]) -> list[float]:
    return [known(energy).value_j for energy in energies]


def test_each_hosts_energy_is_that_of_its_own_window_of_an_epoch(tmp_path: Path) -> None:
    run = joint(tmp_path, B, A)
    assert joules([run.energy()]) == pytest.approx([7 * 20.0 + 7 * 50.0])
    expected = [2 * 20.0 + 4 * 50.0, 3 * 20.0 + 1 * 50.0]
    assert joules([e.energy for e in run.epochs]) == pytest.approx(expected, rel=1e-3)
    both = run.energy_over(run.epoch_cover, run.epochs[0].begin_ns, run.epochs[1].end_ns)
    assert joules([both]) == pytest.approx([sum(expected)], rel=1e-3)
    assert run.host_names == ("a", "b")
    assert run.breakdown().missing == ()


def test_metrics_and_times_are_those_of_the_lowest_rank(tmp_path: Path) -> None:
    run = joint(tmp_path, B, A)
    assert [epoch.metrics["accuracy"] for epoch in run.lead_epochs] == [0.1, 0.2]
    assert run.duration_s == pytest.approx(7.0)
    assert [source.rank for source in run.sources] == [0, 1]
    silent = replace(A, epochs_s=())
    other = tmp_path / "silent"
    other.mkdir()
    assert len(joint(other, silent, B).lead_epochs) == 2, "of the lowest rank that has epochs"


def test_errors_of_hosts_are_independent_and_channels_named_by_host(tmp_path: Path) -> None:
    run = joint(tmp_path, A, B)
    widths = [known(part.energy()).half_width_j for part in run.by_host]
    summed = (widths[0] ** 2 + widths[1] ** 2) ** 0.5
    assert known(run.energy()).half_width_j == pytest.approx(summed)
    assert run.breakdown().cover.names == ("a/cpu0", "b/cpu0")
    assert list(run.channels) == ["a/cpu0", "b/cpu0"]


def test_a_host_whose_file_is_missing_is_said_and_the_total_partial(tmp_path: Path) -> None:
    path = replace(A, job={"id": "job-7", "host_count": 3, "world_size": 3}).write(tmp_path)
    run = read_run(path)
    (missing,) = run.breakdown().missing
    assert missing.what == "2 of 3 hosts (ranks 1, 2)"
    assert "others" in missing.reason
    assert joules([run.energy()]) == pytest.approx([140.0])


def test_a_host_that_was_killed_counts_until_then(tmp_path: Path) -> None:
    killed = replace(B, epochs_s=(4.0,), status=None)
    run = joint(tmp_path, A, killed)
    assert str(run.status) == "interrupted"
    assert run.warnings == (
        "hosts recorded different numbers of epochs (a 2, b 1): later ones lack a host",
    )
    energies = joules([e.energy for e in run.epochs])
    assert energies[0] == pytest.approx(2 * 20.0 + 4 * 50.0, rel=1e-3)
    assert energies[1] == pytest.approx(3 * 20.0 + 1 * 50.0, rel=2e-2), "a second before it died"


def test_other_jobs_other_runs_and_other_times_stay_apart(tmp_path: Path) -> None:
    hosts = {
        "same": B,
        "job": replace(B, name="job", job={"id": "job-8", "host_count": 2}),
        "run": replace(B, name="run", run_id="run-2"),
        "time": replace(B, name="time", wall_s=60.0),
    }
    for name, host in {"a": A, **hosts}.items():
        (tmp_path / name).mkdir()
        host.write(tmp_path / name)
    counts = {n: len(read_runs([tmp_path / "a", tmp_path / n])) for n in hosts}
    assert counts == {"same": 1, "job": 2, "run": 2, "time": 2}
    parts = read_runs(tmp_path / "a")[0].by_host + read_runs(tmp_path / "job")[0].by_host
    with pytest.raises(UsageError, match=r"not one run of one job: they are of job-7, job-8"):
        JointRun(parts)


def test_one_machine_under_two_names_counts_once(tmp_path: Path) -> None:
    same = replace(B, boot="one", begin_s=0.0, power_w=A.power_w)
    for host in (replace(A, boot="one"), same):
        host.write(tmp_path)
    assert [run.host_names for run in read_runs(tmp_path)] == [("a",), ("b",)]
    replace(same, power_w=30.0).write(tmp_path)
    assert len(read_runs(tmp_path)) == 1, "its sensors show that it is another machine"


def test_a_job_on_one_host_is_an_ordinary_run(tmp_path: Path) -> None:
    run = read_run(replace(A, job={"id": "job-7", "host_count": 1}).write(tmp_path))
    assert not run.is_joint
    assert run.breakdown().cover.names == ("cpu0",)


def test_a_host_that_marks_no_epochs_is_named_and_counts_in_each(tmp_path: Path) -> None:
    silent = replace(B, epochs_s=(), status=None)
    run = joint(tmp_path, A, silent)
    (warning,) = run.warnings
    assert warning.startswith("no epochs were marked on b: ")
    assert joules([run.epochs[0].energy]) == pytest.approx([2 * 20.0 + 1 * 50.0], rel=1e-3)


def test_recorders_notes_and_losses_are_those_of_all_hosts(tmp_path: Path) -> None:
    for host, count in ((A, 2), (B, 3)):
        sampling = {"recorder": "private", "recorder_process": {"pid": count}}
        lost = {"name": NoteName.DROPPED_MARKS, "value": float(count)}
        why = {"name": user_note("why"), "text": f"of {host.name}"}
        replace(host, notes=(lost, why)).write(tmp_path, sampling=sampling)
    (run,) = read_runs(tmp_path)
    assert [recorder.pid for recorder in run.recorders] == [2, 3]
    assert run.program_notes == (("a/why", "of a"), ("b/why", "of b"))
    assert run.dropped_marks == 5
