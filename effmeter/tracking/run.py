"""A run as the training loop sees it: its epochs, spans, metrics and energy."""

import contextlib
import itertools
import os
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from effmeter.client.files import name_of
from effmeter.client.request import DEFAULT_RATE_HZ, RecordingRequest
from effmeter.client.session import Session
from effmeter.client.warning import warn
from effmeter.clock import now_ns
from effmeter.energy import Energy
from effmeter.errors import UsageError
from effmeter.runfile.format import PEAK, Event, NoteName, user_note
from effmeter.status import COMPLETED, DetailedStatus, Status
from effmeter.stopping import (
    AnyOf,
    Criterion,
    EpochResult,
    Progress,
    Reason,
    StopKind,
    combine,
    overshoot_of,
)
from effmeter.tracking.accelerator import peak_memory_bytes, synchronise
from effmeter.tracking.budget import agree_on_budgets
from effmeter.tracking.environ import announce, withdraw
from effmeter.tracking.live import LiveEnergy, Summary, live_energy
from effmeter.tracking.marks import Labels, Nesting, as_number, check_name, checked_labels, next_id
from effmeter.units import format_energy
from effmeter.wire.protocol import MAX_TEXT, Message

_MAIN_THREAD = threading.main_thread().ident


class Epoch:
    """One epoch of a run; ``log`` what it learned."""

    def __init__(self, run: "Run", number: int, id_: int) -> None:
        self.number = number
        self.id = id_
        self.metrics: dict[str, float] = {}
        self._run = run

    def log(self, **metrics: float) -> None:
        """Record metrics of this epoch: anything that is a number.

        Raises UsageError for what is none.
        """
        for name, value in metrics.items():
            number = as_number(name, value)
            self.metrics[name] = number
            self._run._send_metric(name, number, self.id)

    def __repr__(self) -> str:
        return f"Epoch({self.number})"


@dataclass(slots=True)
class _OpenEpoch:
    epoch: Epoch
    last_mark_ns: int


class Run:
    """One recorded piece of work; ``track`` makes it.

    ``with Run(...) as run:`` starts recording and ends it. Nothing in here raises because
    measuring failed; see ``warnings``.
    """

    def __init__(
        self,
        name: str,
        labels: Labels | None = None,
        *,
        directory: str | os.PathLike[str] | None = None,
        path: str | None = None,
        rate_hz: float = DEFAULT_RATE_HZ,
        recorder: str = "auto",
        join: bool = True,
        synchronise_epochs: bool = True,
    ) -> None:
        if not isinstance(name, str) or not name or len(name) > MAX_TEXT:
            raise UsageError(f"a run's name is a text that is not empty, not {name!r}")
        self.name = name_of(name)
        self.labels = checked_labels(labels or {})
        self.detailed_status = DetailedStatus(Status.NOT_BEGUN)
        self.stopped_by: Reason | None = None
        self.overshoot: Energy | None = None
        self.epochs_done: list[EpochResult] = []
        self._root_id = next_id()
        self._nesting = Nesting(self._root_id)
        place = None if directory is None else Path(directory)
        self._request = RecordingRequest(
            name, self.labels, place, rate_hz, recorder, join, self._root_id, path
        )
        self._synchronises = synchronise_epochs
        self._session: Session | None = None
        self._baseline: Message | None = None
        self._open_epoch: _OpenEpoch | None = None
        self._began_ns = self._ended_ns = 0
        self._criterion: AnyOf | None = None
        self._last_energy: LiveEnergy | None = None
        self._path: Path | None = None

    # Beginning and end

    def __enter__(self) -> Self:
        """Start recording; RunFileError where the run's file cannot be made."""
        if self._session is not None:
            raise UsageError("this run has begun already: track anew")
        self._session = Session.begin(self._request, os.environ)
        self._path = self._session.path
        announce(self, self._session.variables_for_children())
        if not self._session.is_owner:
            self._baseline = self._session.ask_total()
        self._began_ns = now_ns()
        self.detailed_status = DetailedStatus(Status.RECORDING)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End the recording; an exception passes through and stands in the file."""
        self.end(_status_of(kind, error))

    @property
    def status(self) -> Status:
        """Whether it records, or how it ended."""
        return self.detailed_status.status

    def end(self, status: DetailedStatus | str = COMPLETED) -> None:
        """End the recording with a status of your own; leaving the ``with`` then adds nothing."""
        if self._session is None or self.status is not Status.RECORDING:
            return
        ended = DetailedStatus.parse(status) if isinstance(status, str) else status
        self._ended_ns = now_ns()
        if self._open_epoch is not None:
            broke_off = ended != COMPLETED
            at_ns = self._ended_ns if broke_off else self._open_epoch.last_mark_ns
            self._close_epoch(at_ns, "left early")
        self.detailed_status = ended
        self._last_energy = self._ask_energy()
        withdraw(self)
        self._session.end(str(ended))

    def look_after(self) -> None:
        """Notice a recorder that died and have it replaced; marks do this by themselves."""
        if self._session is not None:
            self._session.check()

    @property
    def path(self) -> Path | None:
        """The run file; None where nothing could be recorded."""
        return self._path

    @property
    def recorder_pid(self) -> int | None:
        """The process that records this run; None where none does."""
        return None if self._session is None else self._session.recorder_pid

    @property
    def recording_failure(self) -> str | None:
        """Why recording has stopped before the end of the run; None while it goes on."""
        return None if self._session is None else self._session.failure

    # Epochs

    def epochs(self, stop: Criterion | Iterable[Criterion] | None = None) -> Iterator[Epoch]:
        """Epochs from 1, each marked at both ends, until a criterion says stop.

        ``stop`` is one criterion or several, of which any ends the loop; None: for ever.
        Raises UsageError at once for what is no criterion, and MeasurementError for an energy
        budget that nothing on this machine can measure.
        """
        criterion = combine(stop)
        if criterion.budgets():
            for cover in agree_on_budgets(criterion, self.energy()):
                self._send(Event.NOTE, now_ns(), name=NoteName.BUDGET, text=cover)
        self._criterion = criterion
        self.stopped_by = self.overshoot = None
        return self._iterate(criterion)

    def _iterate(self, criterion: AnyOf) -> Iterator[Epoch]:
        first = len(self.epochs_done) + 1
        for number in itertools.count(first):
            epoch = self._begin_epoch(number)
            try:
                yield epoch
            except GeneratorExit:
                if self._open_epoch is not None and self._open_epoch.epoch is epoch:
                    self._close_epoch(now_ns(), "left early")
                raise
            self._finish_epoch(epoch, criterion)
            reason = criterion.reason(self._progress(criterion)) if not self.stopped_by else None
            if reason is not None:
                self._stop(reason)
            if self.stopped_by is not None:
                self._note_overshoot(criterion)
                return

    def _begin_epoch(self, number: int) -> Epoch:
        if self._open_epoch is not None:
            self._close_epoch(self._open_epoch.last_mark_ns, "left early")
        self._synchronise()
        epoch = Epoch(self, number, next_id())
        began_ns = now_ns()
        self._open_epoch = _OpenEpoch(epoch, began_ns)
        self._send(
            Event.EPOCH_BEGIN,
            began_ns,
            id=epoch.id,
            parent=self._nesting.innermost,
            value=float(number),
        )
        self._nesting.enter(epoch.id)
        return epoch

    def _finish_epoch(self, epoch: Epoch, criterion: AnyOf) -> None:
        if self._open_epoch is None or self._open_epoch.epoch is not epoch:
            return
        self._synchronise()
        self._close_epoch(now_ns(), None)
        self._tell_memory()
        energy = self._ask_energy() if criterion.budgets() else None
        self._last_energy = energy
        total = None if energy is None else energy.total
        self.epochs_done.append(EpochResult(epoch.number, dict(epoch.metrics), total))
        self._warn_of_unlogged(criterion, epoch)

    def _close_epoch(self, at_ns: int, why: str | None) -> None:
        assert self._open_epoch is not None
        epoch, self._open_epoch = self._open_epoch.epoch, None
        self._nesting.leave(epoch.id)
        early = {} if why is None else {"text": why}
        self._send(Event.EPOCH_END, at_ns, id=epoch.id, value=float(epoch.number), **early)
        if why is not None:
            self.epochs_done.append(EpochResult(epoch.number, dict(epoch.metrics)))

    def _warn_of_unlogged(self, criterion: AnyOf, epoch: Epoch) -> None:
        if epoch.number > 1:
            return
        for metric in sorted(criterion.metrics() - epoch.metrics.keys()):
            logged = ", ".join(epoch.metrics) or "nothing"
            warn(f"a criterion watches {metric!r}, but the first epoch logged {logged}")

    def _stop(self, reason: Reason) -> None:
        self.stopped_by = reason
        self._send(Event.NOTE, now_ns(), name=NoteName.STOP, text=str(reason))

    def _note_overshoot(self, criterion: AnyOf) -> None:
        """What a budget that ended the epochs came to once the last of them was over."""
        if self.stopped_by is None or StopKind.ENERGY_BUDGET not in self.stopped_by.kinds:
            return
        used = self.epochs_done[-1].used if self.epochs_done else None
        self.overshoot = overshoot_of(criterion, used)
        if self.overshoot is not None:
            over_j = self.overshoot.value_j
            text = f"{format_energy(abs(over_j))} {'over' if over_j >= 0 else 'below'} the budget"
            self._send(Event.NOTE, now_ns(), name=NoteName.OVERSHOOT, value=over_j, text=text)

    def _synchronise(self) -> None:
        if self._synchronises:
            with contextlib.suppress(Exception):  # a broken accelerator shows in the user's code
                synchronise()

    def _tell_memory(self) -> None:
        with contextlib.suppress(Exception):  # as above
            for name, peak_bytes in peak_memory_bytes():
                self._send(Event.MEMORY, now_ns(), name=name, value=float(peak_bytes), text=PEAK)

    # Steps, spans, metrics

    def step(self) -> bool:
        """To be called after each step; true once an energy budget is used up.

        Compares with the last total that the recorder pushed: no round trip. After true,
        leave the epoch: ``run.epochs`` then ends too.
        """
        if self._criterion is None or not self._criterion.budgets():
            return False
        if self.stopped_by is None:
            progress = self._progress(self._criterion, within_epoch=True)
            reason = self._criterion.reason(progress)
            if reason is not None:
                self._stop(reason)
        return self.stopped_by is not None

    @contextmanager
    def span(self, name: str) -> Iterator[None]:
        """Mark a stretch of the run; spans nest, per thread."""
        check_name(name)
        id_ = next_id()
        self._send(Event.SPAN_BEGIN, now_ns(), id=id_, parent=self._nesting.innermost, name=name)
        self._nesting.enter(id_)
        try:
            yield
        finally:
            self._nesting.leave(id_)
            self._send(Event.SPAN_END, now_ns(), id=id_)

    def log(self, **metrics: float) -> None:
        """Record metrics of the run, or of the span or epoch that this thread is in."""
        for name, value in metrics.items():
            self._send_metric(name, as_number(name, value), self._nesting.innermost)

    def note(self, name: str, text: str) -> None:
        """Write a remark into the run file."""
        check_name(name)
        self._send(Event.NOTE, now_ns(), name=user_note(name), text=str(text)[:MAX_TEXT])

    def _send_metric(self, name: str, value: float, parent: int) -> None:
        check_name(name)
        self._send(Event.METRIC, now_ns(), name=name, value=value, parent=parent)

    def _send(self, event: Event, time_ns: int, **fields: Any) -> None:
        if self._open_epoch is not None and event is not Event.EPOCH_END:
            self._open_epoch.last_mark_ns = time_ns
        if self._session is None:
            return
        if threading.get_ident() != _MAIN_THREAD:
            fields["thread"] = threading.current_thread().name[:MAX_TEXT]
        self._session.mark(event, time_ns, fields)

    # Energy

    def energy(self) -> LiveEnergy | None:
        """Energy used since the run began; None where it is not known. Waits some 30 ms."""
        if self.status is not Status.RECORDING:
            return self._last_energy
        return self._ask_energy()

    def latest_energy(self) -> LiveEnergy | None:
        """The energy that the recorder told last, a few times a second; never waits.

        None until it has told, from the first time this is asked.
        """
        if self.status is not Status.RECORDING:
            return self._last_energy
        return self._live(None if self._session is None else self._session.latest_total())

    def summary(self) -> Summary:
        """The run at a glance, also while it goes on."""
        until_ns = self._ended_ns or now_ns()
        metrics = {n: v for e in self.epochs_done for n, v in e.metrics.items()}
        return Summary(
            name=self.name,
            path=self.path,
            status=self.detailed_status,
            duration_s=(until_ns - self._began_ns) * 1e-9 if self._began_ns else 0.0,
            epochs=len(self.epochs_done),
            stopped_by=self.stopped_by,
            overshoot=self.overshoot,
            metrics=metrics,
            energy=self.energy(),
        )

    def _ask_energy(self) -> LiveEnergy | None:
        return self._live(None if self._session is None else self._session.ask_total())

    def _live(self, total: Message | None) -> LiveEnergy | None:
        joined = self._session is not None and not self._session.is_owner
        if joined and self._baseline is None:
            return None  # what the recording had used before this run is not known
        return live_energy(total, self._baseline)

    def _progress(self, criterion: Criterion, within_epoch: bool = False) -> Progress:
        if not criterion.budgets():
            return Progress(self.epochs_done, within_epoch=within_epoch)
        if within_epoch:
            pushed = None if self._session is None else self._session.latest_total()
            live = self._live(pushed)
            return Progress(self.epochs_done, None if live is None else live.total, True, True)
        live = self._last_energy
        known = live is not None and self._session is not None and self._session.is_alive
        stale = known and live is not None and bool(live.unread)
        energy = self.epochs_done[-1].used if self.epochs_done else None
        return Progress(self.epochs_done, energy, known and not stale and energy is not None)


def _status_of(kind: type[BaseException] | None, error: BaseException | None) -> DetailedStatus:
    """How the block ended; leaving it by ``sys.exit(0)`` is no failure."""
    left_well = isinstance(error, SystemExit) and error.code in (None, 0)
    if kind is None or left_well:
        return COMPLETED
    return DetailedStatus(Status.FAILED, kind.__name__)
