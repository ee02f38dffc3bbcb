"""Who may import whom, read from the sources, so that a package need not be installed for it.

Imports for type checking count as well: they too are knowledge of another part.
"""

import ast
import os
import pkgutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import effmeter

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "effmeter"
LINKS = ("probes", "methods", "kernels", "cli")

LEAVES = frozenset({"errors", "units", "clock", "counters", "energy", "schema", "cover"})
STAGES = ("recorder", "stopping", "tracking", "store", "analysis", "report", "integrations")
METHOD_LIBRARIES = frozenset(
    {"torch", "numpy", "sklearn", "scipy", "pyarrow", "PIL", "datasets", "torchmetrics"}
)
KERNEL_LIBRARIES = frozenset({"numba", "numpy"})

ALLOWED = {
    "probes": LEAVES,
    **{stage: LEAVES.union(STAGES[:place]) for place, stage in enumerate(STAGES)},
    "kernels": frozenset[str](),
    "methods": frozenset({"kernels"}),
    **dict.fromkeys(LEAVES, LEAVES),
}
ALLOWED["recorder"] |= {"probes"}
UNRESTRICTED = frozenset({"grid", "reproduce", "cli", "__init__", "__main__"})

HEAVY = ("torch", "numba", "pyarrow", "numpy", "click", "rich", "pynvml", "psutil")


def part_of(path: Path) -> str:
    """The folder or module directly under effmeter that holds a source file."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def sources(*parts: str) -> list[Path]:
    return [path for path in sorted(PACKAGE.rglob("*.py")) if not parts or part_of(path) in parts]


def imported_modules(path: Path) -> Iterator[str]:
    """Dotted names that a file imports, at any depth; ``from a import b`` counts as ``a.b``."""
    for node in ast.walk(ast.parse(path.read_text(), str(path))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def imported_parts(path: Path) -> set[str]:
    names = (module.split(".") for module in imported_modules(path))
    return {name[1] for name in names if name[0] == "effmeter" and len(name) > 1}


def imported_libraries(path: Path) -> set[str]:
    roots = {module.split(".")[0] for module in imported_modules(path)}
    return roots - sys.stdlib_module_names - {"effmeter"}


def loaded_by(statement: str, *names: str) -> list[str]:
    """Which of the named packages a fresh interpreter has loaded after a statement."""
    program = f"import sys; {statement}; print(*sorted({set(names)!r} & set(sys.modules)))"
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    finished = subprocess.run(
        [sys.executable, "-c", program], env=environ, capture_output=True, text=True, check=True
    )
    return finished.stdout.split()


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_imports_only_what_its_part_may(path: Path) -> None:
    part = part_of(path)
    if part in UNRESTRICTED:
        return
    assert part in ALLOWED, f"{part} has no place in the table of who may import whom"
    assert imported_parts(path) <= ALLOWED[part] | {part}


def test_every_part_in_the_table_that_exists_is_checked() -> None:
    assert {part_of(path) for path in sources()} >= LEAVES | {"probes", "recorder", "methods"}


@pytest.mark.parametrize("path", sources("methods"), ids=lambda path: path.name)
def test_methods_know_the_framework_and_nothing_of_measuring(path: Path) -> None:
    assert imported_libraries(path) <= METHOD_LIBRARIES


@pytest.mark.parametrize("path", sources("kernels"), ids=lambda path: path.name)
def test_kernels_know_numba_and_numpy_alone(path: Path) -> None:
    assert imported_libraries(path) <= KERNEL_LIBRARIES


@pytest.mark.parametrize("folder", ["effmeter", "tests", "bench"])
def test_nothing_is_imported_through_the_links_at_the_root(folder: str) -> None:
    for path in (ROOT / folder).rglob("*.py"):
        roots = {module.split(".")[0] for module in imported_modules(path)}
        assert roots.isdisjoint(LINKS), path


@pytest.mark.parametrize("name", LINKS)
def test_a_link_at_the_root_leads_into_the_package(name: str) -> None:
    assert Path(os.readlink(ROOT / name)) == Path("effmeter", name)


def test_importing_effmeter_loads_no_library() -> None:
    assert loaded_by("import effmeter", *HEAVY) == []


def test_listing_the_workloads_loads_no_framework() -> None:
    recipe = "Recipe('lenet', method='gskip+e2-train')"
    statement = f"from effmeter.methods.workloads import Recipe, check; check({recipe})"
    assert loaded_by(statement, "torch", "numpy", "sklearn") == []


def test_every_public_name_loads() -> None:
    for name in effmeter.__all__:
        assert getattr(effmeter, name) is not None


def test_public_names_are_listed_for_completion() -> None:
    assert set(effmeter.__all__) <= set(dir(effmeter))


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no_such_name"):
        getattr(effmeter, "no_such" + "_name")


def test_no_public_name_is_also_a_submodule() -> None:
    submodules = {module.name for module in pkgutil.iter_modules(effmeter.__path__)}
    assert submodules.isdisjoint(effmeter.__all__)
