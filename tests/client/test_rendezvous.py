"""The ranks of one launch meet at one recording."""

import contextlib
import os
import resource
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from effmeter.client.launch_detection import Launch
from effmeter.client.rendezvous import LOCK_TIMEOUT_S, Rendezvous
from effmeter.client.surroundings import Endpoint, Surroundings

LAUNCH = Launch("torchrun", "job", "key")
PLACE = Surroundings(Endpoint("/run/socket", "token", "/runs/x.arrow"), "run")


class Rank:
    """A program of the launch: whether it joins, and what it led to."""

    def __init__(
        self,
        folder: Path,
        launch: Launch = LAUNCH,
        ordinal: int = 0,
        joins: bool = True,
        name: str = "train",
    ) -> None:
        self.warnings: list[str] = []
        environ = {"XDG_RUNTIME_DIR": str(folder)}
        self.rendezvous = Rendezvous(launch, name, ordinal, environ, self.warnings.append)
        self.joins = joins

    def meet(self, led: Surroundings = PLACE) -> tuple[str, Surroundings]:
        return self.rendezvous.join_or_lead(
            lambda met: ("joined", met) if self.joins else None,
            lambda: ("led", led),
            lambda: ("alone", led),
            lambda led: led[1],
        )


def test_the_runs_of_a_rank_meet_those_of_the_same_ordinal(tmp_path: Path) -> None:
    Rank(tmp_path).meet()
    assert Rank(tmp_path, ordinal=1).meet()[0] == "led"


def test_runs_of_unlike_names_do_not_meet(tmp_path: Path) -> None:
    Rank(tmp_path, name="eval").meet()
    assert Rank(tmp_path, name="train").meet()[0] == "led"


def test_launches_of_other_agents_and_keys_do_not_meet(tmp_path: Path) -> None:
    Rank(tmp_path).meet()
    assert Rank(tmp_path, Launch("torchrun", "job", "key2")).meet()[0] == "led"
    assert Rank(tmp_path, Launch("torchrun", "job", "key", agent="7.1")).meet()[0] == "led"


def test_the_first_rank_leads_and_the_others_join_it(tmp_path: Path) -> None:
    assert Rank(tmp_path).meet() == ("led", PLACE)
    assert Rank(tmp_path).meet() == ("joined", PLACE)


def test_a_rank_that_cannot_join_leads_anew(tmp_path: Path) -> None:
    Rank(tmp_path).meet()
    second = Surroundings(Endpoint("/run/other", "token2", "/runs/y.arrow"), "run2")
    assert Rank(tmp_path, joins=False).meet(second) == ("led", second)
    assert Rank(tmp_path).meet() == ("joined", second)


def test_after_the_close_a_rank_leads_anew(tmp_path: Path) -> None:
    first = Rank(tmp_path)
    first.meet()
    first.rendezvous.close()
    assert Rank(tmp_path).meet()[0] == "led"


def test_a_leader_that_fails_leaves_no_endpoint(tmp_path: Path) -> None:
    def fail() -> tuple[str, Surroundings]:
        raise OSError("no recorder")

    rank = Rank(tmp_path)
    with pytest.raises(OSError, match="no recorder"):
        rank.rendezvous.join_or_lead(lambda _: None, fail, fail, lambda led: led[1])
    assert Rank(tmp_path).meet()[0] == "led"


def test_a_damaged_endpoint_is_led_over(tmp_path: Path) -> None:
    Rank(tmp_path).meet()
    (file,) = (tmp_path / "effmeter").iterdir()
    file.write_text('["only a socket"]')
    assert Rank(tmp_path).meet()[0] == "led"


def test_a_child_forked_meanwhile_does_not_keep_the_others_out(tmp_path: Path) -> None:
    """As a loader's worker, forked by another thread: it lives as long as the program."""
    first, copies = Rank(tmp_path), list[int]()

    def lead() -> tuple[str, Surroundings]:
        place = next((tmp_path / "effmeter").glob("ranks-*")).stat()
        held = range(3, 1024)
        copies.extend(os.dup(fd) for fd in held if _is_open_at(fd, place))
        return "led", PLACE

    first.rendezvous.join_or_lead(lambda _: None, lead, lead, lambda led: led[1])
    assert copies
    try:
        began_s = time.monotonic()
        assert Rank(tmp_path).meet() == ("joined", PLACE)
        assert time.monotonic() - began_s < LOCK_TIMEOUT_S / 2
    finally:
        for copy in copies:
            os.close(copy)


def _is_open_at(descriptor: int, place: os.stat_result) -> bool:
    with contextlib.suppress(OSError):
        return os.path.samestat(os.fstat(descriptor), place)
    return False


def test_where_the_place_cannot_be_written_the_leader_records_all_the_same(tmp_path: Path) -> None:
    first = Rank(tmp_path)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, limits[1]))
    try:
        assert first.meet() == ("led", PLACE)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    second = Rank(tmp_path)
    assert second.meet() == ("alone", PLACE)
    for rank in (first, second):
        (warning,) = rank.warnings
        assert "do not find each other" in warning
    first.rendezvous.close()
    assert Rank(tmp_path).meet()[0] == "led"


def a_folder_of_others(place: Path) -> None:
    place.mkdir()
    place.chmod(0o777)


def a_file(place: Path) -> None:
    place.touch()


def a_folder_at_the_path(place: Path) -> None:
    Rank(place.parent).meet()
    (file,) = place.iterdir()
    file.unlink()
    file.mkdir()


@pytest.mark.parametrize("spoil", [a_folder_of_others, a_file, a_folder_at_the_path])
def test_where_ranks_cannot_meet_each_records_alone_and_says_so(
    tmp_path: Path, spoil: Callable[[Path], None]
) -> None:
    spoil(tmp_path / "effmeter")
    for _ in range(2):
        rank = Rank(tmp_path)
        assert rank.meet() == ("alone", PLACE)
        (warning,) = rank.warnings
        assert str(tmp_path / "effmeter") in warning
        assert warning.endswith(
            "each records on its own, and each recording counts the whole machine"
        )
        rank.rendezvous.close()
