"""The course of a training in the log of an MLPerf result.

See ``effmeter.importers.mlperf`` for what an epoch is.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from effmeter.importers.marks import LoggedEpoch, LoggedSpan, Marks
from effmeter.importers.mllog import Entry
from effmeter.runfile.format import Label, MetricMode
from effmeter.status import Status

SAMPLES = "samples_count"
EPOCH_NUMBER = "epoch_num"
STATISTICS = "tracked_stats"
EVALUATION = "evaluation"
"""The name of the spans in which the model was evaluated."""
_EVALUATED = "eval_"
_LABELS = {
    "submission_benchmark": "benchmark",
    "submission_org": "organization",
    "submission_platform": "platform",
    "seed": "seed",
    "global_batch_size": "batch_size",
}
_PLACEHOLDER = "PLACEHOLDER"
_MOST_TEXT = 200
_MOST_STATISTICS = 100


class _Stretch(NamedTuple):
    begin: Entry
    end_ns: int
    end: Entry | None


@dataclass(frozen=True, slots=True)
class _Block:
    """The events between ``run_start`` and ``run_stop``."""

    begin_ns: int
    end_ns: int
    status: str
    entries: Sequence[Entry]


def marks_of(entries: Iterable[Entry]) -> Marks | None:
    """The block of a run with its epochs and evaluations; None where it has no beginning."""
    block = _block(sorted(entries, key=lambda entry: entry.time_ns))
    if block is None:
        return None
    parts = _stretches(block, "epoch_start", "epoch_stop")
    parts = parts or _stretches(block, "block_start", "block_stop")
    evaluations = _stretches(block, "eval_start", "eval_stop")
    begins_ns = [part.begin.time_ns for part in parts]
    epochs = [LoggedEpoch(part.begin.time_ns, part.end_ns, _samples_of(part)) for part in parts]
    spans = []
    for seen in evaluations:
        place = _place(begins_ns, seen.begin.time_ns)
        if place is not None:
            epochs[place] = _until(epochs[place], seen.end_ns)
        spans.append(LoggedSpan(EVALUATION, seen.begin.time_ns, seen.end_ns, place))
    counts = [_count_of(part) for part in parts]
    for entry in block.entries:
        values = dict(_metrics_in(entry))
        place = _evaluated(counts, entry) if values else None
        place = _place(begins_ns, entry.time_ns) if place is None else place
        if values and place is not None:
            at = epochs[place]
            epochs[place] = replace(_until(at, entry.time_ns), metrics={**at.metrics, **values})
    return Marks(block.begin_ns, block.end_ns, block.status, tuple(_apart(epochs)), tuple(spans))


def metric_modes_of(marks: Marks | None) -> dict[str, str]:
    """The direction of what was evaluated is unknown; the other metrics judge nothing."""
    names = {name for epoch in marks.epochs for name in epoch.metrics} if marks else set()
    return {
        name: MetricMode.UNKNOWN if name.startswith(_EVALUATED) else MetricMode.NEITHER
        for name in sorted(names)
    }


def labels_of(entries: Iterable[Entry]) -> dict[str, Label]:
    """The labels of a run: benchmark, platform, seed, batch size."""
    labels: dict[str, Label] = {}
    for entry in entries:
        name = _LABELS.get(entry.key)
        if name is None or name in labels or _PLACEHOLDER in str(entry.value):
            continue
        if isinstance(entry.value, str) and entry.value:
            labels[name] = entry.value[:_MOST_TEXT]
        elif (number := entry.number()) is not None:
            labels[name] = round(number) if number.is_integer() else number
    return labels


def _block(entries: Sequence[Entry]) -> _Block | None:
    begins_ns = [entry.time_ns for entry in entries if entry.key == "run_start"]
    if not begins_ns:
        return None
    stops = [entry for entry in entries if entry.key == "run_stop"]
    end_ns = stops[-1].time_ns if stops else entries[-1].time_ns
    inside = [entry for entry in entries if begins_ns[0] <= entry.time_ns <= end_ns]
    return _Block(begins_ns[0], end_ns, _status(stops), inside)


def _status(stops: Sequence[Entry]) -> str:
    if not stops:
        return Status.INTERRUPTED
    stated = stops[-1].metadata.get("status", "success")
    return Status.COMPLETED if stated == "success" else f"{Status.FAILED}: {stated}"[:_MOST_TEXT]


def _stretches(block: _Block, begins: str, ends: str) -> list[_Stretch]:
    """What lies between two keys; without its end it lasts until the next one begins."""
    found: list[_Stretch] = []
    begun: Entry | None = None
    for entry in block.entries:
        if entry.key == begins:
            if begun is not None:
                found.append(_Stretch(begun, entry.time_ns, None))
            begun = entry
        elif entry.key == ends and begun is not None:
            found.append(_Stretch(begun, entry.time_ns, entry))
            begun = None
    if begun is not None:
        found.append(_Stretch(begun, block.end_ns, None))
    return found


def _place(begins_ns: Sequence[int], time_ns: int) -> int | None:
    """The epoch that began last before a moment."""
    earlier = bisect_right(begins_ns, time_ns)
    return earlier - 1 if earlier else None


def _until(epoch: LoggedEpoch, end_ns: int) -> LoggedEpoch:
    return replace(epoch, end_ns=max(epoch.end_ns, end_ns))


def _apart(epochs: Sequence[LoggedEpoch]) -> Iterator[LoggedEpoch]:
    """The epochs, none lasting into the next: an evaluation may go on beside the training."""
    for epoch, following in zip(epochs, [*epochs[1:], None], strict=True):
        latest_ns = epoch.end_ns if following is None else following.begin_ns
        yield replace(epoch, end_ns=min(epoch.end_ns, latest_ns))


def _samples_of(part: _Stretch) -> Mapping[str, float]:
    count = None if part.end is None else part.end.count(SAMPLES)
    return {} if count is None else {SAMPLES: count}


def _count_of(part: _Stretch) -> tuple[str, float] | None:
    """The samples, or else the epoch's number, by which an evaluation names what it judges."""
    for entry in (part.end, part.begin):
        for name in (SAMPLES, EPOCH_NUMBER):
            count = None if entry is None else entry.count(name)
            if count is not None and (name == EPOCH_NUMBER or entry is part.end):
                return name, count
    return None


def _evaluated(counts: Sequence[tuple[str, float] | None], entry: Entry) -> int | None:
    """The epoch whose count of samples, or number, an evaluation states."""
    for name in (SAMPLES, EPOCH_NUMBER):
        stated = entry.count(name)
        if stated is not None and (name, stated) in counts:
            return counts.index((name, stated))
    return None


def _metrics_in(entry: Entry) -> Iterator[tuple[str, float]]:
    number = entry.number()
    if entry.key.startswith(_EVALUATED) and number is not None:
        yield entry.key[:_MOST_TEXT], number
    elif entry.key == STATISTICS and isinstance(entry.value, Mapping):
        for name, value in list(entry.value.items())[:_MOST_STATISTICS]:
            if isinstance(value, int | float) and not isinstance(value, bool):
                yield str(name)[:_MOST_TEXT], float(value)
