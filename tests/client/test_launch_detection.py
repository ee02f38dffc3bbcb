"""Ranks of one launch share its key and its job, and ranks of other launches do not."""

from collections.abc import Iterable, Mapping
from typing import Any

import pytest

from effmeter.client.launch_detection import Launch, launch_of
from effmeter.client.launchers import LAUNCHERS
from effmeter.client.process_group import ProcessGroup
from tests.client.process_table import OWN_PID, ProcessTable, Row

MASTER = {"MASTER_ADDR": "node1", "MASTER_PORT": "29500"}
TORCHRUN = {
    "TORCHELASTIC_RUN_ID": "none",
    "TORCHELASTIC_RESTART_COUNT": "0",
    "RANK": "3",
    "LOCAL_RANK": "1",
    "WORLD_SIZE": "4",
    "LOCAL_WORLD_SIZE": "2",
    "GROUP_WORLD_SIZE": "2",
    **MASTER,
}
SRUN = {
    "SLURM_JOB_ID": "7",
    "SLURM_STEP_ID": "0",
    "SLURM_PROCID": "3",
    "SLURM_LOCALID": "1",
    "SLURM_STEP_NUM_TASKS": "4",
    "SLURM_STEP_NUM_NODES": "2",
}
OPEN_MPI = {
    "OMPI_COMM_WORLD_RANK": "3",
    "OMPI_COMM_WORLD_SIZE": "4",
    "OMPI_COMM_WORLD_LOCAL_RANK": "1",
    "OMPI_COMM_WORLD_LOCAL_SIZE": "2",
    "OMPI_MCA_orte_num_nodes": "2",
    "PMIX_NAMESPACE": "492503041",
    "PMIX_RANK": "3",
}
MPICH = {
    "PMI_RANK": "3",
    "PMI_SIZE": "4",
    "MPI_LOCALRANKID": "1",
    "MPI_LOCALNRANKS": "2",
}
DEEPSPEED = {
    "RANK": "3",
    "LOCAL_RANK": "1",
    "WORLD_SIZE": "4",
    "CROSS_SIZE": "2",
    "LOCAL_SIZE": "2",
    **MASTER,
}
BY_HAND = {"RANK": "3", "LOCAL_RANK": "1", "WORLD_SIZE": "4", "LOCAL_WORLD_SIZE": "2", **MASTER}
LIGHTNING = {"NODE_RANK": "0", "LOCAL_RANK": "1", "WORLD_SIZE": "4", **MASTER}
PMIX = {"PMIX_RANK": "3", "PMIX_NAMESPACE": "slurm.pmix.7.0"}
PROXY = ("hydra_pmi_proxy", "--control-port", "node1:44787", "--proxy-id", "0")
INTEL_PROXY = ("hydra_bstrap_proxy", "--upstream-host", "node1", "--upstream-port", "33001")


def under(*rows: Row) -> ProcessTable:
    """A machine on which these processes are the ancestors of this one, its parent first."""
    numbers = range(OWN_PID, OWN_PID - len(rows) - 1, -1)
    table = {number: Row(parent=number - 1) for number in numbers}
    for number, row in zip(numbers[1:], rows, strict=True):
        row.parent = number - 1
        table[number] = row
    return ProcessTable(table)


def detect(
    environ: Mapping[str, str],
    group: ProcessGroup | None = None,
    processes: ProcessTable | None = None,
    is_spawned: bool = False,
) -> Launch | None:
    return launch_of(environ, lambda: group, processes or under(Row()), lambda: is_spawned)


def detected(environ: Mapping[str, str], **circumstances: Any) -> Launch:
    launch = detect(environ, **circumstances)
    assert launch is not None
    return launch


def keys(environs: Iterable[Mapping[str, str]]) -> set[str]:
    return {detected(environ).key for environ in environs}


@pytest.mark.parametrize(
    ("name", "environ"),
    [
        ("torchrun", TORCHRUN),
        ("srun", SRUN),
        ("open mpi", OPEN_MPI),
        ("mpich", MPICH),
        ("intel mpi", {**MPICH, "I_MPI_MPIRUN": "mpirun"}),
        ("deepspeed", DEEPSPEED),
        ("environment", BY_HAND),
    ],
)
def test_each_launcher_states_the_place_of_a_rank(name: str, environ: dict[str, str]) -> None:
    launch = detected(environ)
    place = (launch.launcher, launch.rank, launch.local_rank, launch.world_size)
    assert place == (name, 3, 1, 4)
    assert launch.is_on_several_hosts
    assert launch.host_count in (2, None)
    assert launch.job["id"] == launch.job_id


@pytest.mark.parametrize("environ", [TORCHRUN, SRUN, OPEN_MPI, DEEPSPEED])
def test_these_launchers_state_the_number_of_hosts(environ: dict[str, str]) -> None:
    assert detected(environ).host_count == 2


def test_what_a_launcher_does_not_state_is_missing_in_the_job() -> None:
    assert detected(PMIX).job.keys() == {"id", "launcher", "rank"}


def test_all_ranks_on_one_host_are_on_one_host() -> None:
    launch = detected({**MPICH, "MPI_LOCALNRANKS": "4"})
    assert (launch.host_count, launch.is_on_several_hosts) == (1, False)


@pytest.mark.parametrize(
    ("environ", "rank", "other"),
    [
        (TORCHRUN, {"RANK": "0", "LOCAL_RANK": "0"}, {"TORCHELASTIC_RUN_ID": "x"}),
        (TORCHRUN, {"RANK": "0", "LOCAL_RANK": "0"}, {"MASTER_PORT": "29501"}),
        (SRUN, {"SLURM_PROCID": "0", "SLURM_LOCALID": "0"}, {"SLURM_STEP_ID": "1"}),
        (OPEN_MPI, {"OMPI_COMM_WORLD_RANK": "0", "PMIX_RANK": "0"}, {"PMIX_NAMESPACE": "5"}),
        (DEEPSPEED, {"RANK": "0", "LOCAL_RANK": "0"}, {"MASTER_PORT": "29501"}),
        (BY_HAND, {"RANK": "0", "LOCAL_RANK": "0"}, {"MASTER_ADDR": "node2"}),
        (LIGHTNING, {"LOCAL_RANK": "0"}, {"MASTER_PORT": "29501"}),
        (PMIX, {"PMIX_RANK": "0"}, {"PMIX_NAMESPACE": "slurm.pmix.7.1"}),
    ],
)
def test_ranks_share_key_and_job_and_launches_do_not(
    environ: dict[str, str], rank: dict[str, str], other: dict[str, str]
) -> None:
    mine, theirs = detected(environ), detected({**environ, **rank})
    assert (mine.key, mine.job_id) == (theirs.key, theirs.job_id)
    assert detected({**environ, **other}).job_id != mine.job_id


def test_an_attempt_of_an_elastic_launch_is_a_launch_of_the_same_job() -> None:
    again = detected({**TORCHRUN, "TORCHELASTIC_RESTART_COUNT": "1"})
    assert again.job_id == detected(TORCHRUN).job_id
    assert again.key != detected(TORCHRUN).key


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"LOCAL_RANK": "0"},
        {"RANK": "0", "WORLD_SIZE": "2"},
        {**TORCHRUN, "RANK": "x"},
        {**SRUN, "SLURM_STEP_NUM_TASKS": "1"},
        {**TORCHRUN, "WORLD_SIZE": "1"},
        MASTER,
    ],
)
def test_other_programs_are_of_no_launch(environ: dict[str, str]) -> None:
    assert detect(environ) is None


def test_a_batch_script_and_an_interactive_shell_of_slurm_are_no_ranks() -> None:
    batch = {name: value for name, value in SRUN.items() if name != "SLURM_STEP_ID"}
    assert detect(batch) is None
    assert detect({**SRUN, "SLURM_STEP_ID": "4294967290"}) is None


def test_the_innermost_launcher_counts() -> None:
    agents = {**SRUN, "SLURM_PROCID": "1", "SLURM_STEP_NUM_TASKS": "2"}
    assert detected({**agents, **TORCHRUN}).launcher == "torchrun"
    assert detected({**agents, **OPEN_MPI}).launcher == "open mpi"
    assert detected({**agents, **MPICH}).launcher == "mpich"


def test_a_launch_inside_a_step_of_slurm_is_of_that_step() -> None:
    """Run id and port are often the same day after day."""
    agents = {**SRUN, "SLURM_PROCID": "1", "SLURM_STEP_NUM_TASKS": "2", **TORCHRUN}
    assert detected(agents).job_id != detected({**agents, "SLURM_JOB_ID": "8"}).job_id


def test_hosts_reached_from_inside_a_step_share_the_job_without_it() -> None:
    """The launcher reached the second host by ssh: only the first knows the step."""
    first = {**DEEPSPEED, **SRUN, "SLURM_STEP_NUM_NODES": "1", "SLURM_STEP_NUM_TASKS": "1"}
    assert detected(first).job_id == detected(DEEPSPEED).job_id


@pytest.mark.parametrize("launcher", [SRUN, OPEN_MPI])
def test_the_usual_variables_set_from_a_launcher_s_do_not_hide_it(
    launcher: dict[str, str],
) -> None:
    assert detected({**launcher, **BY_HAND}) == detected(launcher)


def test_a_library_of_srun_for_mpi_does_not_hide_it() -> None:
    assert detected({**SRUN, **MPICH, **PMIX}) == detected(SRUN)


def test_lightning_leaves_the_rank_of_later_hosts_open() -> None:
    assert detected(LIGHTNING).rank == 1
    assert detected({**LIGHTNING, "NODE_RANK": "1"}).rank is None
    member = detected({**LIGHTNING, "NODE_RANK": "1"}, group=ProcessGroup(3, 4, ()))
    assert (member.rank, member.key) == (3, detected(LIGHTNING).key)


def test_a_row_reads_no_rank_from_a_variable_that_need_not_be_there() -> None:
    for launcher in LAUNCHERS:
        assert set(launcher.rank) <= set(launcher.needs)


# Launchers whose variables name no launch


def test_the_ranks_of_hydra_share_the_port_of_its_proxies() -> None:
    proxied = detected(MPICH, processes=under(Row(environ=MPICH), Row(command=PROXY)))
    elsewhere = detected(MPICH, processes=under(Row(command=PROXY, started=9)))
    later = ("hydra_pmi_proxy", "--control-port", "node1:50000")
    assert proxied.job_id == elsewhere.job_id
    assert detected(MPICH, processes=under(Row(command=later))).job_id != proxied.job_id


def test_the_ranks_of_intel_mpi_share_the_port_of_its_proxies() -> None:
    other = (*INTEL_PROXY[:-1], "33002")
    ids = {detected(MPICH, processes=under(Row(command=c))).job_id for c in (INTEL_PROXY, other)}
    assert len(ids) == 2


def test_ranks_of_one_host_are_told_by_the_process_that_started_them() -> None:
    alone = {**MPICH, "MPI_LOCALNRANKS": "4"}
    agent = Row(parent=1, started=5)
    script = ProcessTable({OWN_PID: Row(99), 99: Row(98, environ=alone), 98: agent})
    direct = ProcessTable({OWN_PID: Row(98), 98: agent})
    assert detected(alone, processes=script).key == detected(alone, processes=direct).key
    again = ProcessTable({OWN_PID: Row(98), 98: Row(parent=1, started=6)})
    assert detected(alone, processes=script).key != detected(alone, processes=again).key


def test_the_agent_of_a_host_is_found_behind_a_script_of_each_rank() -> None:
    behind = detected(TORCHRUN, processes=under(Row(environ=TORCHRUN), Row(started=5)))
    assert behind.agent == f"{OWN_PID - 2}.5"


def test_an_ancestor_of_another_user_is_the_agent() -> None:
    assert detected(TORCHRUN, processes=under(Row(environ=None, started=3))).agent == "99.3"


# Children of ranks

LAUNCHES = [TORCHRUN, SRUN, OPEN_MPI, MPICH, DEEPSPEED, BY_HAND, LIGHTNING, PMIX]
TRAIN = ("python", "train.py")


@pytest.mark.parametrize("environ", LAUNCHES)
def test_a_child_of_a_rank_is_of_no_launch(environ: dict[str, str]) -> None:
    """Before the rank's own first run too, when nothing else tells them apart."""
    above = under(Row(environ=environ, command=TRAIN), Row())
    assert detect(environ, processes=above) is None
    assert detected(environ, processes=under(Row(environ=environ, command=("sh",)), Row()))


def test_another_rank_above_is_a_peer() -> None:
    other = {**LIGHTNING, "LOCAL_RANK": "0"}
    above = under(Row(environ=other, command=TRAIN))
    assert detected(LIGHTNING, processes=above).rank == 1


def test_workers_that_a_rank_spawned_are_ranks_of_their_own_group() -> None:
    """Kubeflow states the rank of a pod, in which a program spawns one worker for each GPU."""
    above = under(Row(environ=BY_HAND, command=TRAIN))
    worker = detected(BY_HAND, group=ProcessGroup(5, 8, ()), processes=above)
    assert (worker.launcher, worker.rank, worker.world_size) == ("torch.distributed", 5, 8)


# torch.distributed


def test_an_initialised_process_group_is_a_launch() -> None:
    launch = detected({}, group=ProcessGroup(1, 2, ("localhost", "1234")))
    place = (launch.launcher, launch.rank, launch.world_size)
    assert place == ("torch.distributed", 1, 2)
    peer = detected({}, group=ProcessGroup(0, 2, ("localhost", "1234")))
    other = detected({}, group=ProcessGroup(0, 2, ("localhost", "1235")))
    assert peer.key == launch.key != other.key


def test_members_that_met_nowhere_known_share_their_parent() -> None:
    group = ProcessGroup(0, 2, ())
    parents = (under(Row(started=4)), under(Row(started=4)), under(Row(started=5)))
    first, second, other = (detected({}, group=group, processes=p).key for p in parents)
    assert first == second != other


def test_a_group_of_one_is_no_launch() -> None:
    assert detect({}, group=ProcessGroup(0, 1, ())) is None


@pytest.mark.parametrize(
    "environ", [MASTER, BY_HAND, TORCHRUN, LIGHTNING, OPEN_MPI, SRUN], ids=lambda e: str(len(e))
)
def test_a_rank_has_one_key_before_and_after_its_group_is_initialised(
    environ: dict[str, str],
) -> None:
    after = detected(environ, group=ProcessGroup(3, 4, ("node1", "29500")), is_spawned=True)
    before = detected(environ, is_spawned=True)
    assert (before.key, before.job_id) == (after.key, after.job_id)
    assert after.rank == 3 or environ is LIGHTNING
