"""Captures of machines, each with what is right about it; ``tests/captures`` holds them."""

from pathlib import Path

import pytest

from tests.simulated.replay import ReplayedMachine, cover_of, load

CAPTURES = sorted((Path(__file__).parents[1] / "captures").glob("*.json"))


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.stem)
def test_what_a_capture_shows_is_what_its_machine_drew(path: Path, tmp_path: Path) -> None:
    capture = load(path)
    assert capture["about"], "a capture says what the machine is"
    replay = ReplayedMachine(capture, tmp_path)
    with replay.libraries():
        found = replay.discover()
        powers_w = replay.powers_w(found)
    cover = cover_of(found, powers_w)
    summed = {name: powers_w[name] for name in cover.names if name not in cover.estimated}
    assert summed == pytest.approx(capture["right"]["counts"], rel=0.05)
    missing = {*map(str, cover.missing), *cover.partial}
    assert missing >= set(capture["right"].get("missing", ()))
