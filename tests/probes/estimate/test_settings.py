from pathlib import Path

import pytest

from effmeter.channel import Component
from effmeter.probes.estimate.probe import find
from effmeter.probes.estimate.settings import read_settings
from effmeter.probes.settings_file import config_file
from tests.simulated.clock import ManualClock

BOTH = (Component.CPU, Component.RAM)


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {"XDG_CONFIG_HOME": str(tmp_path), "XDG_CONFIG_DIRS": str(tmp_path / "machine")}


def write(environ: dict[str, str], text: str, variable: str = "XDG_CONFIG_HOME") -> Path:
    path = Path(environ[variable]) / "effmeter" / "config.toml"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    return path


def test_the_file_s_settings_are_the_estimator_s(environ: dict[str, str]) -> None:
    path = write(
        environ,
        """
        [estimate]
        cpu_tdp_w = 65
        cpu_idle_fraction = 0
        cpu_factor = 1.5
        ram_w_per_gib = 0.5
        ram_factor = 2
        """,
    )
    found = find(BOTH, (), environ, ManualClock())
    cpu, ram = found.channels
    assert "65 W" in cpu.scope
    assert str(path) in cpu.scope
    assert (cpu.estimate_factor, ram.estimate_factor) == (1.5, 2.0)
    assert str(path) in ram.scope
    assert found.refusals == ()


def test_the_environment_wins(environ: dict[str, str]) -> None:
    write(environ, "[estimate]\ncpu_tdp_w = 'many'\nram_w_per_gib = 1.0\n")
    environ |= {"EFFMETER_CPU_TDP_W": "95", "EFFMETER_RAM_W_PER_GIB": "0.25"}
    settings, errors = read_settings(environ)
    assert (settings.cpu_tdp_w, settings.ram_w_per_gib) == (95.0, 0.25)
    assert settings.origins["cpu_tdp_w"] == "EFFMETER_CPU_TDP_W"
    assert errors == []


def test_the_user_s_file_wins_over_the_machine_s(environ: dict[str, str]) -> None:
    of_the_machine = write(environ, "[estimate]\ncpu_tdp_w = 200\n", "XDG_CONFIG_DIRS")
    assert config_file(environ) == of_the_machine
    of_the_user = write(environ, "[estimate]\ncpu_tdp_w = 15\n")
    assert config_file(environ) == of_the_user


def test_without_a_place_of_its_own_the_file_lies_in_the_home(tmp_path: Path) -> None:
    environ = {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path / ".config")}
    path = write(environ, "")
    del environ["XDG_CONFIG_HOME"]
    assert config_file(environ) == path


def test_a_file_about_other_things_states_nothing(environ: dict[str, str]) -> None:
    write(environ, "[report]\nstyle = 'plain'\n")
    settings, errors = read_settings(environ)
    assert (settings.cpu_tdp_w, errors) == (None, [])


@pytest.mark.parametrize(
    ("setting", "component"),
    [
        ("cpu_tdp_w = 0", Component.CPU),
        ("cpu_tdp_w = true", Component.CPU),
        ("cpu_idle_fraction = 1.0", Component.CPU),
        ("cpu_factor = 0.5", Component.CPU),
        ("ram_w_per_gib = -1", Component.RAM),
        ("ram_factor = nan", Component.RAM),
    ],
)
def test_a_setting_that_cannot_be_meant_leaves_its_component_without_an_estimate(
    environ: dict[str, str], setting: str, component: Component
) -> None:
    path = write(environ, f"[estimate]\n{setting}\n")
    found = find(BOTH, (), environ, ManualClock())
    assert component not in {channel.component for channel in found.channels}
    assert len(found.channels) == 1
    (refusal,) = found.refusals
    assert refusal.component is component
    assert setting.partition(" ")[0] in refusal.reason
    assert str(path) in refusal.remedy


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[estimate\n", "Expected"),
        ("[estimate]\ncpu_tpd_w = 65\n", "knows no 'cpu_tpd_w'"),
        ("estimate = 3\n", "no section"),
    ],
)
def test_a_file_that_cannot_be_understood_is_never_passed_over(
    environ: dict[str, str], text: str, reason: str
) -> None:
    write(environ, text)
    found = find(BOTH, (), environ, ManualClock())
    assert found.channels == ()
    assert [refusal.component for refusal in found.refusals] == list(BOTH)
    assert all(reason in refusal.reason for refusal in found.refusals)
    assert all("\n" not in refusal.reason for refusal in found.refusals)


def test_a_wrong_setting_does_not_matter_where_the_component_is_measured(
    environ: dict[str, str],
) -> None:
    write(environ, "[estimate]\ncpu_tdp_w = 0\n")
    found = find([Component.RAM], (), environ, ManualClock())
    assert [channel.name for channel in found.channels] == ["ram-estimate"]
    assert found.refusals == ()
