"""Programs that nothing joins: each is a run, and says that the other shared the machine."""

import sys
from concurrent.futures import ThreadPoolExecutor

from tests.tools.cell import Cell

TRAIN = """
    import sys
    import effmeter
    from tests.tools.truth import train

    with effmeter.track(sys.argv[1]):
        train(sys.argv[1], 3.0)
"""


def test_two_programs_at_once_are_a_run_and_a_file_each(cell: Cell) -> None:
    script = cell.write(TRAIN)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda name: cell.launch(sys.executable, script, name), ["one", "other"]))
    one, other = cell.expect(files=2, runs=["one", "other"])
    assert one.run.begin_ns < other.run.end_ns
    assert other.run.begin_ns < one.run.end_ns
