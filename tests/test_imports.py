"""Who may import whom, read from the sources, so that a package need not be installed for it.

Imports for type checking count as well: they too are knowledge of another part.
"""

import ast
import importlib
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import pytest

import effmeter

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "effmeter"
LINKS = ("probes", "methods", "kernels", "cli")

LEAVES = frozenset({"errors", "units", "clock", "channel", "cover", "reason", "status"})
KERNEL_LIBRARIES = frozenset({"numba", "numpy"})
METHOD_LIBRARIES = frozenset({"torch", "numpy"})

MAY_IMPORT: Mapping[str, frozenset[str]] = {
    **dict.fromkeys(LEAVES, LEAVES),
    "energy": LEAVES,
    "probes": LEAVES,
    "runfile": LEAVES,
    "state": LEAVES,
    "wire": LEAVES | {"runfile"},
    "client": LEAVES | {"wire", "runfile", "state"},
    "recorder": LEAVES | {"energy", "probes", "wire", "runfile"},
    "stopping": LEAVES | {"energy"},
    "tracking": LEAVES | {"energy", "stopping", "client", "runfile"},
    "recorded": LEAVES | {"energy", "runfile"},
    "analysis": LEAVES | {"energy", "recorded", "stopping"},
    "report": LEAVES | {"energy", "recorded", "analysis", "state"},
    "kernels": frozenset(),
    "methods": frozenset({"errors", "kernels"}),
}
INSTRUMENT = frozenset(MAY_IMPORT) - {"kernels", "methods"}
EVERYTHING = frozenset({*MAY_IMPORT, "cli", "lab"})
MAY_IMPORT = {
    **MAY_IMPORT,
    "cli": INSTRUMENT,
    "lab": EVERYTHING,
    "__init__": INSTRUMENT,
    "__main__": frozenset({"cli"}),
}

HEAVY = ("torch", "numba", "pyarrow", "numpy", "click", "rich", "pynvml", "psutil")


def sources(*parts: str) -> list[Path]:
    return [path for path in sorted(PACKAGE.rglob("*.py")) if not parts or part_of(path) in parts]


def part_of(path: Path) -> str:
    """The folder or module directly under effmeter that holds a source file."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def module_name(path: Path) -> str:
    names = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(names[:-1] if names[-1] == "__init__" else names)


def imported_names(path: Path) -> Iterator[str]:
    """Dotted names that a file imports, at any depth; ``from a import b`` counts as ``a.b``."""
    for node in ast.walk(ast.parse(path.read_text(), str(path))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def imported_parts(path: Path) -> set[str]:
    names = (name.split(".") for name in imported_names(path))
    return {name[1] for name in names if name[0] == "effmeter" and len(name) > 1}


def imported_libraries(path: Path) -> set[str]:
    roots = {name.split(".")[0] for name in imported_names(path)}
    return roots - sys.stdlib_module_names - {"effmeter"}


def import_graph() -> dict[str, set[str]]:
    """Each module of effmeter with the modules of effmeter that it names."""
    paths = {module_name(path): path for path in sources()}
    graph: dict[str, set[str]] = {}
    for module, path in paths.items():
        named = (n if n in paths else n.rpartition(".")[0] for n in imported_names(path))
        graph[module] = {name for name in named if name in paths and name != module}
    return graph


def circles(graph: Mapping[str, Iterable[str]]) -> list[list[str]]:
    """One circle through each module that can reach itself, without repeats."""
    found: dict[frozenset[str], list[str]] = {}
    for start in graph:
        paths = [[start]]
        seen = {start}
        while paths:
            path = paths.pop(0)
            for following in graph.get(path[-1], ()):
                if following == start:
                    found.setdefault(frozenset(path), path)
                elif following not in seen:
                    seen.add(following)
                    paths.append([*path, following])
    return list(found.values())


def loaded_by(statement: str, *names: str) -> list[str]:
    """Which of the named packages a fresh interpreter has loaded after a statement."""
    program = f"import sys; {statement}; print(*sorted({set(names)!r} & set(sys.modules)))"
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    finished = subprocess.run(
        [sys.executable, "-c", program], env=environ, capture_output=True, text=True, check=True
    )
    return finished.stdout.split()


def test_each_part_imports_only_what_the_table_allows() -> None:
    assert {part_of(path) for path in sources()} <= set(MAY_IMPORT), "a part without a rule"
    violations = {
        module_name(path): sorted(further)
        for path in sources()
        if (further := imported_parts(path) - MAY_IMPORT[part_of(path)] - {part_of(path)})
    }
    assert violations == {}


def test_no_module_imports_itself_through_others() -> None:
    assert circles(import_graph()) == []


def test_kernels_and_methods_load_the_libraries_of_their_table_alone() -> None:
    allowed = {"kernels": KERNEL_LIBRARIES, "methods": METHOD_LIBRARIES}
    violations = {
        module_name(path): sorted(further)
        for path in sources(*allowed)
        if (further := imported_libraries(path) - allowed[part_of(path)])
    }
    assert violations == {}


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


def test_public_names_are_listed_for_completion() -> None:
    assert set(effmeter.__all__) <= set(dir(effmeter))


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no_such_name"):
        getattr(effmeter, "no_such" + "_name")


def test_no_function_or_public_name_hides_a_module() -> None:
    """A name in a package's namespace that is also one of its modules must be that module."""
    hidden = []
    for path in sources():
        name = module_name(path)
        package, _, last = name.rpartition(".")
        if package and path.name != "__init__.py":
            defined = {n.name for n in ast.parse(path.read_text()).body if isinstance(n, DEFINED)}
            hidden += [name] * (last in defined)
            init = PACKAGE.parent.joinpath(*package.split("."), "__init__.py")
            bound = {i.rpartition(".")[2] for i in imported_names(init)} - {
                i.rpartition(".")[2] for i in imported_names(init) if i == name
            }
            hidden += [f"{package}: {last}"] * (last in bound)
    assert hidden == []
    modules = {path.stem for path in PACKAGE.iterdir()}
    assert modules.isdisjoint(effmeter.__all__)


DEFINED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def test_every_module_of_the_instrument_loads_by_its_name() -> None:
    """``import a.b.c as m`` gives the module, not something that took its place."""
    for path in sources("analysis", "stopping", "tracking", "recorded", "report"):
        name = module_name(path)
        loaded = importlib.import_module(name)
        assert sys.modules[name] is loaded
