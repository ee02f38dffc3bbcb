"""The cover of a window of a run: what its channels and the refusals of its recorder allow."""

from pathlib import Path

from effmeter.channel import Component, Refusal
from effmeter.recorded.reading import read_run
from effmeter.recorded.run_cover import cover_between
from tests.runfile.writing import RunFile, at, counter, every, gauge, metadata

GPU = counter("gpu0", Component.GPU, refresh_s=0.1, least_power_w=1.0)
GPU_GAUGE = gauge("gpu0-power", contained_in="gpu0")
REFUSED = Refusal("a test", Component.CPU, "closed")


def test_cover_turns_to_the_gauge_where_the_counter_stands_still(tmp_path: Path) -> None:
    described = metadata(channels=(GPU, GPU_GAUGE), refusals=(REFUSED,))
    with RunFile(tmp_path / "run.arrow", described) as file:
        for time_s in every(0.1, 0, 10):
            file.row(time_s, channel="gpu0", energy_j=200.0 * min(time_s, 4.0))
        file.show("gpu0-power", every(0.1, 0, 10), 200.0)
        file.end(10.0)
    run = read_run(file.path)
    cover = cover_between(run.recording, run.programs, run.channels.keys(), at(0), at(10))
    assert cover.missing == (Component.CPU,)
    assert [set(stretch.names) for stretch in cover.stretches] == [{"gpu0"}, {"gpu0-power"}]
    early = cover_between(run.recording, run.programs, run.channels.keys(), at(1), at(3))
    assert (early.names, early.stretches) == (("gpu0",), ())
    assert cover_between(run.recording, (), {"gpu0-power"}, at(1), at(3)).names == ("gpu0-power",)
