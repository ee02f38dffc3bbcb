"""The law of imports, read from the sources, so that nothing needs to be installed for it.

Imports for type checking and inside functions count as well: they too are knowledge of another
part. Three tests hold the law: the table of who may import whom, no circles, and no name in the
place of a module. The rest holds what an import loads.
"""

import ast
import functools
import importlib
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import effmeter

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "effmeter"
LINKS = ("probes", "methods", "kernels", "cli")

LEAVES = frozenset(
    {
        "channel",
        "clock",
        "cover",
        "cover_in_time",
        "errors",
        "escaping",
        "reason",
        "status",
        "typed_fields",
        "units",
    }
)
INSTRUMENT: Mapping[str, frozenset[str]] = {
    **dict.fromkeys(LEAVES, LEAVES),
    "energy": LEAVES,
    "probes": LEAVES,
    "runfile": LEAVES,
    "importers": LEAVES | {"runfile"},
    "state": LEAVES,
    "wire": LEAVES | {"runfile"},
    "client": LEAVES | {"wire", "runfile", "state"},
    "recorder": LEAVES | {"energy", "probes", "wire", "runfile"},
    "stopping": LEAVES | {"energy"},
    "tracking": LEAVES | {"energy", "stopping", "client"},
    "recorded": LEAVES | {"energy", "runfile"},
    "analysis": LEAVES | {"energy", "recorded", "stopping"},
    "report": LEAVES | {"energy", "recorded", "analysis", "state"},
}
MAY_IMPORT: Mapping[str, frozenset[str]] = {
    **INSTRUMENT,
    "kernels": frozenset({"errors"}),
    "methods": frozenset({"errors", "kernels"}),
    "cli": frozenset({*INSTRUMENT, "__init__"}),
    "lab": frozenset({*INSTRUMENT, "kernels", "methods", "cli", "__init__"}),
    "__init__": frozenset(INSTRUMENT),
    "__main__": frozenset({"cli"}),
}
"""What each part of effmeter may import besides itself; ``__init__`` is ``effmeter`` itself."""

MAY_IMPORT_INSIDE: Mapping[str, Mapping[str, frozenset[str]]] = {
    "probes": {
        **dict.fromkeys(
            (
                *("rapl", "nvidia", "amd", "apple", "hwmon", "estimate"),
                *("intel", "cray", "wall"),
            ),
            frozenset(
                {
                    *("base", "sysfs", "pci", "device_tree"),
                    *("meter_files", "program_output", "settings_file"),
                }
            ),
        )
    },
    "lab": {
        "spec": frozenset(),
        "workloads": frozenset({"spec"}),
        "sweep": frozenset({"spec", "workloads"}),
        "studies": frozenset({"spec", "workloads", "sweep"}),
    },
}
"""The same inside a part: a family of sensors knows no other one."""

KERNEL_LIBRARIES = frozenset({"numba", "numpy"})
METHOD_LIBRARIES = frozenset({"torch", "numpy"})
HEAVY = ("torch", "numba", "pyarrow", "numpy", "click", "rich", "pynvml", "psutil")

Bound = tuple[str, str]
"""A name that a module binds, and the dotted name that it was imported from, else ''."""


@functools.cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), str(path))


@functools.cache
def imported_names(path: Path) -> frozenset[str]:
    """Dotted names that a file imports, at any depth; ``from a import b`` counts as ``a.b``."""
    names: set[str] = set()
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return frozenset(names)


def module_name(path: Path) -> str:
    names = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(names[:-1] if names[-1] == "__init__" else names)


MODULES = {module_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}


@functools.cache
def imported_modules(module: str) -> frozenset[str]:
    """The modules of effmeter that a module names, itself left out."""
    own = (name for name in imported_names(MODULES[module]) if name.split(".")[0] == "effmeter")
    homes = (name if name in MODULES else name.rpartition(".")[0] for name in own)
    return frozenset(home for home in homes if home != module)


def part_of(module: str, depth: int = 1) -> str:
    """The part of effmeter that holds a module, or at depth 2 the part of that part."""
    names = module.split(".")
    return names[depth] if len(names) > depth else "__init__"


def violations_of(table: Mapping[str, frozenset[str]], within: str = "") -> dict[str, list[str]]:
    """The modules that import a part of effmeter (or of one part) that the table denies."""
    depth = 2 if within else 1
    found = {}
    for module in MODULES:
        part = part_of(module, depth)
        if (within and part_of(module) != within) or (within and part not in table):
            continue
        named = (n for n in imported_modules(module) if not within or part_of(n) == within)
        denied = {n for n in named if part_of(n, depth) not in table[part] | {part}}
        if denied:
            found[module] = sorted(denied)
    return found


def imported_libraries(module: str) -> set[str]:
    roots = {name.split(".")[0] for name in imported_names(MODULES[module])}
    return roots - sys.stdlib_module_names - {"effmeter"}


def names_bound(body: list[ast.stmt]) -> Iterator[Bound]:
    """Every name that the top level of a module binds, whichever way an ``if`` goes."""
    for node in body:
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield name, ""
            case ast.ClassDef(name=name):
                yield name, ""
            case ast.ImportFrom(module=module, names=names):
                yield from ((n.asname or n.name, f"{module}.{n.name}") for n in names)
            case ast.Assign(targets=targets):
                yield from ((t.id, "") for t in targets if isinstance(t, ast.Name))
            case ast.AnnAssign(target=ast.Name(id=name)):
                yield name, ""
            case ast.If(body=inner, orelse=otherwise) | ast.Try(body=inner, orelse=otherwise):
                yield from names_bound([*inner, *otherwise])


def loaded_by(statement: str, *names: str) -> list[str]:
    """Which of the named packages a fresh interpreter has loaded after a statement."""
    program = f"import sys; {statement}; print(*sorted({set(names)!r} & set(sys.modules)))"
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    finished = subprocess.run(
        [sys.executable, "-c", program], env=environ, capture_output=True, text=True, check=True
    )
    return finished.stdout.split()


def test_each_part_imports_only_what_the_table_allows() -> None:
    parts = {part_of(module) for module in MODULES}
    assert parts == set(MAY_IMPORT), "a part without a rule, or a rule without its part"
    found = violations_of(MAY_IMPORT)
    for part, table in MAY_IMPORT_INSIDE.items():
        found |= violations_of(table, within=part)
    assert found == {}


def test_no_module_imports_itself_through_others() -> None:
    try:
        TopologicalSorter({module: imported_modules(module) for module in MODULES}).prepare()
    except CycleError as error:
        pytest.fail(" imports ".join(reversed(error.args[1])))


def test_no_name_takes_the_place_of_a_module() -> None:
    """``effmeter.a.b`` is always the module: nothing that ``effmeter.a`` binds is called ``b``."""
    hidden = []
    for module, path in MODULES.items():
        is_package = path.name == "__init__.py"
        for name, home in names_bound(tree_of(path).body):
            taken = f"{module}.{name}" if is_package else module
            own = name == module.rpartition(".")[2] and not is_package and not home
            if own or (is_package and taken in MODULES and home != taken):
                hidden.append(f"{taken} is hidden by {module}.{name}")
    assert hidden == []


def test_kernels_and_methods_load_the_libraries_of_their_table_alone() -> None:
    allowed = {"kernels": KERNEL_LIBRARIES, "methods": METHOD_LIBRARIES}
    found = {
        module: sorted(further)
        for module in MODULES
        if (part := part_of(module)) in allowed
        and (further := imported_libraries(module) - allowed[part])
    }
    assert found == {}


@pytest.mark.parametrize("folder", ["effmeter", "tests", "benchmarks"])
def test_nothing_is_imported_through_the_links_at_the_root(folder: str) -> None:
    for path in (ROOT / folder).rglob("*.py"):
        roots = {name.split(".")[0] for name in imported_names(path)}
        assert roots.isdisjoint(LINKS), path


@pytest.mark.parametrize("name", LINKS)
def test_a_link_at_the_root_leads_into_the_package(name: str) -> None:
    assert Path(os.readlink(ROOT / name)) == Path("effmeter", name)


def test_importing_effmeter_loads_no_library() -> None:
    assert loaded_by("import effmeter", *HEAVY) == []


def test_listing_the_workloads_loads_no_framework() -> None:
    recipe = "Recipe('lenet', method='gskip+e2-train')"
    statement = f"from effmeter.lab.workloads import Recipe, check; check({recipe})"
    assert loaded_by(statement, "torch", "numpy", "sklearn") == []


def test_every_public_name_loads() -> None:
    for name in effmeter.__all__:
        assert getattr(effmeter, name) is not None


def test_no_public_name_takes_the_place_of_a_module() -> None:
    assert {part_of(module) for module in MODULES}.isdisjoint(effmeter.__all__)


def test_public_names_are_listed_for_completion() -> None:
    assert set(effmeter.__all__) <= set(dir(effmeter))


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no_such_name"):
        getattr(effmeter, "no_such" + "_name")


def test_every_module_of_the_instrument_is_what_its_package_calls_by_its_name() -> None:
    for module in MODULES:
        package, _, name = module.rpartition(".")
        if package and part_of(module) in INSTRUMENT and name != "__main__":
            loaded = importlib.import_module(module)
            assert getattr(sys.modules[package], name) is loaded
