"""Seconds and peak memory of ``effmeter report`` on large recordings.

``python -m benchmarks.scale FOLDER [CASE ...]`` writes the files that FOLDER lacks and prints one
line for each case. Cases of several lengths show whether time grows linearly.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import click

from benchmarks.large_files import Size, write_run

CASES: Mapping[str, tuple[int, Size]] = {
    "runs": (200, Size(716, channels_per_gpu=5)),
    "runs-compacted": (200, Size(716, channels_per_gpu=5, is_compacted=True)),
    "day": (1, Size(86_400, gpus=64)),
    "day-compacted": (1, Size(86_400, gpus=64, is_compacted=True)),
    **{f"noise-{h}h": (1, Size(3600 * h, gpus=4, channels_per_gpu=5)) for h in (2, 4, 8, 16)},
    **{f"epochs-{k}k": (1, Size(1000 * k, epochs=1000 * k)) for k in (10, 20, 40, 160)},
    **{f"gaps-{n}": (1, Size(2 * n, epochs=n // 10, gaps=n)) for n in (1000, 2000, 4000)},
}
"""By name, how many files of which size."""


def files_of(folder: Path, case: str) -> Iterator[Path]:
    """The files of a case, written where they are missing."""
    count, size = CASES[case]
    inside = folder / case
    inside.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        path = inside / f"{number:03}.arrow"
        if not path.exists():
            unfinished = path.with_suffix(".part")
            write_run(unfinished, size, f"{case}-{number}")
            unfinished.rename(path)
        yield path


def measure(paths: list[Path]) -> tuple[float, float, int, int]:
    """Seconds, seconds of processor time, peak MiB and exit status of a report."""
    command = [sys.executable, "-m", "effmeter", "report", *map(str, paths)]
    began = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    kib = used.ru_maxrss if sys.platform == "linux" else used.ru_maxrss // 1024
    elapsed_s = time.monotonic() - began
    return elapsed_s, used.ru_utime + used.ru_stime, kib // 1024, process.returncode


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.argument("cases", nargs=-1, metavar="[CASE]...", type=click.Choice(list(CASES)))
def main(folder: Path, cases: tuple[str, ...]) -> None:
    """Report on large recordings, all or the named cases.

    FOLDER keeps their files, some gigabytes; those that it lacks are written.
    """
    for case in cases or CASES:
        elapsed_s, cpu_s, peak_mib, status = measure(list(files_of(folder, case)))
        failed = f", exit {status}" if status else ""
        print(f"{case:>16}  {elapsed_s:6.1f} s, {cpu_s:6.1f} s CPU, {peak_mib:5} MiB{failed}")


if __name__ == "__main__":
    main()
