"""The architecture: imports go one way, heavy packages have one importer each, and modules stay small.

Everything here is read from the source with `ast`; nothing is imported.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "spnl"

LAYERS = """
    version _tables errors visible width frozen lazy places setting_types interrupts imports
    source settings
    syntax read_errors malformed limits config_file
    literals
    reader
    query config models.names
    scope models.naming
    values
    files
    inputs answers call_stack
    modules
    forms.*
    forms
    optimizer expand_errors
    expander
    unused unreachable
    checker
    lexer formatting.*
    formatting
    codec.*
    codec
    models.*
    models
    backends.base backends.messages
    backends.table
    backends.mistralrs.*
    backends.mistralrs
    backends.servers.*
    backends.servers
    backends.supply
    backends.pool
    backends
    stores.*
    stores
    executor.*
    executor
    api planner
    trial
    doctor
    diagnostics live output_file
    console
    fetch_display timing progress
    records teller
    benching.*
    benching
    repl.*
    repl
    server.*
    server
    commands.*
    commands
    cli
    __main__
"""
"""Every module, without `spnl.`, lowest layer first: a module imports from lines above its own only.

`package.*` stands for the modules of a package, which may import each other, but never in a circle.
"""

ONLY_IMPORTERS = {
    "lark": {"reader"},
    "mistralrs": {"backends.mistralrs"},
    "huggingface_hub": {"models"},
    "click": {"cli", "commands"},
    "httpx2": {"backends.servers", "models.hub", "models.transfer"},
    "colorama": {"console", "diagnostics", "formatting.differences"},
    "prompt_toolkit": {"repl.keyboard"},
    "pygments": {"lexer", "repl.tokens", "repl.context"},
    "yaml": {"codec"},
    "jinja2": {"models", "backends.mistralrs"},
    "starlette": {"server"},
    "uvicorn": {"server"},
    "msgspec": {"server"},
    "prometheus_client": {"server"},
}
"""Which modules or packages may import a package of others, also within functions; none may import more."""

FOR_TYPES_ONLY = {
    ("errors", "source"): "an error has a span, and reading a source raises errors",
    ("scope", "values"): "a scope holds values, and a function is a value that has its scope",
}
"""Imports that run upwards, for annotations only: `if TYPE_CHECKING`. Within one package they are free."""

LONG_MODULES = {
    "_tables": "lark's tables, generated",
}
"""Modules over 300 lines, and why."""

LONG_FUNCTIONS: dict[str, str] = {}
"""Functions over 60 lines, and why."""


class Import(NamedTuple):
    """One import: by whom, of what (a full module name), on which line, and whether for annotations only."""

    importer: str
    imported: str
    line: int
    for_types: bool


def name_of(path: Path) -> str:
    """A module's name without `spnl.`; empty for the package itself."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {name_of(path): path for path in sorted(PACKAGE.rglob("*.py"))}
TREES = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in MODULES.items()}
RANKS = {name: rank for rank, line in enumerate(LAYERS.split("\n")) for name in line.split()}
PUBLIC = ""
"""The package itself: it gives its public names out lazily, so it is at no layer."""


def rank(module: str) -> int:
    """A module's layer; of a module that LAYERS does not name, the highest."""
    package, _, _ = module.rpartition(".")
    return RANKS[module] if module in RANKS else RANKS.get(f"{package}.*", len(RANKS))


def imports(module: str) -> Iterator[Import]:
    """Every import of a module, wherever in it: also in functions."""
    tree = TREES[module]
    typed = {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        for statement in node.body
        for inner in ast.walk(statement)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(module, alias.name, node.lineno, node in typed)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}:{node.lineno}: imports are absolute"
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                inner = full.removeprefix("spnl.") in MODULES and full.startswith("spnl.")
                yield Import(module, full if inner else str(node.module), node.lineno, node in typed)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
            for argument in node.args:
                if isinstance(argument, ast.Constant):
                    yield Import(module, str(argument.value), node.lineno, False)


def own_imports() -> Iterator[tuple[Import, str]]:
    """Every import of one module of the project by another, with the imported module's short name."""
    for module in MODULES:
        for found in imports(module):
            if found.imported == "spnl" or found.imported.startswith("spnl."):
                yield found, found.imported.removeprefix("spnl").removeprefix(".")


def is_within(module: str, packages: set[str]) -> bool:
    """Whether a module is one of the packages, or in one."""
    return any(module == package or module.startswith(f"{package}.") for package in packages)


def test_every_module_has_its_layer() -> None:
    """A new module is put into LAYERS, where its imports point down; one that is gone is taken out."""
    packages = {f"{module.rpartition('.')[0]}.*" for module in MODULES if "." in module}
    unknown = [
        module
        for module in MODULES
        if module not in RANKS and f"{module.rpartition('.')[0]}.*" not in RANKS and module != PUBLIC
    ]
    assert unknown == []
    assert sorted(set(RANKS) - set(MODULES) - packages) == []


def test_imports_go_one_way() -> None:
    wrong = [
        f"spnl.{found.importer}:{found.line} imports spnl.{target}"
        for found, target in own_imports()
        if found.importer != PUBLIC
        and not (points_down(found.importer, target) or is_for_types(found, target))
    ]
    assert wrong == []


def points_down(importer: str, target: str) -> bool:
    """Whether an import is of a lower layer, or of a sibling where LAYERS names both by their package."""
    siblings = importer not in RANKS and target not in RANKS and rank(importer) == rank(target)
    return target != PUBLIC and (siblings or rank(target) < rank(importer))


def is_for_types(found: Import, target: str) -> bool:
    """Whether an import is for annotations only and may run upwards."""
    package = found.importer.rpartition(".")[0]
    within = package != "" and target.startswith(f"{package}.")
    return found.for_types and (within or (found.importer, target) in FOR_TYPES_ONLY)


def test_imports_never_run_in_a_circle() -> None:
    """Also not within one package, and not within functions."""
    graph: dict[str, set[str]] = {module: set() for module in MODULES if module != PUBLIC}
    for found, target in own_imports():
        if found.importer != PUBLIC and not found.for_types:
            graph[found.importer].add(target)
    try:
        list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        pytest.fail(" <- ".join(error.args[1]))


def test_exceptions_for_types_are_still_needed() -> None:
    seen = {(found.importer, target) for found, target in own_imports() if found.for_types}
    assert sorted(set(FOR_TYPES_ONLY) - seen) == []


def test_heavy_packages_have_one_importer() -> None:
    """`lark` reads, `mistralrs` runs models, `huggingface_hub` fetches, `click` is the command line."""
    wrong = [
        f"spnl.{found.importer}:{found.line} imports {found.imported}"
        for module in MODULES
        for found in imports(module)
        if (package := found.imported.split(".")[0]) in ONLY_IMPORTERS
        if not is_within(module, ONLY_IMPORTERS[package])
    ]
    assert wrong == []


def test_forms_never_import_the_expander_and_backends_never_a_form() -> None:
    """Said by LAYERS too; said again because a row there could be moved."""
    for found, target in own_imports():
        assert not (is_within(found.importer, {"forms"}) and target == "expander"), found
        assert not (is_within(found.importer, {"backends", "models"}) and is_within(target, {"forms"})), found


def test_tests_of_the_package_are_not_imported_by_it() -> None:
    for module in MODULES:
        for found in imports(module):
            assert found.imported.split(".")[0] not in ("tests", "scripted", "recording", "pytest"), found


def functions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def test_modules_have_at_most_300_lines() -> None:
    counts = {name: len(path.read_text(encoding="utf-8").splitlines()) for name, path in MODULES.items()}
    assert {name: count for name, count in counts.items() if count > 300 and name not in LONG_MODULES} == {}
    assert [name for name in LONG_MODULES if counts.get(name, 0) <= 300] == []


def test_functions_have_at_most_60_lines() -> None:
    """Signature and docstring included."""
    lengths = {
        f"{name}.{function.name}": (function.end_lineno or 0) - function.lineno + 1
        for name, tree in TREES.items()
        for function in functions(tree)
    }
    assert {name: n for name, n in lengths.items() if n > 60 and name not in LONG_FUNCTIONS} == {}
    assert [name for name in LONG_FUNCTIONS if lengths.get(name, 0) <= 60] == []


def test_modules_say_why_they_exist() -> None:
    assert [name for name, tree in TREES.items() if tree.body and not ast.get_docstring(tree)] == []


@pytest.mark.parametrize("module", MODULES)
def test_nothing_runs_text_as_code(module: str) -> None:
    """No `eval`, `exec`, shell or pickle: what programs and models say is data."""
    for node in ast.walk(TREES[module]):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            assert called not in ("eval", "exec", "compile", "os.system", "os.popen", "__import__"), called
            assert not any(word.arg == "shell" for word in node.keywords), f"line {node.lineno}"
    for found in imports(module):
        assert found.imported.split(".")[0] not in ("pickle", "marshal", "shelve", "dill"), found


def test_nothing_is_left_to_do() -> None:
    for name, path in MODULES.items():
        assert not re.search(r"\b(TODO|FIXME|XXX)\b", path.read_text(encoding="utf-8")), name
