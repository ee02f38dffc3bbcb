"""Which layers of a network have a width of their own, and who reads it.

The network is traced symbolically by ``torch.fx``; nothing runs and nothing changes. The output
channels of a layer are *free* when exactly one other layer reads them, through operations that
keep channels apart. Channels that a skip connection adds to others, that are concatenated, given
out, or read twice are *tied*.
"""

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, fx, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.utils.parametrize import is_parametrized

from effmeter.methods.method import AttachError
from effmeter.methods.structure.widths.path import Operation, operation_of

Layer = nn.Conv2d | nn.Linear


@dataclass(frozen=True, slots=True, eq=False)
class HiddenWidth:
    """The channels that ``writer`` gives and ``reader`` alone reads; named after the writer."""

    name: str
    writer: Layer
    path: tuple[Operation, ...]
    """What lies between, in order."""
    reader: Layer

    @property
    def channels(self) -> int:
        """How many there are now."""
        return int(self.writer.weight.shape[0])

    @property
    def features_per_channel(self) -> int:
        """Inputs of the reader for each channel: 1, but more where an image is flattened."""
        return int(self.reader.weight.shape[1]) // self.channels

    @property
    def modules_between(self) -> tuple[nn.Module, ...]:
        """The steps of the path that are modules."""
        return tuple(step.module for step in self.path if step.module is not None)

    @property
    def norms(self) -> tuple[_BatchNorm, ...]:
        """The batch norms between."""
        return tuple(m for m in self.modules_between if isinstance(m, _BatchNorm))

    @property
    def channel_axis(self) -> int:
        """The axis of channels in what the writer gives."""
        return 1 if isinstance(self.writer, nn.Conv2d) else -1

    def parameters(self) -> Iterator[Tensor]:
        """All whose shape depends on this width."""
        for module in (self.writer, *self.norms):
            yield from module.parameters(recurse=False)
        yield self.reader.weight


@dataclass(frozen=True, slots=True)
class WidthGraph:
    """The free widths of a model in its order, and why the others are not free; by layer name."""

    free: dict[str, HiddenWidth] = field(default_factory=dict)
    tied: dict[str, str] = field(default_factory=dict)

    def chosen(self, names: Collection[str] | None) -> tuple[HiddenWidth, ...]:
        """The widths of these layers, or all free ones.

        AttachError says why a named layer is not free, or why none is.
        """
        for name in names or ():
            if name not in self.free:
                raise AttachError(f"the width of {name} cannot change: {self._reason(name)}")
        if not self.free:
            reasons = "; ".join(f"{name}: {reason}" for name, reason in self.tied.items())
            raise AttachError(f"no layer of this model has a width that can change ({reasons})")
        return tuple(w for name, w in self.free.items() if names is None or name in names)

    def _reason(self, name: str) -> str:
        known = f"the model has no such layer; there is: {', '.join((*self.free, *self.tied))}"
        return self.tied.get(name, known)


def width_graph(model: nn.Module) -> WidthGraph:
    """Trace a model; AttachError for one whose forward pass depends on the data."""
    try:
        traced = _LayerTracer().trace(model)
    except Exception as error:
        raise AttachError(
            f"torch.fx cannot follow the model's forward pass, so its layers' widths are not "
            f"known: {error}"
        ) from error
    search = _Search(model, traced)
    graph = WidthGraph()
    for node in traced.nodes:
        layer = search.layer_of(node)
        if layer is None:
            continue
        found = search.follow(node, layer)
        if isinstance(found, HiddenWidth):
            graph.free[found.name] = found
        else:
            graph.tied.setdefault(str(node.target), found)
    return graph


class _LayerTracer(fx.Tracer):
    """Stops at layers of the user's own subclasses, too."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        ours = isinstance(m, nn.Conv2d | nn.Linear | _BatchNorm)
        return ours or super().is_leaf_module(m, module_qualified_name)


class _Search:
    """Follows the output of a layer to its one reader, or says what stands in the way."""

    def __init__(self, model: nn.Module, traced: fx.Graph) -> None:
        self._modules = dict(model.named_modules())
        called = (self._modules[str(n.target)] for n in traced.nodes if n.op == "call_module")
        self._calls = Counter(called)
        self._holders = Counter(
            parameter for _, parameter in model.named_parameters(remove_duplicate=False)
        )
        for node in traced.nodes:
            if node.op == "get_attr":
                self._holders.update([_attribute(model, str(node.target))])

    def layer_of(self, node: fx.Node) -> Layer | None:
        """The layer that a node calls, if it is one."""
        module = self._module_of(node)
        return module if isinstance(module, nn.Conv2d | nn.Linear) else None

    def follow(self, node: fx.Node, writer: Layer) -> HiddenWidth | str:
        """The width that a layer writes, or why it is tied."""
        path: list[Operation] = []
        obstacle, last = self._obstacle(writer), node
        while obstacle is None:
            users = [user for user in last.users if not _asks_for_the_shape(user)]
            if len(users) != 1:
                return f"its output is used {len(users)} times, after {last.target}"
            last = users[0]
            if (reader := self.layer_of(last)) is not None:
                obstacle = self._obstacle(reader) or _mismatch(writer, path, reader)
                width = HiddenWidth(str(node.target), writer, tuple(path), reader)
                return obstacle or width
            module = self._module_of(last)
            step = operation_of(last, module)
            if step is None:
                return f"its output reaches {_described(last, module)}"
            if step.kind == "norm":
                obstacle = self._obstacle(module)
            path.append(step)
        return obstacle

    def _module_of(self, node: fx.Node) -> nn.Module | None:
        return self._modules[str(node.target)] if node.op == "call_module" else None

    def _obstacle(self, module: nn.Module | None) -> str | None:
        """Why the shape of a layer or norm cannot change."""
        if module is None:
            return None
        if self._calls[module] > 1 or any(
            self._holders[parameter] > 1 for parameter in module.parameters()
        ):
            return "weights are shared"
        if is_parametrized(module) or "weight" not in module._parameters:
            return f"weights of {type(module).__name__} are parametrized"
        if getattr(module, "groups", 1) != 1:
            return "a convolution has groups"
        return None


def _mismatch(writer: Layer, path: list[Operation], reader: Layer) -> str | None:
    """Whether channels really are what the reader's inputs are made of."""
    kinds = {step.kind for step in path}
    into_linear = isinstance(writer, nn.Conv2d) and isinstance(reader, nn.Linear)
    if into_linear != ("flatten" in kinds) or (
        isinstance(writer, nn.Linear) and (isinstance(reader, nn.Conv2d) or "pooling" in kinds)
    ):
        return "its channels are laid out anew before they are read"
    inputs, channels = reader.weight.shape[1], writer.weight.shape[0]
    norms = (step.module for step in path if step.kind == "norm")
    if inputs % channels or any(getattr(n, "num_features", 0) != channels for n in norms):
        return "its channels are laid out anew before they are read"
    return None


def _asks_for_the_shape(node: fx.Node) -> bool:
    if node.op == "call_method":
        return node.target in ("size", "dim")
    return node.target is getattr and node.args[1] in ("shape", "ndim", "dtype", "device")


def _described(node: fx.Node, module: nn.Module | None) -> str:
    if node.op == "output":
        return "the model's output"
    if module is not None:
        return f"{node.target} ({type(module).__name__})"
    return f"the operation {getattr(node.target, '__name__', node.target)}"


def _attribute(model: nn.Module, path: str) -> Any:
    found: Any = model
    for name in path.split("."):
        found = getattr(found, name)
    return found
