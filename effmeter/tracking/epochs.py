"""The loop over epochs: their marks, and the criterion that ends them."""

import contextlib
from collections.abc import Iterator

from effmeter.client.vocabulary import PEAK, Event, NoteName
from effmeter.client.warning import warn
from effmeter.clock import now_ns
from effmeter.energy import Energy
from effmeter.stopping import AnyOf, EpochResult, Progress, Reason, StopKind, overshoot_of
from effmeter.tracking.accelerator import peak_memory_bytes, synchronise
from effmeter.tracking.live import LiveEnergy
from effmeter.tracking.marks import Epoch, Marks
from effmeter.tracking.meter import EPOCH_REQUEST_NS
from effmeter.units import format_energy

LEFT_EARLY = "left early"


class EpochLoop:
    """The epochs of one run, in one loop or several one after the other."""

    def __init__(self, marks: Marks, *, synchronises: bool) -> None:
        self.done: list[EpochResult] = []
        self.stopped_by: Reason | None = None
        self.overshoot: Energy | None = None
        self._marks = marks
        self._synchronises = synchronises
        self._open: Epoch | None = None
        self._criterion = AnyOf(())
        self._at_last_end: LiveEnergy | None = None

    def iterate(self, criterion: AnyOf) -> Iterator[Epoch]:
        """Epochs until the criterion is met; an epoch that the loop leaves early is closed."""
        self._criterion = criterion
        self.stopped_by = self.overshoot = None
        return self._epochs()

    def _epochs(self) -> Iterator[Epoch]:
        while True:
            epoch = self._begin()
            try:
                yield epoch
            except GeneratorExit:
                if self._open is epoch:
                    self._close(epoch, now_ns(), LEFT_EARLY)
                raise
            if self._open is epoch:
                self._finish(epoch)
            if self.stopped_by is None:
                self._stop_if(self._criterion.reason(self._progress()))
            if self.stopped_by is not None:
                self._note_overshoot(self.stopped_by)
                return

    def step(self) -> bool:
        """Whether the loop must end, by the energy that the recorder sent last."""
        if not self._criterion.budgets():
            return False
        if self.stopped_by is None:
            meter = self._marks.meter
            live = None if meter is None else meter.latest()
            used = None if live is None else live.total
            progress = Progress(self.done, used, within_epoch=True)
            self._stop_if(self._criterion.reason(progress))
        return self.stopped_by is not None

    def leave(self, at_ns: int | None = None) -> None:
        """Close an epoch that is still open: now, or where its last mark was."""
        if self._open is not None:
            self._close(self._open, self._marks.last_ns if at_ns is None else at_ns, LEFT_EARLY)

    def _begin(self) -> Epoch:
        self.leave()
        self._synchronise()
        number = len(self.done) + 1
        epoch = self._open = Epoch(self._marks, number)
        marks, epoch.begin_ns = self._marks, now_ns()
        marks.send(
            Event.EPOCH_BEGIN,
            epoch.begin_ns,
            id=epoch.id,
            parent=marks.nesting.innermost,
            value=float(number),
        )
        marks.request_total(epoch.begin_ns, EPOCH_REQUEST_NS)
        marks.nesting.enter(epoch.id)
        return epoch

    def _finish(self, epoch: Epoch) -> None:
        self._synchronise()
        at_ns = now_ns()
        self._close(epoch, at_ns)
        self._send_peak_memory()
        self._at_last_end = None
        if self._criterion.budgets() and self._marks.meter is not None:
            self._at_last_end = self._marks.meter.ask()
        else:
            self._marks.request_total(at_ns, EPOCH_REQUEST_NS)
        self.done.append(EpochResult(epoch.number, dict(epoch.metrics), self._used))
        if epoch.number == 1:
            self._warn_of_unlogged(epoch)

    def _close(self, epoch: Epoch, at_ns: int, early: str | None = None) -> None:
        self._open = None
        epoch.end_ns = at_ns
        self._marks.nesting.leave(epoch.id)
        why = {} if early is None else {"text": early}
        self._marks.send(Event.EPOCH_END, at_ns, id=epoch.id, value=float(epoch.number), **why)
        if early is not None:
            self.done.append(EpochResult(epoch.number, dict(epoch.metrics)))

    @property
    def _used(self) -> Energy | None:
        return None if self._at_last_end is None else self._at_last_end.total

    def _progress(self) -> Progress:
        """Where the loop stands at the end of an epoch."""
        if not self._criterion.budgets():
            return Progress(self.done)
        live, meter = self._at_last_end, self._marks.meter
        known = live is not None and not live.unread and meter is not None and meter.is_alive
        used = self.done[-1].used if self.done else None
        return Progress(self.done, used, known and used is not None)

    def _stop_if(self, reason: Reason | None) -> None:
        if reason is not None:
            self.stopped_by = reason
            self._marks.note(NoteName.STOP, str(reason))

    def _note_overshoot(self, reason: Reason) -> None:
        """Note how far a budget was passed, by the energy at the end of the last epoch."""
        if StopKind.ENERGY_BUDGET not in reason.kinds:
            return
        used = self.done[-1].used if self.done else None
        self.overshoot = overshoot_of(self._criterion, used)
        if self.overshoot is not None:
            over_j = self.overshoot.value_j
            text = f"{format_energy(abs(over_j))} {'over' if over_j >= 0 else 'below'} the budget"
            self._marks.note(NoteName.OVERSHOOT, text, over_j)

    def _warn_of_unlogged(self, epoch: Epoch) -> None:
        for metric in sorted(self._criterion.metrics() - epoch.metrics.keys()):
            logged = ", ".join(epoch.metrics) or "nothing"
            warn(f"a criterion watches {metric!r}, but the first epoch logged {logged}")

    def _synchronise(self) -> None:
        if self._synchronises:
            with contextlib.suppress(Exception):  # a broken accelerator shows in the user's code
                synchronise()

    def _send_peak_memory(self) -> None:
        with contextlib.suppress(Exception):  # as above
            for name, peak_bytes in peak_memory_bytes():
                value = float(peak_bytes)
                self._marks.send(Event.MEMORY, now_ns(), name=name, value=value, text=PEAK)
