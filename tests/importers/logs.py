"""Logs of other instruments, made up for the tests, in the formats of the real ones."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

BEGIN_MS = 1_700_000_000_000
"""When the readings begin; the training begins ten seconds later."""


def mllog(time_ms: int, key: str, value: Any = None, **metadata: Any) -> str:
    """One line of MLPerf's logger."""
    entry = {"namespace": "", "time_ms": time_ms, "event_type": "POINT_IN_TIME", "key": key}
    return f":::MLLOG {json.dumps({**entry, 'value': value, 'metadata': metadata})}\n"


def wave(second: int) -> int:
    """The power of a node at a reading (W): it varies, and its mean over 40 s is 1500 W."""
    return 1000 + 50 * (second % 21)


def power_log(
    path: Path,
    power_w: Callable[[int], float] = wave,
    seconds: Sequence[int] = range(0, 102, 2),
    begin_ms: int = BEGIN_MS,
) -> None:
    """A node's log with a reading at each of these seconds."""
    lines = [mllog(begin_ms, "power_measurement_start", "null")]
    lines += [mllog(begin_ms + 1000 * s, "power_reading", power_w(s)) for s in seconds]
    path.write_text("".join([*lines, mllog(begin_ms, "power_measurement_stop", "null")]))


def result_log(
    path: Path,
    losses: Sequence[float] = (0.95, 0.9),
    *,
    status: str = "success",
    begin_ms: int = BEGIN_MS,
    seed: int = 3,
) -> None:
    """Blocks of 30 s, each followed by an evaluation of 5 s, from ten seconds on."""
    facts = {"submission_benchmark": "llama", "submission_org": "ORG_PLACEHOLDER", "seed": seed}
    lines = [mllog(begin_ms, key, value) for key, value in facts.items()]
    lines += [mllog(begin_ms, "global_batch_size", 8), mllog(begin_ms + 10_000, "run_start")]
    for place, loss in enumerate(losses):
        at_ms, samples = begin_ms + 10_000 + 35_000 * place, 100 * (place + 1)
        lines += [
            mllog(at_ms, "block_start", samples_count=samples - 100),
            mllog(at_ms + 30_000, "tracked_stats", {"throughput": 3.5}, step=samples),
            mllog(at_ms + 30_000, "block_stop", samples_count=samples),
            mllog(at_ms + 30_000, "eval_start", samples_count=samples),
            mllog(at_ms + 35_000, "eval_accuracy", loss, samples_count=samples),
            mllog(at_ms + 35_000, "eval_stop", samples_count=samples),
        ]
    end_ms = begin_ms + 10_000 + 35_000 * len(losses)
    lines.append(mllog(end_ms, "run_stop", losses[-1], status=status))
    path.write_text("0: some output\n" + "".join(f"0: {line}" for line in lines))


def mlperf_run(folder: Path, nodes: Mapping[str, Callable[[int], float]], **result: Any) -> Path:
    """The folder of one run: a log for each node, and the result."""
    folder.mkdir(parents=True)
    for name, power_w in nodes.items():
        power_log(folder / f"{name}.txt", power_w)
    result_log(folder / "result.txt", **result)
    return folder
