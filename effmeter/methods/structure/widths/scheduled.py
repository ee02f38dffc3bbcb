"""What growing and pruning share: widths found at the start, changed on a schedule, resumed."""

from abc import abstractmethod
from collections.abc import Collection, Mapping
from typing import Any

from torch import nn
from torch.optim import Optimizer

from effmeter.errors import UnfitError
from effmeter.methods.flops.account import FlopsAccount
from effmeter.methods.flops.cost import Widening
from effmeter.methods.method import AttachError, Batch, Cycle, Method, refuse_wrapped
from effmeter.methods.structure.widths.graph import HiddenWidth, width_graph
from effmeter.methods.structure.widths.resizing import refuse_unaligned, set_channels
from effmeter.methods.structure.widths.schedule import WidthSchedule


class ScheduledWidths(Method):
    """Base of the methods that change the widths of hidden layers while a network trains.

    ``layers`` names the layers whose outputs change; by default all that are free to. The model
    keeps its new widths when the method comes off. ``state_dict`` holds the widths: to resume,
    attach to a new model, load the method's state, then the model's and the optimizer's.
    """

    acts_on = "structure"

    def __init__(
        self, schedule: WidthSchedule, *, layers: Collection[str] | None = None, seed: int = 0
    ) -> None:
        super().__init__(seed=seed)
        self.schedule = schedule
        self.layers = None if layers is None else tuple(layers)
        self._iteration = 0
        self._was_narrower = False
        self._widths: tuple[HiddenWidth, ...] = ()
        self._spans: dict[str, tuple[int, int]] = {}

    @property
    def widths(self) -> dict[str, int]:
        """The channels of each changing layer as they are now, by its name."""
        return {width.name: width.channels for width in self._widths}

    @property
    def active(self) -> bool:
        """Whether any step so far was that of a network smaller than at its greatest widths."""
        return self._was_narrower

    def select(self, batch: Batch) -> Batch | None:
        """All of the batch; widths change before it where the schedule says so."""
        if change := self.schedule.due(self._iteration):
            targets = {
                width: self.schedule.width(*self._spans[width.name], change)
                for width in self._widths
            }
            self._resize({w: n for w, n in targets.items() if n != w.channels}, batch)
        self._iteration += 1
        self._was_narrower |= any(
            width.channels < max(self._spans[width.name]) for width in self._widths
        )
        return batch

    def cycle(self, epochs: int | None = None) -> Cycle | None:
        """UnfitError: the schedule counts iterations, so the length of an epoch matters too."""
        raise UnfitError(
            f"what {self.name} leaves of the work depends on how many iterations a training has: "
            "it is known only from a training"
        )

    @abstractmethod
    def _span(self, width: HiddenWidth) -> tuple[int, int]:
        """The channels at the start and at the end of the schedule, for a width as attached."""

    @abstractmethod
    def _resize(self, targets: Mapping[HiddenWidth, int], batch: Batch) -> None:
        """Bring widths to their new numbers of channels, before training on ``batch``."""

    def _check(self, model: nn.Module, optimizer: Optimizer) -> None:
        for module in model.modules():
            refuse_wrapped(module)
        self._widths = width_graph(model).chosen(self.layers)
        for width in self._widths:
            refuse_unaligned(width.parameters(), optimizer)

    def _attach(self, model: nn.Module, optimizer: Optimizer, account: FlopsAccount) -> None:
        self._model, self._optimizer = model, optimizer
        self._iteration = 0
        self._spans = {width.name: self._span(width) for width in self._widths}
        for width in self._widths:
            set_channels(width, self._spans[width.name][0], optimizer)
        self._state_dense_work(account)

    def _state_dense_work(self, account: FlopsAccount) -> None:
        """The dense network is the one of the greatest widths."""
        inputs: dict[nn.Module, float] = {}
        outputs: dict[nn.Module, float] = {}
        for width in self._widths:
            ratio = max(self._spans[width.name]) / width.channels
            inputs[width.reader] = outputs[width.writer] = ratio
            outputs.update(dict.fromkeys(filter(account.counts, width.modules_between), ratio))
        for module in inputs | outputs:
            account.widen(module, Widening(inputs.get(module, 1.0), outputs.get(module, 1.0)))

    def _state(self) -> dict[str, Any]:
        return {
            "iteration": self._iteration,
            "was_narrower": self._was_narrower,
            "widths": self.widths,
        }

    def _load_state(self, state: Mapping[str, Any]) -> None:
        if self._account is None:
            raise AttachError(f"attach {self.name} to a model before its state is loaded")
        self._iteration, self._was_narrower = state["iteration"], state["was_narrower"]
        for width in self._widths:
            set_channels(width, state["widths"][width.name], self._optimizer)
        self._state_dense_work(self._account)
