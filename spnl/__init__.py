"""spnl: a language for programs that use language models, run on your own machine.

    >>> import spnl
    >>> spnl.run('(g "What is the capital of France?" (temperature 0))').text
    'The capital of France is Paris.'

Everything public is named in `__all__`, and imported when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from spnl.version import __version__

if TYPE_CHECKING:
    from spnl.api import Answer, expand, parse, run
    from spnl.errors import (
        GenerationError,
        ModelError,
        ProgramError,
        SpnlError,
        UsageError,
    )
    from spnl.executor.observer import Observer
    from spnl.executor.results import Leaf, Reply
    from spnl.source import Source

__all__ = [
    "Answer",
    "GenerationError",
    "Leaf",
    "ModelError",
    "Observer",
    "ProgramError",
    "Reply",
    "Source",
    "SpnlError",
    "UsageError",
    "__version__",
    "expand",
    "parse",
    "run",
]

_HOMES = {
    "Answer": "spnl.api",
    "expand": "spnl.api",
    "parse": "spnl.api",
    "run": "spnl.api",
    "GenerationError": "spnl.errors",
    "ModelError": "spnl.errors",
    "ProgramError": "spnl.errors",
    "SpnlError": "spnl.errors",
    "UsageError": "spnl.errors",
    "Observer": "spnl.executor.observer",
    "Leaf": "spnl.executor.results",
    "Reply": "spnl.executor.results",
    "Source": "spnl.source",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'spnl' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
