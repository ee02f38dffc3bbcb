"""The NVIDIA GPUs that a process sees, by the simulated library."""

from effmeter.probes.base import Failure, ListedDevice
from effmeter.probes.nvidia.listing import list_devices
from tests.probes.nvidia.nvml_bench import NvmlBench
from tests.simulated.nvml import (
    DRIVER_NOT_LOADED,
    GPU_IS_LOST,
    NO_PERMISSION,
    Fault,
    SimulatedGpu,
    uuid,
)
from tests.simulated.waveforms import constant

STEADY = constant(300.0)


def test_gpus_are_listed_in_nvmls_order_with_their_instances(bench: NvmlBench) -> None:
    divided = SimulatedGpu(STEADY, name="NVIDIA A100", mig_instances=("MIG-1", "MIG-2"))
    bench.show([SimulatedGpu(STEADY, name="NVIDIA T4"), divided])
    assert list_devices() == (
        ListedDevice((uuid(0),), "NVIDIA T4"),
        ListedDevice((uuid(1),), "NVIDIA A100", ("MIG-1", "MIG-2")),
    )


def test_a_gpu_that_does_not_answer_keeps_its_number(bench: NvmlBench) -> None:
    bench.show([SimulatedGpu(STEADY, lost=Fault(GPU_IS_LOST)), SimulatedGpu(STEADY)])
    listed = list_devices()
    assert not isinstance(listed, Failure)
    assert [gpu.id for gpu in listed] == ["", uuid(1)]


def test_without_a_driver_there_is_no_gpu_and_without_permission_that_is_unknown(
    bench: NvmlBench,
) -> None:
    bench.show([SimulatedGpu(STEADY)], init_code=DRIVER_NOT_LOADED)
    assert list_devices() == ()
    bench.show([SimulatedGpu(STEADY)], init_code=NO_PERMISSION)
    listed = list_devices()
    assert isinstance(listed, Failure)
    assert listed.reason.startswith("NVML: ")
