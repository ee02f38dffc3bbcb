"""A job on two hosts: one number, and what is said where one of them is lost."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from effmeter.recorded.reading import read_runs
from tests.tools.cell import BIN, PATIENCE_S
from tests.tools.hosts import Host, missing_for_hosts, two_hosts

CPU_W = (50.0, 80.0)
RANKS_PER_HOST = 2
SCRIPT = """
    import time
    import torch
    import torch.distributed as dist
    import effmeter

    dist.init_process_group("gloo")
    with effmeter.track("ddp") as run:
        for epoch in run.epochs(stop=effmeter.MaxEpochs({epochs})):
            time.sleep(0.3)
            total = torch.ones(1)
            dist.all_reduce(total)
            epoch.log(accuracy=total / 4)
            print("epoch", epoch.number, flush=True)
    dist.destroy_process_group()
"""

pytestmark = pytest.mark.skipif(
    (reason := missing_for_hosts()) is not None, reason=reason or "it has two hosts"
)


@pytest.fixture
def hosts(tmp_path: Path) -> Iterator[tuple[Host, Host]]:
    """Two hosts that share a folder for their run files."""
    (tmp_path / "runs").mkdir()
    with two_hosts(tmp_path, CPU_W) as both:
        yield both


def launch(hosts: tuple[Host, Host], folder: Path, epochs: int) -> "list[subprocess.Popen[str]]":
    """Start torchrun on both hosts."""
    script = folder / "train.py"
    lines = SCRIPT.format(epochs=epochs).splitlines()
    script.write_text("\n".join(line.removeprefix("    ") for line in lines))
    return [
        host.start(
            [
                *(str(BIN / "torchrun"), "--nnodes=2", f"--node-rank={number}"),
                *(f"--nproc-per-node={RANKS_PER_HOST}", f"--master-addr={hosts[0].address}"),
                *("--master-port=29511", str(script)),
            ],
            EFFMETER_RUNS=str(folder / "runs"),
            GLOO_SOCKET_IFNAME=host.interface,
            OMP_NUM_THREADS="1",
        )
        for number, host in enumerate(hosts)
    ]


def report(*paths: Path) -> dict[str, Any]:
    """The one run that ``effmeter report`` shows."""
    command = [str(BIN / "effmeter"), "report", "--json", *map(str, paths)]
    (run,) = json.loads(subprocess.check_output(command, text=True))["runs"]
    assert isinstance(run, dict)
    return run


def true_energy_j(hosts: tuple[Host, Host], folder: Path) -> float:
    """That of each host while its part of the run lasted."""
    (run,) = read_runs(folder)
    power_w = {host.name: host.power_w for host in hosts}
    return sum(
        power_w[name] * part.duration_s
        for name, part in zip(run.host_names, run.by_host, strict=True)
    )


def expect_energy(run: dict[str, Any], hosts: tuple[Host, Host], folder: Path) -> None:
    """The interval of the run's energy holds the truth, and is no wider than half of it."""
    energy, truth_j = run["total"]["energy"], true_energy_j(hosts, folder)
    slack_j = sum(host.machine.slack_j("cpu0") + host.machine.slack_j("dram0") for host in hosts)
    assert energy["low_j"] - slack_j <= truth_j <= energy["high_j"] + slack_j
    assert energy["high_j"] - energy["low_j"] < 0.5 * truth_j  # a busy machine reads late


def test_two_hosts_give_one_run_with_one_energy(hosts: tuple[Host, Host], tmp_path: Path) -> None:
    for launched in launch(hosts, tmp_path, epochs=3):
        _, said = launched.communicate(timeout=PATIENCE_S)
        assert launched.returncode == 0, said
    assert len(list((tmp_path / "runs").iterdir())) == 2
    run = report(tmp_path / "runs")
    assert [host["name"] for host in run["hosts"]] == ["host-a", "host-b"]
    assert (run["status"], run["epoch_count"], run["missing"]) == ("completed", 3, [])
    assert sorted(source["rank"] for source in run["sources"]) == [0, 1, 2, 3]
    expect_energy(run, hosts, tmp_path / "runs")


def test_a_host_that_is_killed_is_named_and_what_it_took_along_is_missing(
    hosts: tuple[Host, Host], tmp_path: Path
) -> None:
    launched = launch(hosts, tmp_path, epochs=1000)
    assert launched[1].stdout is not None
    while "epoch 5" not in launched[1].stdout.readline():
        assert launched[1].poll() is None
    hosts[1].kill()
    launched[0].communicate(timeout=PATIENCE_S)
    launched[1].communicate(timeout=PATIENCE_S)
    assert launched[0].returncode != 0
    files = {run.metadata.host["name"]: run.paths[0] for run in _parts(tmp_path / "runs")}

    both = report(tmp_path / "runs")
    statuses = {host["name"]: host["status"] for host in both["hosts"]}
    assert both["status"] == statuses["host-b"] == "interrupted"
    expect_energy(both, hosts, tmp_path / "runs")

    alone = report(files["host-a"])
    assert "1 of 2 hosts" in alone["missing"][0]["what"]
    assert alone["total"]["channels"] == ["host-a/cpu0", "host-a/dram0"]


def _parts(folder: Path) -> list[Any]:
    (run,) = read_runs(folder)
    return list(run.by_host)
