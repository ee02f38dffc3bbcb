"""The loops over epochs: their marks, and the criteria that end them."""

import contextlib
from collections.abc import Iterator

from effmeter.client.vocabulary import Event, NoteName
from effmeter.client.warning import warn
from effmeter.clock import now_ns
from effmeter.energy import Energy
from effmeter.stopping import AnyOf, EpochResult, Reason, StopKind, overshoot_of
from effmeter.tracking.accelerator import peak_memory_bytes, synchronise
from effmeter.tracking.live import LiveEnergy
from effmeter.tracking.marks import Epoch, Marks
from effmeter.tracking.meter import EPOCH_REQUEST_NS
from effmeter.tracking.stage import Stage
from effmeter.units import format_energy

LEFT_EARLY = "left early"


class EpochLoop:
    """The epochs of one run, numbered through its stages."""

    def __init__(self, marks: Marks, *, synchronises: bool) -> None:
        self.done: list[EpochResult] = []
        """The epochs of all stages, with the energy used since the run began."""
        self._marks = marks
        self._synchronises = synchronises
        self._open: Epoch | None = None
        self._open_in = Stage(AnyOf(()))
        """The stage of the open epoch."""
        self._stage: Stage | None = None
        self._at_last_end: LiveEnergy | None = None

    @property
    def stopped_by(self) -> Reason | None:
        """The reason that ended the stage begun last."""
        return None if self._stage is None else self._stage.stopped_by

    @property
    def overshoot(self) -> Energy | None:
        """The energy beyond the budget that ended the stage begun last."""
        return None if self._stage is None else self._stage.overshoot

    def iterate(self, criterion: AnyOf, live: LiveEnergy | None = None) -> Iterator[Epoch]:
        """Epochs until the criterion is met; an epoch that the loop leaves early is closed.

        ``live``: what the run has used by now. The first stage begins with the run.
        """
        is_first = self._stage is None
        stage = self._stage = Stage(criterion, is_first, None if is_first else live)
        return self._epochs(stage)

    def _epochs(self, stage: Stage) -> Iterator[Epoch]:
        while True:
            epoch = self._begin(stage)
            try:
                yield epoch
            except GeneratorExit:
                if self._open is epoch:
                    self._close(epoch, now_ns(), LEFT_EARLY)
                raise
            if self._open is epoch:
                self._finish(epoch)
            if stage.stopped_by is None:
                meter = self._marks.meter
                is_measured = meter is not None and meter.is_alive
                progress = stage.at_end_of_epoch(self._at_last_end, is_measured=is_measured)
                self._stop_if(stage, stage.criterion.reason(progress))
            if stage.stopped_by is not None:
                self._note_overshoot(stage)
                return

    def step(self) -> bool:
        """Whether the loop must end, by the energy that the recorder sent last."""
        stage = self._stage
        if stage is None or not stage.has_budget:
            return False
        if stage.stopped_by is None:
            meter = self._marks.meter
            progress = stage.within_epoch(None if meter is None else meter.latest())
            self._stop_if(stage, stage.criterion.reason(progress))
        return stage.stopped_by is not None

    def leave(self, at_ns: int | None = None) -> None:
        """Close an epoch that is still open: now, or where its last mark was."""
        if self._open is not None:
            self._close(self._open, self._marks.last_ns if at_ns is None else at_ns, LEFT_EARLY)

    def _begin(self, stage: Stage) -> Epoch:
        self.leave()
        self._synchronise()
        number = len(self.done) + 1
        epoch = self._open = Epoch(self._marks, number)
        self._open_in = stage
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
        at_ns, stage = now_ns(), self._open_in
        self._close(epoch, at_ns)
        self._send_peak_memory()
        self._at_last_end = None
        if stage.has_budget and self._marks.meter is not None:
            self._at_last_end = self._marks.meter.ask()
        else:
            self._marks.request_total(at_ns, EPOCH_REQUEST_NS)
        self._add_result(stage, epoch, self._at_last_end)
        if len(stage.results) == 1:
            self._warn_of_unlogged(stage, epoch)

    def _add_result(self, stage: Stage, epoch: Epoch, live: LiveEnergy | None) -> None:
        number, metrics = epoch.number, dict(epoch.metrics)
        self.done.append(EpochResult(number, metrics, None if live is None else live.total))
        stage.results.append(EpochResult(number, metrics, stage.used(live)))

    def _close(self, epoch: Epoch, at_ns: int, early: str | None = None) -> None:
        self._open = None
        epoch.end_ns = at_ns
        self._marks.nesting.leave(epoch.id)
        why = {} if early is None else {"text": early}
        self._marks.send(Event.EPOCH_END, at_ns, id=epoch.id, value=float(epoch.number), **why)
        if early is not None:
            self._add_result(self._open_in, epoch, None)

    def _stop_if(self, stage: Stage, reason: Reason | None) -> None:
        if reason is not None:
            stage.stopped_by = reason
            self._marks.note(NoteName.STOP, str(reason))

    def _note_overshoot(self, stage: Stage) -> None:
        """Note how far a budget was passed, by the energy at the end of the last epoch."""
        if stage.stopped_by is None or StopKind.ENERGY_BUDGET not in stage.stopped_by.kinds:
            return
        used = stage.results[-1].used if stage.results else None
        stage.overshoot = overshoot_of(stage.criterion, used)
        if stage.overshoot is not None:
            over_j = stage.overshoot.value_j
            text = f"{format_energy(abs(over_j))} {'over' if over_j >= 0 else 'below'} the budget"
            self._marks.note(NoteName.OVERSHOOT, text, over_j)

    def _warn_of_unlogged(self, stage: Stage, epoch: Epoch) -> None:
        for metric in sorted(stage.criterion.metrics() - epoch.metrics.keys()):
            logged = ", ".join(epoch.metrics) or "nothing"
            warn(f"a criterion watches {metric!r}, but its first epoch logged {logged}")

    def _synchronise(self) -> None:
        if self._synchronises:
            with contextlib.suppress(Exception):  # a broken accelerator shows in the user's code
                synchronise()

    def _send_peak_memory(self) -> None:
        with contextlib.suppress(Exception):  # as above
            for name, peak_bytes in peak_memory_bytes():
                self._marks.peak_memory(name, peak_bytes)
