"""What gets installed: ``effmeter`` alone, whichever way it is built.

The links at the root and the folders beside the package must not become packages of their own.
The build backend runs in a process of its own on a copy of the sources; nothing is downloaded.
"""

import configparser
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LINKS = ("probes", "methods", "kernels", "cli")
FIND_COMMANDS = (
    "from importlib.metadata import entry_points; "
    "print(*[entry.value for entry in entry_points(group='effmeter.commands')])"
)
LEFT_BEHIND = shutil.ignore_patterns(".*", "__pycache__", "build", "dist", "runs", "*.egg-info")


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the repository, with its links as links."""
    copy = tmp_path_factory.mktemp("sources") / "effmeter"
    shutil.copytree(ROOT, copy, symlinks=True, ignore=LEFT_BEHIND)
    return copy


@pytest.fixture(scope="module")
def wheel(sources: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(sources, "wheel", tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def sdist(sources: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source distribution, unpacked."""
    folder = tmp_path_factory.mktemp("sdist")
    with tarfile.open(build(sources, "sdist", folder)) as archive:
        archive.extractall(folder, filter="data")
    (unpacked,) = (path for path in folder.iterdir() if path.is_dir())
    return unpacked


def build(sources: Path, kind: str, folder: Path) -> Path:
    """Call a hook of the build backend, as pip would: build_wheel, build_sdist, build_editable."""
    hook = f"import sys, setuptools.build_meta as b; b.build_{kind}(sys.argv[1])"
    command = [sys.executable, "-c", hook, str(folder)]
    finished = subprocess.run(command, cwd=sources, capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr
    (built,) = (path for path in folder.iterdir() if path.is_file())
    return built


def files_of(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def package_files(root: Path) -> set[str]:
    """Every file of the package that ought to ship."""
    found = (path for path in (root / "effmeter").rglob("*") if path.is_file())
    return {path.relative_to(root).as_posix() for path in found if "__pycache__" not in path.parts}


def run_elsewhere(
    program: str, site_folder: Path, folder: Path
) -> subprocess.CompletedProcess[str]:
    """Run a program in another directory, with one site folder and nothing else installed."""
    prelude = f"import site; site.addsitedir({str(site_folder)!r}); "
    command = [sys.executable, "-I", "-S", "-c", prelude + program]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


def test_a_wheel_holds_the_package_alone(wheel: Path) -> None:
    assert {name.split("/")[0] for name in files_of(wheel)} == {
        "effmeter",
        "effmeter-0.1.0.dist-info",
    }


def test_a_wheel_holds_every_file_of_the_package(wheel: Path, sources: Path) -> None:
    assert {name for name in files_of(wheel) if name.startswith("effmeter/")} == package_files(
        sources
    )


def test_a_wheel_holds_the_published_tables_and_the_marker_of_types(wheel: Path) -> None:
    files = files_of(wheel)
    assert "effmeter/py.typed" in files
    assert [name for name in files if "/published_tables/" in name and name.endswith(".csv")]


def test_a_wheel_declares_the_command_and_what_the_laboratory_adds(wheel: Path) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    entries = entry_points_of(wheel)
    assert entries == {"console_scripts": project["scripts"], **project["entry-points"]}
    assert entries["console_scripts"] == {"effmeter": "effmeter.cli:main"}
    assert "lab" in entries["effmeter.commands"]


def test_a_wheel_holds_the_licence(wheel: Path) -> None:
    assert "effmeter-0.1.0.dist-info/licenses/LICENSE" in files_of(wheel)


def entry_points_of(wheel: Path) -> dict[str, dict[str, str]]:
    parser = configparser.ConfigParser()
    with zipfile.ZipFile(wheel) as archive:
        parser.read_string(archive.read("effmeter-0.1.0.dist-info/entry_points.txt").decode())
    return {group: dict(parser[group]) for group in parser.sections()}


def test_an_sdist_holds_every_file_of_the_package(sdist: Path, sources: Path) -> None:
    assert package_files(sdist) == package_files(sources)


def test_an_sdist_builds_the_same_wheel(sdist: Path, wheel: Path, tmp_path: Path) -> None:
    assert files_of(build(sdist, "wheel", tmp_path)) == files_of(wheel)


@pytest.mark.parametrize("kind", ["wheel", "editable"])
def test_an_installation_exposes_effmeter_alone(kind: str, sources: Path, tmp_path: Path) -> None:
    built, site_folder, elsewhere = (tmp_path / name for name in ("built", "site", "elsewhere"))
    built.mkdir()
    elsewhere.mkdir()
    with zipfile.ZipFile(build(sources, kind, built)) as archive:
        archive.extractall(site_folder)
    found = run_elsewhere("import effmeter; print(effmeter.__file__)", site_folder, elsewhere)
    home = sources if kind == "editable" else site_folder
    assert found.stdout.strip() == str(home / "effmeter" / "__init__.py"), found.stderr
    groups = run_elsewhere(FIND_COMMANDS, site_folder, elsewhere)
    assert "effmeter.lab.cli:" in groups.stdout, groups.stderr
    for name in (*LINKS, "tests", "benchmarks", "examples"):
        refused = run_elsewhere(f"import {name}", site_folder, elsewhere)
        assert "ModuleNotFoundError" in refused.stderr, f"{name} can be imported"
