"""What lies in the window of a run."""

from effmeter.recorded.records import Contention, Suspend
from effmeter.recorded.window import contentions_in, touching


def test_a_stretch_is_kept_where_it_shares_a_moment_with_the_window() -> None:
    stretches = [Suspend(0, 10, 1.0), Suspend(10, 20, 1.0), Suspend(19, 30, 1.0)]
    assert touching(stretches, 20, 40) == (stretches[2],)


def test_what_was_counted_last_before_a_window_holds_at_its_beginning() -> None:
    seen = [Contention(t, c, n, "") for t, c, n in ((1, "a", 1), (2, "a", 2), (3, "b", 5))]
    later = [Contention(7, "a", 3, ""), Contention(9, "a", 4, "")]
    assert contentions_in([*seen, *later], 5, 9) == (seen[1], seen[2], later[0])
