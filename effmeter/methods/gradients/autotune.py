"""Which layers gain time by another backward pass on this machine, measured once and remembered.

A layer that does not pay runs its dense backward pass. The measurement is of one backward pass by
the rule beside the dense one, on random numbers of the layer's shape; it is made when the layer
first runs and kept in a file of the user's cache, so that trainings on one machine agree.
"""

import functools
import json
import os
import platform
import pwd
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import conv2d

from effmeter.methods.gradients.rewriting import ConvolutionRule
from effmeter.methods.ops.convolution import Geometry
from effmeter.methods.ops.dispatch import kernel_path

_REPEATS = 5


@dataclass(frozen=True, slots=True)
class Autotuned:
    """A rule for the layers that gain time by it, and the dense pass for the others.

    ``measured`` is the rule whose time decides (for a control, the rule of its method) and
    ``kind`` its name in the cache. ``tell`` is called before each forward pass that has a
    backward pass, with whether the layer runs by the rule.
    """

    rule: ConvolutionRule
    measured: ConvolutionRule
    kind: str
    tell: Callable[[bool], None]

    def __call__(
        self, inputs: Tensor, weight: Tensor, bias: Tensor | None, geometry: Geometry
    ) -> Tensor:
        """The convolution's output."""
        if torch.compiler.disable(self._pays)(inputs, weight, geometry):
            return self.rule(inputs, weight, bias, geometry)
        return dense(inputs, weight, bias, geometry)

    def _pays(self, inputs: Tensor, weight: Tensor, geometry: Geometry) -> bool:
        """On the meta device nothing takes time: what is counted there is the method's."""
        if not (inputs.requires_grad or weight.requires_grad):
            return True
        timed = not inputs.is_meta
        pays = not timed or gain(self.measured, self.kind, inputs, weight, geometry) > 1.0
        self.tell(pays)
        return pays


def dense(inputs: Tensor, weight: Tensor, bias: Tensor | None, geometry: Geometry) -> Tensor:
    """The convolution as it is."""
    return conv2d(inputs, weight, bias, geometry.stride, geometry.padding, geometry.dilation)


def gain(
    rule: ConvolutionRule, kind: str, inputs: Tensor, weight: Tensor, geometry: Geometry
) -> float:
    """The time of the dense backward pass over that by the rule, from the file or measured now."""
    file, machine = cache_file(os.environ), machine_of(inputs)
    layer = layer_of(kind, inputs, weight, geometry)
    known = _known(file)
    if layer not in known.get(machine, {}):
        known.setdefault(machine, {})[layer] = measured_gain(rule, inputs, weight, geometry)
        _keep(file, known)
    return known[machine][layer]


def measured_gain(
    rule: ConvolutionRule,
    inputs: Tensor,
    weight: Tensor,
    geometry: Geometry,
    clock: Callable[[], float] = time.perf_counter,
) -> float:
    """The median of pairs of backward passes, one after the other, after one that is not timed."""
    generator = torch.Generator(inputs.device).manual_seed(0)
    drawn = [_drawn(tensor, generator) for tensor in (inputs, weight)]
    with torch.enable_grad():
        outputs = [by(drawn[0], drawn[1], None, geometry) for by in (dense, rule)]
    gradient = _drawn(outputs[0], generator).detach()
    wanted = [tensor for tensor in drawn if tensor.requires_grad]

    def seconds(output: Tensor) -> float:
        _wait_for(output.device)
        start = clock()
        torch.autograd.grad(output, wanted, gradient, retain_graph=True)
        _wait_for(output.device)
        return clock() - start

    pairs = [[seconds(output) for output in outputs] for _ in range(1 + _REPEATS)]
    return statistics.median(dense_s / rule_s for dense_s, rule_s in pairs[1:])


def _drawn(like: Tensor, generator: torch.Generator) -> Tensor:
    numbers = torch.empty_like(like, requires_grad=False).normal_(generator=generator)
    return numbers.requires_grad_(like.requires_grad)


def _wait_for(device: torch.device) -> None:
    if device.type != "cpu":
        torch.get_device_module(device).synchronize(device)


def layer_of(kind: str, inputs: Tensor, weight: Tensor, geometry: Geometry) -> str:
    """What a layer's time depends on, in words."""
    shapes = (f"{'x'.join(map(str, tensor.shape))}" for tensor in (inputs, weight))
    last = inputs.is_contiguous(memory_format=torch.channels_last)
    sizes = (geometry.stride, geometry.padding, geometry.dilation)
    gradients = "both" if inputs.requires_grad else "weights"
    layout = "channels last" if last and not inputs.is_contiguous() else "channels first"
    return ", ".join((kind, *shapes, *map(str, sizes), str(inputs.dtype), layout, gradients))


def machine_of(inputs: Tensor) -> str:
    """What a gain holds for: device, threads, PyTorch's version and the code that computes."""
    device = inputs.device
    name = f"{platform.machine()} {platform.node()} {torch.get_num_threads()} threads"
    if device.type == "cuda":
        name = torch.cuda.get_device_name(device)
    compiled = "kernels" if kernel_path(device.type).compiled else "torch"
    return f"{name}, torch {torch.__version__}, {compiled}"


def cache_file(environ: Mapping[str, str]) -> Path | None:
    """Where measurements are kept; None for a user without a home directory."""
    folder = environ.get("XDG_CACHE_HOME")
    if not folder:
        caches = "Library/Caches" if sys.platform == "darwin" else ".cache"
        try:
            home = environ.get("HOME") or pwd.getpwuid(os.getuid()).pw_dir
        except KeyError:
            return None
        folder = os.path.join(home, caches)
    return Path(folder) / "effmeter" / "autotune.json"


@functools.cache
def _known(file: Path | None) -> dict[str, dict[str, float]]:
    """Gains by machine and layer; a file that cannot be read is none."""
    try:
        return {} if file is None else dict(json.loads(file.read_text()))
    except (OSError, ValueError):
        return {}


def _keep(file: Path | None, known: Mapping[str, Mapping[str, float]]) -> None:
    """In one piece; where nothing can be written, this process alone remembers."""
    if file is None:
        return
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=file.parent, delete=False) as written:
            json.dump(known, written, indent=1)
        Path(written.name).replace(file)
    except OSError:
        return
