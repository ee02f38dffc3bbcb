"""A GPU's channels state the errors found on cards of its generation and board."""

import pytest

from tests.probes.nvidia.nvml_bench import NvmlBench
from tests.simulated.nvml import SimulatedGpu
from tests.simulated.waveforms import constant

PASCAL, VOLTA, TURING, AMPERE, HOPPER, UNKNOWN = 4, 5, 6, 7, 9, 0xFFFFFFFF


@pytest.mark.parametrize(
    ("name", "architecture", "capability", "gain", "offset_w", "noise"),
    [
        ("NVIDIA GeForce RTX 3090", AMPERE, (8, 6), 0.08, 20.0, 0.01),
        ("NVIDIA RTX A5000", AMPERE, (8, 6), 0.08, 20.0, 0.01),
        ("NVIDIA A100-SXM4-80GB", AMPERE, (8, 0), 0.08, 5.0, 0.015),
        ("NVIDIA H200", HOPPER, (9, 0), 0.08, 5.0, 0.01),
        ("NVIDIA L40S", 8, (8, 9), 0.08, 5.0, 0.01),
        ("Tesla T4", TURING, (7, 5), 0.13, 5.0, 0.015),
        ("GeForce RTX 2060 SUPER", TURING, (7, 5), 0.13, 20.0, 0.015),
        ("Tesla V100-SXM2-16GB", VOLTA, (7, 0), 0.08, 5.0, 0.015),
        ("TITAN X (Pascal)", PASCAL, (6, 1), 0.08, 20.0, 0.015),
        ("Graphics Device", UNKNOWN, (0, 0), 0.13, 20.0, 0.015),
    ],
)
def test_errors_depend_on_the_generation_and_the_board(
    bench: NvmlBench,
    name: str,
    architecture: int,
    capability: tuple[int, int],
    gain: float,
    offset_w: float,
    noise: float,
) -> None:
    gpu = SimulatedGpu(constant(300.0), name=name, architecture=architecture, capability=capability)
    probe = bench.probe([gpu])
    stated = {(c.gain_error_fraction, c.offset_error_w, c.noise_fraction) for c in probe.channels}
    assert stated == {(gain, offset_w, noise)}
    probe.close()
