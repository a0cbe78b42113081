"""Files of definitions: each loaded once, however many others import it."""

from __future__ import annotations

import os
from collections.abc import Callable

from spnl.errors import ProgramError
from spnl.files import located
from spnl.inputs import Inputs
from spnl.reader import read
from spnl.scope import Scope
from spnl.source import Source, Span
from spnl.syntax import List, Node, Symbol, Text
from spnl.values import Value


class Module:
    """The top level of one file: its names, and where each got its own."""

    __slots__ = ("places", "scope")

    def __init__(self) -> None:
        self.scope = Scope()
        self.places: dict[str, Span] = {}


class Loader:
    """Loads the files that a program imports. `expand` expands one top-level form of a module."""

    def __init__(self, inputs: Inputs, expand: Callable[[Module, Node], object]) -> None:
        self._inputs = inputs
        self._expand = expand
        self._loaded: dict[str, dict[str, Value]] = {}
        self._loading: dict[str, Span | None] = {}
        """The files under way, from the program's own on, and where each is imported."""

    def enter(self, source: Source) -> None:
        """Say which file the program itself is, so that one which imports it is found out."""
        if os.path.dirname(source.name) == source.folder and os.path.isfile(source.name):
            self._loading = {os.path.realpath(source.name): None}

    def definitions(self, path: Text) -> dict[str, Value]:
        """What the file at `path` defines. `ProgramError` where it cannot be read, or does anything else."""
        folder = path.span.source.folder
        target = _real_path(located(path.value, folder))
        if target not in self._loaded:
            if target in self._loading:
                raise self._cycle(target, path)
            source = self._inputs.program(path.value, folder, path.span)
            self._loading[target] = path.span
            try:
                self._loaded[target] = self._load(source)
            except ProgramError as error:
                error.notes += (f"imported at {path.span}",)
                raise
            finally:
                del self._loading[target]
        return self._loaded[target]

    def _load(self, source: Source) -> dict[str, Value]:
        module = Module()
        own: dict[str, Value] = {}
        for node in read(source).items:
            keyword = _keyword(node)
            if keyword not in ("define", "import"):
                raise ProgramError(
                    "not-a-definition",
                    "a file that is imported holds definitions only",
                    span=node.span,
                    helps=("name it with `define`, or move it to the program that imports this file",),
                )
            self._expand(module, node)
            if keyword == "define":
                # What a file imports is for its own use: only what it defines is handed on. A definition
                # that the checker has found a mistake in may define nothing.
                name = _defined_name(node)
                if name in module.scope.names:
                    own[name] = module.scope.names[name]
        return own

    def _cycle(self, target: str, path: Text) -> ProgramError:
        within = list(self._loading)
        cycle = [*within[within.index(target) :], target]
        names = " imports ".join(os.path.basename(file) for file in cycle)
        return ProgramError(
            "import-cycle",
            f"a file imports itself: {names}",
            span=path.span,
            helps=("move what both files need into a third that both import",),
        )


def _real_path(path: str) -> str:
    """What a path leads to; a path that no file can have (it holds a NUL) stays as it is."""
    try:
        return os.path.realpath(path)
    except ValueError:
        return path


def _defined_name(definition: Node) -> str:
    """The name that a definition gives; empty where it is not written as one."""
    assert isinstance(definition, List)
    match definition.items:
        case (_, Symbol(name=name), *_) | (_, List(items=(Symbol(name=name), *_)), *_):
            return name
    return ""


def _keyword(node: Node) -> str:
    if isinstance(node, List) and node.items and isinstance(node.items[0], Symbol):
        return node.items[0].name
    return ""
