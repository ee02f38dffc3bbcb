"""Times the backward pass of every distinct convolution of some networks, dense and by methods."""

import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from effmeter.lab.workloads.models.catalogue import parse_model
from effmeter.lab.workloads.models.entry import Images
from effmeter.lab.workloads.training import choose_device
from effmeter.methods.gradients.approximate_convolution import Approximated, MaxWeights
from effmeter.methods.gradients.autotune import dense
from effmeter.methods.gradients.rewriting import ConvolutionRule
from effmeter.methods.gradients.sparse_convolution import Sparsity
from effmeter.methods.ops.convolution import Geometry
from effmeter.methods.ops.dispatch import kernel_path

_LAYOUTS = {"NCHW": torch.contiguous_format, "channels_last": torch.channels_last}
_PROBE_BYTES = 1 << 28
_PROBE_SIDE = 2048
_PROBES = 7


class Layer(NamedTuple):
    """A convolution as it is met: channels, size of the input, and its window."""

    inputs: int
    outputs: int
    height: int
    width: int
    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int]
    is_stem: bool

    @property
    def geometry(self) -> Geometry:
        return Geometry(self.stride, self.padding)


def distinct_layers(model: str) -> list[Layer]:
    """In the order in which they run; nothing is computed."""
    entry, options = parse_model(model)
    found: dict[Layer, None] = {}

    def met(module: nn.Module, given: tuple[Any, ...], _output: Tensor) -> None:
        assert isinstance(module, nn.Conv2d)
        channels, height, width = given[0].shape[1:]
        size = (channels, module.out_channels, height, width)
        kernel, stride, padding = (
            (int(sides[0]), int(sides[1]))
            for sides in (module.kernel_size, module.stride, module.padding)
        )
        found[Layer(*size, kernel, stride, padding, not found)] = None

    with torch.device("meta"):
        network = entry.build(Images(), options)
        for module in network.modules():
            if isinstance(module, nn.Conv2d):
                module.register_forward_hook(met)
        network(torch.zeros(1, 3, 32, 32))
    return list(found)


class Timer:
    """Wall time on one device."""

    def __init__(self, device: torch.device) -> None:
        self.device = device

    def seconds(self, work: Callable[[], object]) -> float:
        self._wait()
        began = time.perf_counter()
        work()
        self._wait()
        return time.perf_counter() - began

    def _wait(self) -> None:
        if self.device.type != "cpu":
            torch.get_device_module(self.device).synchronize()


def passes(
    layer: Layer, batch: int, device: torch.device, dtype: torch.dtype, keep: float
) -> dict[str, Callable[[], object]]:
    """Backward passes over the same noise, named by what is computed, how and in which layout."""
    generator = torch.Generator(device).manual_seed(0)

    def noise(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator, device=device).to(dtype)

    inputs = noise(batch, layer.inputs, layer.height, layer.width)
    weight = noise(layer.outputs, layer.inputs, *layer.kernel)
    gradient = noise(*dense(inputs, weight, None, layer.geometry).shape)
    rules: dict[str, tuple[ConvolutionRule, bool]] = {
        "weights, dense": (dense, False),
        "weights, max gradient": (Approximated(MaxWeights()), False),
        "both, dense": (dense, True),
        "both, ssProp": (Sparsity(keep), True),
    }
    found = {}
    for layout, order in _LAYOUTS.items():
        tensors = [t.contiguous(memory_format=order) for t in (inputs, weight, gradient)]
        for name, (rule, with_inputs) in rules.items():
            found[f"{name}, {layout}"] = _backward(rule, tensors, layer.geometry, with_inputs)
    return found


def _backward(
    rule: ConvolutionRule, tensors: Sequence[Tensor], geometry: Geometry, with_inputs: bool
) -> Callable[[], object]:
    inputs, weight = (tensor.detach().requires_grad_() for tensor in tensors[:2])
    inputs.requires_grad_(with_inputs)
    output = rule(inputs, weight, None, geometry)
    wanted = (inputs, weight) if with_inputs else (weight,)
    return lambda: torch.autograd.grad(output, wanted, tensors[2], retain_graph=True)


def timed_layer(
    layer: Layer, batch: int, rounds: int, timer: Timer, dtype: torch.dtype, keep: float
) -> dict[str, list[float]]:
    """Seconds of each pass in turn, in changing order, after one turn that is not timed."""
    contenders = passes(layer, batch, timer.device, dtype, keep)
    taken: dict[str, list[float]] = {name: [] for name in contenders}
    for number in range(-1, rounds):
        names = list(contenders) if number % 2 else list(reversed(contenders))
        for name in names:
            seconds = timer.seconds(contenders[name])
            if number >= 0:
                taken[name].append(seconds)
    return taken


def speeds(timer: Timer, dtype: torch.dtype) -> dict[str, float]:
    """What the floor divides by: bytes of a copy, and operations of a product, per second."""
    source = torch.ones(_PROBE_BYTES // 8, device=timer.device)
    target = torch.empty_like(source)
    square = torch.ones(_PROBE_SIDE, _PROBE_SIDE, device=timer.device, dtype=dtype)
    copying = min(timer.seconds(lambda: target.copy_(source)) for _ in range(_PROBES))
    product = min(timer.seconds(lambda: square @ square) for _ in range(_PROBES))
    return {
        "bytes_per_s": 2 * 4 * source.numel() / copying,
        "flops_per_s": 2 * _PROBE_SIDE**3 / product,
    }


@contextmanager
def precision(name: str) -> Iterator[torch.dtype]:
    """Products of float32 in TF32 or not, or tensors of bfloat16; cuDNN chooses by trying."""
    torch.backends.cudnn.benchmark = True
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = name == "tf32"
    yield torch.bfloat16 if name == "bfloat16" else torch.float32


def main() -> None:
    """``{"models", "batch", "rounds", "keep"}``; prints the times of every distinct layer."""
    settings = json.loads(sys.argv[1])
    device = choose_device("auto")
    timer = Timer(device)
    met = {layer: None for model in settings["models"] for layer in distinct_layers(model)}
    results = []
    for name in ("float32",) if device.type == "cpu" else ("float32", "tf32", "bfloat16"):
        with precision(name) as dtype:
            counts = (settings["batch"], settings["rounds"])
            layers = [
                {**layer._asdict(), "seconds": timed_layer(layer, *counts, timer, dtype, keep)}
                for keep in [settings["keep"]]
                for layer in met
            ]
            results.append({"precision": name, **speeds(timer, dtype), "layers": layers})
    path = kernel_path(device.type)
    computes = "kernels" if path.compiled else f"PyTorch ({path.reason})"
    where = f"{device}, {torch.get_num_threads()} threads, torch {torch.__version__}, {computes}"
    print(json.dumps({"device": where, "precisions": results}))


if __name__ == "__main__":
    main()
