"""What is said where the kernels cannot run."""

from numba import cuda

from effmeter.kernels.cuda.availability import absence


def test_a_reason_is_given_in_one_line_exactly_where_there_is_no_device() -> None:
    reason = absence()
    assert (reason is None) <= cuda.is_available()
    assert reason is None or "\n" not in reason
