"""``python -m benchmarks.machine_log``: how large a machine's log is, full and thinned.

An hour of eight sensors with noise, four counters and four gauges, at ten readings per second,
goes through the log by a clock moved by hand. Printed are bytes a day, as recorded and with the
energies of seconds and minutes, and whether the energies stay the same.
"""

import resource
import shutil
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import click
import numpy as np

from effmeter.channel import Channel, Component, Kind, Provenance
from effmeter.recorded.reading import read_run
from effmeter.recorded.thinning import thin
from effmeter.units import format_bytes
from tests.runfile.writing import RunFile, metadata

_RATE_HZ = 10


def _channel(name: str, component: Component, kind: Kind) -> Channel:
    refresh_s = 0.001 if kind is Kind.COUNTER else 0.1
    return Channel(
        name,
        component,
        kind,
        Provenance.MEASURED,
        "a benchmark",
        refresh_s,
        unit_j=1e-6,
        resolution=1e-3,
        max_power_w=700.0,
    )


def _write(path: Path, seconds: int) -> None:
    random = np.random.default_rng(1)
    counters = [_channel(f"cpu{i}", Component.CPU, Kind.COUNTER) for i in range(4)]
    gauges = [_channel(f"gpu{i}", Component.GPU, Kind.GAUGE) for i in range(4)]
    described = metadata(channels=(*counters, *gauges), sampling={"rate_hz": float(_RATE_HZ)})
    file = RunFile(path, described)
    for channel in (*counters, *gauges):
        file.introduce(0, channel)
    passed_j = np.zeros(4)
    for second in range(seconds):
        for step in range(_RATE_HZ):
            time_s = second + step / _RATE_HZ
            passed_j += np.abs(random.normal(60, 10, 4)) / _RATE_HZ
            power_w = random.normal(400, 20, 4).round(3)
            for i in range(4):
                late_s = float(random.random()) * 1e-3
                file.row(time_s + late_s, channel=f"cpu{i}", energy_j=round(float(passed_j[i]), 6))
                file.row(time_s + late_s, channel=f"gpu{i}", power_w=float(power_w[i]))
        file.flush()
    file.end(seconds)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--minutes", default=60, show_default=True)
def main(minutes: int) -> None:
    """Print bytes a day and energies."""
    with TemporaryDirectory() as folder:
        full = Path(folder) / "full.arrow"
        _write(full, 60 * minutes)
        days = minutes / 1440
        click.echo(f"as recorded: {format_bytes(full.stat().st_size / days)} a day")
        click.echo(f"  {read_run(full)}")
        for period_s in (1.0, 60.0):
            copy = Path(shutil.copy(full, Path(folder) / f"{period_s:g}.arrow"))
            began_s = time.process_time()
            done = thin(copy, period_s)
            spent_s = (time.process_time() - began_s) / days
            size = format_bytes(done.bytes_after / days)
            click.echo(f"every {period_s:g} s: {size} a day, {spent_s:.0f} s of CPU a day")
            click.echo(f"  {read_run(copy)}")
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    click.echo(f"peak memory: {peak_mib:.0f} MiB")


if __name__ == "__main__":
    main()
