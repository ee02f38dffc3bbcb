"""``track``: what goes around a training loop."""

import functools
import inspect
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, ParamSpec, TypeVar, cast

from effmeter.client.request import DEFAULT_RATE_HZ
from effmeter.errors import UsageError
from effmeter.tracking.marks import Labels
from effmeter.tracking.run import Run

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(slots=True)
class Tracker:
    """What ``track`` returns: enter it for a Run, or decorate a function with it."""

    make: Callable[[], Run]
    _entered: list[Run] = field(default_factory=list)

    def __enter__(self) -> Run:
        """Start recording."""
        run = self.make()
        run.__enter__()
        self._entered.append(run)
        return run

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End the recording."""
        self._entered.pop().__exit__(kind, error, traceback)

    def __call__(self, function: Callable[P, T]) -> Callable[P, T]:
        """The function with each of its calls recorded as a run of its own."""
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise UsageError("a generator cannot be tracked as a whole: use `with` inside it")
        if inspect.iscoroutinefunction(function):
            return cast(Callable[P, T], self._wrap_coroutine(function))

        @functools.wraps(function)
        def tracked(*args: P.args, **kwargs: P.kwargs) -> T:
            with self.make():
                return function(*args, **kwargs)

        return tracked

    def _wrap_coroutine(self, function: Callable[..., Any]) -> Any:
        @functools.wraps(function)
        async def tracked(*args: Any, **kwargs: Any) -> Any:
            with self.make():
                return await function(*args, **kwargs)

        return tracked


def track(
    run: str | os.PathLike[str] | Run,
    labels: Labels | None = None,
    *,
    directory: str | os.PathLike[str] | None = None,
    rate_hz: float = DEFAULT_RATE_HZ,
    recorder: str = "auto",
    join: bool = True,
    synchronise_epochs: bool = True,
) -> Tracker:
    """Record the energy of what runs inside, as context manager or decorator.

    ``run`` is a name (its file goes to ``directory``, by default ``$EFFMETER_RUNS`` or
    ``runs``), the path of the file, or a Run. ``labels`` describe the run: architecture, size,
    seed. ``rate_hz`` (up to 1000) is how often sensors are read beside the readings at marks.
    ``recorder`` is "auto" (a shared one where it runs, else private), "private" or "shared".
    With ``join``, a recording that this program runs inside is joined. At the ends of epochs
    the accelerator is waited for unless ``synchronise_epochs`` is false.

    Raises UsageError for arguments that mean nothing, RunFileError (on entering) where the file
    cannot be made. If measuring fails, training goes on.
    """
    if isinstance(run, Run):
        given = run
        return Tracker(lambda: given)
    name = os.fspath(run)
    if isinstance(run, os.PathLike) and os.sep not in name:
        name = os.path.join(os.curdir, name)

    def make() -> Run:
        return Run(
            name,
            labels,
            directory=directory,
            rate_hz=rate_hz,
            recorder=recorder,
            join=join,
            synchronise_epochs=synchronise_epochs,
        )

    make()  # what means nothing is refused here, not when a decorated function is called
    return Tracker(make)
