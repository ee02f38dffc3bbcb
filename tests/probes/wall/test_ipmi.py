import os
from pathlib import Path

import pytest

from effmeter.channel import Component
from effmeter.probes.base import Discovery, Failure
from effmeter.probes.program_output import Output
from effmeter.probes.wall.discovery import find
from effmeter.probes.wall.ipmi import power_in
from tests.simulated.clock import ManualClock

IPMITOOL = """
    Instantaneous power reading:                   {watts} Watts
    Minimum during sampling period:                 18 Watts
    Maximum during sampling period:                390 Watts
    Average power reading over sample period:      215 Watts
    IPMI timestamp:                           Thu Feb 15 09:37:32 2024
    Sampling period:                          00000005 Seconds.
    Power reading state is:                   activated
"""
FREEIPMI = """
Current Power                        : {watts} Watts
Minimum Power over sampling duration : 6 watts
Maximum Power over sampling duration : 304 watts
Average Power over sampling duration : 49 watts
Time Stamp                           : 02/15/2024 - 09:37:32
Statistics reporting time period     : 1000 milliseconds
Power Measurement                    : Active
"""


class Server:
    """A machine with a BMC, and the commands that ask it."""

    def __init__(self, folder: Path) -> None:
        self.sysfs = folder / "sys"
        (self.sysfs / "class" / "ipmi" / "ipmi0").mkdir(parents=True)
        self.bin = folder / "bin"
        self.bin.mkdir()

    def install(self, name: str, output: str, complaint: str = "", status: int = 0) -> None:
        program = self.bin / name
        (self.bin / f"{name}.txt").write_text(output)
        program.write_text(
            f'#!/bin/sh\ncat {self.bin}/{name}.txt\necho "{complaint}" >&2\nexit {status}\n'
        )
        program.chmod(0o755)

    def find(self) -> Discovery:
        environ = {"PATH": f"{self.bin}:{os.environ['PATH']}", "XDG_CONFIG_HOME": "/nowhere"}
        environ["XDG_CONFIG_DIRS"] = "/nowhere"
        return find(self.sysfs, environ, ManualClock())


@pytest.fixture
def server(tmp_path: Path) -> Server:
    return Server(tmp_path)


@pytest.mark.parametrize(("name", "output"), [("ipmitool", IPMITOOL), ("ipmi-dcmi", FREEIPMI)])
def test_the_bmc_s_power_is_the_machine_s(server: Server, name: str, output: str) -> None:
    server.install(name, output.format(watts=220))
    found = server.find()
    (channel,) = found.channels
    assert (channel.name, channel.component) == ("wall-ipmi", Component.WALL)
    assert channel.gain_error_fraction == 0.1
    (probe,) = found.probes
    assert [reading.value for reading in probe.read()] == [220.0]
    server.install(name, output.format(watts=0))
    (reading,) = probe.read()
    assert isinstance(reading.value, Failure)


@pytest.mark.parametrize("node", ["sys/class/ipmi/ipmi0", "dev/ipmi0"])
def test_a_bmc_without_a_command_names_what_to_install(tmp_path: Path, node: str) -> None:
    (tmp_path / node).mkdir(parents=True)
    found = find(tmp_path / "sys", {"PATH": "/nowhere"}, ManualClock())
    assert found.probes == ()
    (refusal,) = found.refusals
    if "installed" in refusal.reason:  # the machine under the test may have the command
        assert refusal.remedy == "sudo apt install ipmitool"


def test_a_machine_without_a_bmc_hears_nothing_of_it(tmp_path: Path) -> None:
    assert find(tmp_path / "sys", {"PATH": "/nowhere"}, ManualClock()) == Discovery()


def test_a_bmc_that_refuses_is_named_with_its_reason(server: Server) -> None:
    complaint = "Could not open device at /dev/ipmi0: Permission denied"
    server.install("ipmitool", "", complaint, 1)
    (refusal,) = server.find().refusals
    assert complaint in refusal.reason
    assert refusal.component is Component.WALL
    assert refusal.remedy


@pytest.mark.parametrize(
    "text",
    [
        "",
        "DCMI request failed because: Invalid command (c1)",
        IPMITOOL.format(watts="many"),
        IPMITOOL.format(watts="-5"),
        IPMITOOL.format(watts="99999999"),
        IPMITOOL.format(watts=1) * 2,
        IPMITOOL.format(watts=220).replace("activated", "deactivated"),
        FREEIPMI.format(watts=220).replace("Active", "Not Available"),
    ],
)
def test_an_output_without_one_active_reading_is_no_power(text: str) -> None:
    with pytest.raises(ValueError, match="it"):
        power_in(Output(text, "", 0))
