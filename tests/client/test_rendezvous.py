"""The ranks of one launch meet at one recording."""

from pathlib import Path

import pytest

from effmeter.client.rendezvous import Endpoint, Launch, Rendezvous, launch_of

TORCHRUN = {
    "TORCHELASTIC_RUN_ID": "job",
    "TORCHELASTIC_RESTART_COUNT": "0",
    "MASTER_ADDR": "localhost",
    "MASTER_PORT": "29500",
    "RANK": "3",
    "LOCAL_RANK": "1",
}
SRUN = {
    "SLURM_NTASKS": "4",
    "SLURM_JOB_ID": "7",
    "SLURM_STEP_ID": "0",
    "SLURM_PROCID": "2",
    "SLURM_LOCALID": "0",
}
ENDPOINT = Endpoint("/run/socket", "token", "/runs/x.arrow")


class Rank:
    """A program of the launch: whether it joins, and what it led to."""

    def __init__(self, folder: Path, joins: bool = True) -> None:
        self.rendezvous = Rendezvous(Launch("key", 0, 0), {"XDG_RUNTIME_DIR": str(folder)})
        self.joins = joins

    def meet(self, led: Endpoint = ENDPOINT) -> tuple[str, Endpoint]:
        return self.rendezvous.join_or_lead(
            lambda endpoint: ("joined", endpoint) if self.joins else None,
            lambda: ("led", led),
            lambda led: led[1],
        )


def test_ranks_are_recognised_by_the_variables_of_their_launcher() -> None:
    torchrun, srun = launch_of(TORCHRUN), launch_of(SRUN)
    assert torchrun is not None
    assert srun is not None
    assert (torchrun.rank, torchrun.local_rank) == (3, 1)
    assert (srun.rank, srun.local_rank) == (2, 0)
    assert torchrun.key != srun.key


@pytest.mark.parametrize(
    "environ", [{}, {**TORCHRUN, "RANK": "x"}, {**SRUN, "SLURM_NTASKS": "1"}, {"LOCAL_RANK": "0"}]
)
def test_other_programs_are_of_no_launch(environ: dict[str, str]) -> None:
    assert launch_of(environ) is None


def test_ranks_share_a_key_and_runs_and_launches_do_not() -> None:
    def key(ordinal: int = 0, **changes: str) -> str:
        launch = launch_of({**TORCHRUN, **changes}, ordinal)
        assert launch is not None
        return launch.key

    assert key() == key(RANK="0", LOCAL_RANK="0")
    assert len({key(), key(ordinal=1), key(TORCHELASTIC_RESTART_COUNT="1")}) == 3


def test_the_first_rank_leads_and_the_others_join_it(tmp_path: Path) -> None:
    assert Rank(tmp_path).meet() == ("led", ENDPOINT)
    assert Rank(tmp_path).meet() == ("joined", ENDPOINT)


def test_a_rank_that_cannot_join_leads_anew(tmp_path: Path) -> None:
    Rank(tmp_path).meet()
    second = Endpoint("/run/other", "token2", "/runs/y.arrow")
    assert Rank(tmp_path, joins=False).meet(second) == ("led", second)
    assert Rank(tmp_path).meet() == ("joined", second)


def test_after_the_close_a_rank_leads_anew(tmp_path: Path) -> None:
    first = Rank(tmp_path)
    first.meet()
    first.rendezvous.close()
    assert Rank(tmp_path).meet()[0] == "led"


def test_a_leader_that_fails_leaves_no_endpoint(tmp_path: Path) -> None:
    def fail() -> tuple[str, Endpoint]:
        raise OSError("no recorder")

    rank = Rank(tmp_path)
    with pytest.raises(OSError, match="no recorder"):
        rank.rendezvous.join_or_lead(lambda _: None, fail, lambda led: led[1])
    assert Rank(tmp_path).meet()[0] == "led"


def test_a_damaged_endpoint_is_led_over(tmp_path: Path) -> None:
    Rank(tmp_path).meet()
    (file,) = (tmp_path / "effmeter").iterdir()
    file.write_text('["only a socket"]')
    assert Rank(tmp_path).meet()[0] == "led"
