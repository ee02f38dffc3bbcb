import os
from pathlib import Path

import pytest

from effmeter.channel import Channel, Component
from effmeter.probes.base import Boundary, BoundaryReader, Discovery, Failure, Probe
from effmeter.probes.program_output import Output
from effmeter.probes.wall.command import find, power_in
from tests.simulated.clock import ManualClock


class Owner:
    """The machine's owner: a settings file and a command that prints what a test says."""

    def __init__(self, folder: Path) -> None:
        self.config = folder / "effmeter" / "config.toml"
        self.config.parent.mkdir()
        self.shown = folder / "shown"
        self.command = folder / "read-plug"
        self.command.write_text(f'#!/bin/sh\ncat {self.shown}\necho "$2" > {folder}/option\n')
        self.command.chmod(0o755)
        self.show("123.5\n")
        self.state()

    def show(self, text: str) -> None:
        self.shown.write_text(text)

    def state(self, *lines: str, command: str | None = None) -> None:
        stated = command or f'["{self.command}", "--watts", "a b; c"]'
        self.config.write_text("\n".join(("[wall]", f"command = {stated}", *lines)))
        self.config.chmod(0o644)

    def find(self) -> Discovery:
        environ = {"XDG_CONFIG_HOME": str(self.config.parents[1]), "PATH": os.environ["PATH"]}
        return find(environ, ManualClock())


@pytest.fixture
def owner(tmp_path: Path) -> Owner:
    return Owner(tmp_path)


def only(found: Discovery) -> Probe:
    (probe,) = found.probes
    assert found.refusals == ()
    return probe


def refusal(found: Discovery) -> str:
    assert found.probes == ()
    (refused,) = found.refusals
    assert refused.component is Component.WALL
    return refused.reason


def test_a_command_s_watts_are_the_machine_s_power(owner: Owner) -> None:
    probe = only(owner.find())
    (channel,) = probe.channels
    assert (channel.name, channel.component) == ("wall", Component.WALL)
    assert (channel.gain_error_fraction, channel.offset_error_w) == (0.05, 2.0)
    (reading,) = probe.read()
    assert reading.value == 123.5
    owner.show("87 W\n")
    assert probe.read()[0].value == 87.0


def test_a_mark_runs_no_command(owner: Owner) -> None:
    probe = only(owner.find())
    assert isinstance(probe, BoundaryReader)
    assert [len(probe.read_at(boundary)) for boundary in Boundary] == [0, 1, 1]


def test_the_command_runs_without_a_shell(owner: Owner) -> None:
    only(owner.find()).read()
    assert (owner.config.parents[1] / "option").read_text() == "a b; c\n"


def test_the_meter_s_facts_are_the_channel_s(owner: Owner) -> None:
    owner.state(
        "interval_s = 10", "gain_error_fraction = 0.01", "offset_error_w = 0", "max_power_w = 2300"
    )
    probe = only(owner.find())
    (channel,) = probe.channels
    assert (probe.period_s, channel.refresh_s, channel.window_s) == (10.0, 10.0, 10.0)
    assert channel.gain_error_fraction == 0.01
    assert channel.max_power_w == 2300.0
    assert Channel.from_mapping({**_fields(channel)}) == channel


def _fields(channel: Channel) -> dict[str, object]:
    return {name: getattr(channel, name) for name in Channel.__dataclass_fields__}


@pytest.mark.parametrize(
    "shown",
    ["", "W", "-5", "nan", "inf", "1e3", "12 kW", "12\n13\n", "0", "0.0 W", "12345678", "1,5", "٣"],
)
def test_what_is_no_number_of_watts_is_a_failure(owner: Owner, shown: str) -> None:
    probe = only(owner.find())
    owner.show(shown)
    (reading,) = probe.read()
    assert isinstance(reading.value, Failure)
    owner.show("5")
    assert probe.read()[0].value == 5.0


def test_a_command_that_fails_says_why() -> None:
    with pytest.raises(ValueError, match=r"status 3\): the plug is offline"):
        power_in(Output("12\n", "trying\nthe plug is offline\n", 3))


@pytest.mark.parametrize(("mode", "doubt"), [(0o664, "write it"), (0o646, "write it")])
def test_a_file_that_others_may_write_names_no_command(owner: Owner, mode: int, doubt: str) -> None:
    owner.config.chmod(mode)
    found = owner.find()
    assert doubt in refusal(found)
    assert "is not run" in refusal(found)
    assert not (owner.config.parents[1] / "option").exists()
    assert "chmod go-w" in found.refusals[0].remedy


def test_a_file_in_a_folder_that_others_may_write_names_no_command(owner: Owner) -> None:
    owner.config.parent.chmod(0o777)
    assert "replace it" in refusal(owner.find())


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a file away")
def test_a_file_of_another_user_names_no_command(owner: Owner) -> None:
    os.chown(owner.config, 12345, -1)
    assert "belongs to user 12345" in refusal(owner.find())


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (("interval_s = 0",), "interval_s = 0 is not between"),
        (("interval_s = nan",), "is not a number"),
        (("timeout_s = true",), "is not a number"),
        (('max_power_w = "high"',), "is not a number"),
        (("watts = 3",), "has no setting 'watts'"),
    ],
)
def test_a_setting_that_cannot_be_meant_is_named(
    owner: Owner, lines: tuple[str, ...], reason: str
) -> None:
    owner.state(*lines)
    assert reason in refusal(owner.find())


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        ('"read-plug --watts"', "not a list of texts"),
        ("[]", "not a list of texts"),
        ("[1, 2]", "not a list of texts"),
        ('["/no/such/program"]', "there is no program"),
    ],
)
def test_a_command_that_cannot_be_run_is_named(owner: Owner, command: str, reason: str) -> None:
    owner.state(command=command)
    assert reason in refusal(owner.find())


def test_a_meter_that_answers_late_is_read_from_then_on(owner: Owner) -> None:
    owner.show("oh no")
    probe = only(owner.find())
    (reading,) = probe.read()
    assert isinstance(reading.value, Failure)
    assert "'oh no'" in reading.value.reason
    owner.show("30")
    assert probe.read()[0].value == 30.0


def test_settings_without_a_wall_meter_give_none(owner: Owner, tmp_path: Path) -> None:
    owner.config.write_text("[estimate]\ncpu_tdp_w = 65\n")
    assert owner.find() == Discovery()
    owner.config.unlink()
    assert owner.find() == Discovery()


def test_a_file_that_cannot_be_understood_is_named(owner: Owner) -> None:
    owner.config.write_text("[wall\n")
    assert str(owner.config) in refusal(owner.find())
    owner.config.write_text("wall = 3\n")
    assert "is not a section" in refusal(owner.find())
