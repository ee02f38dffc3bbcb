"""A run as the training loop sees it: its epochs, spans, metrics and energy."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from effmeter.client.files import name_of
from effmeter.client.request import RecordingRequest
from effmeter.client.session import Session
from effmeter.client.vocabulary import Event, NoteName
from effmeter.clock import now_ns
from effmeter.energy import Energy
from effmeter.errors import UsageError
from effmeter.status import COMPLETED, DetailedStatus, Status
from effmeter.stopping import Criterion, EpochResult, Reason, combine
from effmeter.tracking.budget import agree_on_budgets
from effmeter.tracking.context import Place, enclosing, enter, leave
from effmeter.tracking.environ import inherited
from effmeter.tracking.epochs import EpochLoop
from effmeter.tracking.labels import as_number, check_name
from effmeter.tracking.live import LiveEnergy, Summary
from effmeter.tracking.marks import Epoch, Marks, Span
from effmeter.tracking.meter import Meter


class Run:
    """One recorded piece of work; ``track`` makes it.

    Entering it starts the recording, leaving it ends the recording. Its methods do not raise
    because measuring failed: they warn once, and training goes on.
    """

    def __init__(self, request: RecordingRequest, *, synchronise_epochs: bool = True) -> None:
        check_name(request.name)
        self.name = name_of(request.name)
        self.labels: Mapping[str, str | int | float | bool] = request.labels
        self.detailed_status = DetailedStatus(Status.NOT_BEGUN)
        self.path: Path | None = None
        """The run file; None before the recording begins and where nothing can be recorded."""
        self._marks = Marks(self.name)
        self._session: Session | None = None
        self._place: Place | None = None
        self._request = replace(request, root_id=self._marks.root_id)
        self._loop = EpochLoop(self._marks, synchronises=synchronise_epochs)
        self._began_ns = self._ended_ns = 0

    # Beginning and end

    def __enter__(self) -> Self:
        """Start recording; RunFileError where the run's file cannot be made."""
        if self._session is not None:
            raise UsageError("this run has begun already: call track again for another")
        outer = enclosing()
        around = None if outer is None else outer.surroundings
        session = Session.begin(self._request, inherited(), around)
        self._session = self._marks.session = session
        self.path = session.path
        self._place = enter(outer, session.surroundings)
        self._began_ns = now_ns()
        self._marks.send(Event.RUN_BEGIN, self._began_ns, id=self._marks.root_id)
        self._marks.meter = Meter(session, self._began_ns)
        self.detailed_status = DetailedStatus(Status.RECORDING)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End the recording; an exception passes through, and the file names it."""
        self.end(_status_of(kind, error))

    @property
    def status(self) -> Status:
        """Whether it records, or how it ended; ``detailed_status`` says more."""
        return self.detailed_status.status

    def end(self, status: DetailedStatus | str = COMPLETED) -> None:
        """End the recording with a status of your own; leaving the ``with`` then adds nothing."""
        session, meter = self._session, self._marks.meter
        if session is None or meter is None or self.status is not Status.RECORDING:
            return
        ended = DetailedStatus.parse(status) if isinstance(status, str) else status
        self._ended_ns = now_ns()
        self._loop.leave(None if ended == COMPLETED else self._ended_ns)
        self.detailed_status = ended
        meter.close(self._ended_ns)
        self._marks.close()
        if self._place is not None:
            leave(self._place)
        session.end(str(ended), self._ended_ns)

    @property
    def recorder_pid(self) -> int | None:
        """The process that records the run; None where nothing does."""
        return None if self._session is None else self._session.recorder_pid

    @property
    def recording_failure(self) -> str | None:
        """Why recording has stopped before the end of the run; None while it goes on."""
        return None if self._session is None else self._session.failure

    @property
    def follows_another_rank(self) -> bool:
        """Whether another rank of the same launch on this host began the recording."""
        return self._session is not None and self._session.follows_another_rank

    def look_after(self) -> None:
        """Replace a recorder that died; marks do so by themselves."""
        if self._session is not None:
            self._session.check()

    # Epochs, spans, metrics

    def epochs(self, stop: Criterion | Iterable[Criterion] | None = None) -> Iterator[Epoch]:
        """Epochs, each marked at both ends, until a criterion is met.

        They are numbered from 1. A second call begins another stage of the run, such as
        fine-tuning after pretraining: numbers go on, while its criteria count its own epochs
        alone. The budget of the first stage counts the energy since the run began, that of a
        later one the energy since this call.

        Args:
            stop: a criterion, or several of which any ends the loop; None never ends it.

        Raises:
            UsageError: at once, for something that is not a criterion.
            MeasurementError: at once, for an energy budget that nothing on this machine can
                measure.
        """
        criterion, live = combine(stop), None
        if criterion.budgets():
            live = self.energy()
            for cover in agree_on_budgets(criterion, live):
                self._marks.note(NoteName.BUDGET, cover)
        return self._loop.iterate(criterion, live)

    def step(self) -> bool:
        """Whether an energy budget is used up; call it after each step of an epoch.

        It compares with the energy that the recorder sent last, without a round trip. Once it is
        true, leave the epoch: ``run.epochs`` then ends too.
        """
        return self._loop.step()

    @property
    def epochs_done(self) -> Sequence[EpochResult]:
        """The epochs that have ended, of all stages."""
        return self._loop.done

    @property
    def stopped_by(self) -> Reason | None:
        """Why the epochs of the last stage ended; None where no criterion ended them."""
        return self._loop.stopped_by

    @property
    def overshoot(self) -> Energy | None:
        """The energy used beyond the budget that ended the last stage; negative: some is left."""
        return self._loop.overshoot

    def span(self, name: str) -> Span:
        """A stretch of the run, marked where a ``with`` enters and leaves it; spans nest."""
        return Span(self._marks, name)

    def log(self, **metrics: float) -> None:
        """Record metrics of the run, or of the span or epoch that this thread is in."""
        for name, value in metrics.items():
            self._marks.metric(name, as_number(name, value), self._marks.nesting.innermost)

    def note(self, name: str, text: str) -> None:
        """Write a remark into the run file."""
        self._marks.user_note(name, text)

    # Energy

    def energy(self) -> LiveEnergy | None:
        """The energy used since the run began; None where it is unknown.

        Waits some milliseconds for a reading of the sensors.
        """
        return None if self._marks.meter is None else self._marks.meter.ask()

    def latest_energy(self) -> LiveEnergy | None:
        """The energy that the recorder sent last, a few times a second; never waits.

        The first call asks the recorder to send it; until the first arrives it is None.
        """
        return None if self._marks.meter is None else self._marks.meter.latest()

    def summary(self) -> Summary:
        """The run at a glance, also while it goes on."""
        until_ns = self._ended_ns or now_ns()
        return Summary(
            name=self.name,
            path=self.path,
            status=self.detailed_status,
            duration_s=(until_ns - self._began_ns) * 1e-9 if self._began_ns else 0.0,
            epochs=len(self.epochs_done),
            stopped_by=self.stopped_by,
            overshoot=self.overshoot,
            metrics={n: v for epoch in self.epochs_done for n, v in epoch.metrics.items()},
            energy=self.energy(),
        )


def _status_of(kind: type[BaseException] | None, error: BaseException | None) -> DetailedStatus:
    """The status of a run whose block ended so; leaving it by ``sys.exit(0)`` is no failure."""
    left_well = isinstance(error, SystemExit) and error.code in (None, 0)
    if kind is None or left_well:
        return COMPLETED
    return DetailedStatus(Status.FAILED, kind.__name__)
