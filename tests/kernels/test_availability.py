"""The reason that is given where the kernels cannot run."""

import pytest

from effmeter.kernels.availability import cpu_unavailable_reason, cuda_unavailable_reason


def test_the_kernels_for_the_processor_run_here() -> None:
    assert cpu_unavailable_reason() is None


def test_a_reason_is_given_in_one_line_exactly_where_there_is_no_device() -> None:
    cuda = pytest.importorskip("numba.cuda")
    reason = cuda_unavailable_reason()
    assert (reason is None) <= cuda.is_available()
    assert reason is None or "\n" not in reason
