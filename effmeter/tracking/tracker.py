"""``track``: records the energy of a training loop."""

import functools
import inspect
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, NoReturn, ParamSpec, TypeVar, cast

from effmeter.client.request import DEFAULT_RATE_HZ, RecordingRequest
from effmeter.errors import UsageError
from effmeter.tracking.labels import Labels, check_name, checked_labels
from effmeter.tracking.run import Run

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(slots=True)
class Tracker:
    """The result of ``track``: enter it for a Run, or decorate a function with it."""

    request: RecordingRequest
    synchronise_epochs: bool = True
    _entered: list[Run] = field(default_factory=list)

    def start(self) -> Run:
        """Start recording, where a ``with`` does not fit; ``stop`` ends it."""
        run = Run(self.request, synchronise_epochs=self.synchronise_epochs)
        run.__enter__()
        self._entered.append(run)
        return run

    def stop(self) -> None:
        """End the recording that was started last."""
        self.__exit__(None, None, None)

    def __enter__(self) -> Run:
        """Start recording."""
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End the recording."""
        if not self._entered:
            raise UsageError("no run has been started, so there is none to stop")
        self._entered.pop().__exit__(kind, error, traceback)

    def __call__(self, function: Callable[P, T]) -> Callable[P, T]:
        """The function with each of its calls recorded as a run of its own."""
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise UsageError("a generator cannot be tracked as a whole: use `with` inside it")
        if inspect.iscoroutinefunction(function):
            return cast(Callable[P, T], self._wrap_coroutine(function))

        @functools.wraps(function)
        def tracked(*args: P.args, **kwargs: P.kwargs) -> T:
            with self._anew():
                return function(*args, **kwargs)

        return tracked

    def _wrap_coroutine(self, function: Callable[..., Any]) -> Any:
        @functools.wraps(function)
        async def tracked(*args: Any, **kwargs: Any) -> Any:
            with self._anew():
                return await function(*args, **kwargs)

        return tracked

    def __getattr__(self, name: str) -> NoReturn:
        """Explain where to find what only a run has."""
        if hasattr(Run, name):
            how = f"`with track(...) as run: run.{name}`"
            raise AttributeError(f"{name!r} belongs to the run that begins on entering: {how}")
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def _anew(self) -> Run:
        return Run(self.request, synchronise_epochs=self.synchronise_epochs)


def track(
    name: str | os.PathLike[str],
    labels: Labels | None = None,
    *,
    directory: str | os.PathLike[str] | None = None,
    rate_hz: float = DEFAULT_RATE_HZ,
    recorder: str = "auto",
    join: bool = True,
    synchronise_epochs: bool = True,
) -> Tracker:
    """Record the energy of a block or a function, as context manager or decorator.

    Args:
        name: the name of the run, or the path of its file.
        labels: what describes the run, such as architecture, size and seed.
        directory: where the file of a run with a plain name goes; by default
            ``$EFFMETER_RUNS``, else ``runs``.
        rate_hz: how often sensors are read, up to 1000, besides the readings at marks.
        recorder: "auto" uses a shared recorder if one runs, else a private one; "private" and
            "shared" insist.
        join: whether to join the recording that this program runs inside.
        synchronise_epochs: whether to wait for the accelerator at both ends of an epoch, so that
            its work counts where it belongs.

    Raises:
        UsageError: at once, for an argument without a meaning.
        RunFileError: on entering, where the file cannot be created.

    If measuring fails, training goes on: a warning says so once, and the file says what is
    missing.
    """
    if not isinstance(name, str | os.PathLike):
        raise UsageError(f"a run needs a name, as in track('lenet-1'), not {name!r}")
    text = os.fspath(name)
    if isinstance(name, os.PathLike) and os.sep not in text:
        text = os.path.join(os.curdir, text)
    check_name(text)
    place = None if directory is None else Path(directory)
    request = RecordingRequest(text, checked_labels(labels or {}), place, rate_hz, recorder, join)
    return Tracker(request, synchronise_epochs)
