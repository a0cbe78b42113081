"""The library: programs run from Python, with everything that the command line has.

    >>> import spnl
    >>> answer = spnl.run('(g "What is the capital of France?" (temperature 0))')
    >>> print(answer.text)
    The capital of France is Paris.

Models that were loaded stay loaded in `spnl.backends.pool.POOL`, the only state that lasts from call to call.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager

from spnl.config import read_config, settle
from spnl.errors import SpnlError
from spnl.executor.answer import Output, Style
from spnl.executor.dispatch import Models
from spnl.executor.machine import execute
from spnl.executor.observer import Observer
from spnl.executor.options import RunOptions, read_parallel
from spnl.executor.results import Leaf, Load, Reply, Result
from spnl.expander import Expander
from spnl.frozen import Frozen
from spnl.inputs import Inputs
from spnl.query import Query, Think
from spnl.reader import read
from spnl.settings import Settings
from spnl.source import Source
from spnl.stores.base import Store
from spnl.syntax import Program


class Answer(Frozen):
    """What a program came to.

    `parts` are the texts of the answer in source order, each with its role, its place in the program, and
    its `reply` (model, usage, finish reason, thought, times) where a model said it. `result` is the same as a
    tree. `replies` are all generations, also those within other generations' inputs, as they finished.
    `errors` is what failed in a run that kept going; a part that stands in the place of what failed has its
    `error`. `loads` are the models that had to be loaded, and `seconds` is how long the run took.
    """

    parts: tuple[Leaf, ...]
    result: Result
    replies: tuple[Reply, ...]
    errors: tuple[SpnlError, ...] = ()
    loads: tuple[Load, ...] = ()
    seconds: float = 0.0

    @property
    def text(self) -> str:
        """The answer as one text: its parts, joined by newlines."""
        return "\n".join(part.text for part in self.parts)

    def __str__(self) -> str:
        return self.text


class Collector(Output):
    """An output that keeps the parts of an answer, and hands everything on to another if there is one."""

    def __init__(self, onward: Output | None = None) -> None:
        self.parts: list[Leaf] = []
        self.is_live = onward is not None and onward.is_live
        self._onward = onward

    def begin(self, style: Style) -> None:
        """A new leaf starts."""
        if self._onward is not None:
            self._onward.begin(style)

    def write(self, text: str) -> None:
        """More of the leaf's text."""
        if self._onward is not None:
            self._onward.write(text)

    def end(self, leaf: Leaf) -> None:
        """The leaf is complete."""
        self.parts.append(leaf)
        if self._onward is not None:
            self._onward.end(leaf)


def parse(program: str | Source) -> Program:
    """The syntax of a program. Raises `ReadError`."""
    return read(program if isinstance(program, Source) else Source("<program>", program))


def expand(
    program: str | Source | Program,
    *,
    arguments: Mapping[str, str] | None = None,
    inputs: Inputs | None = None,
) -> Query:
    """The query of a program, with `arguments` for its `(arg NAME)`s. Raises `ProgramError`.

    `inputs` is where files, stdin and a person's answers come from: without it, this process's own.
    """
    syntax = program if isinstance(program, Program) else parse(program)
    return Expander(arguments, inputs).program(syntax)


def run(
    program: str | Source | Program | Query,
    *,
    arguments: Mapping[str, str] | None = None,
    inputs: Inputs | None = None,
    model: str | None = None,
    temperature: float | None = None,
    max_tokens: int | None = None,
    think: Think | None = None,
    seed: int | None = None,
    parallel: int | None = None,
    timeout: float | None = None,
    keep_going: bool = False,
    partial: bool = False,
    output: Output | None = None,
    observer: Observer | None = None,
    models: Models | None = None,
    journal: str | os.PathLike[str] | None = None,
    cache: bool = False,
    settings: Settings | None = None,
    offline: bool = False,
    lock: str | os.PathLike[str] | None = None,
) -> Answer:
    """Run a program and give back its answer.

    `arguments` are the texts for its `(arg NAME)`s, and `inputs` is where its other data come from. `model`,
    `temperature`, `max_tokens`, `think` and `seed` replace what the program says, as the command line's flags
    do; `SPNL_MODEL`, or else the configuration, fills in where it names no model. At most `parallel`
    generations run at once; `SPNL_NUM_PARALLEL`, the configuration and the engine decide where it is None.
    The run may take `timeout` seconds. With `keep_going`, what fails is put where the answer would be and the
    rest goes on; with `partial`, `output` gets what is complete where the run is stopped. `output` is given
    the answer while it is made, and `observer` everything else. `models` gives the engines; without it, the
    pool of this process does, and loads as `settings` say, or else the environment and the configuration; the
    files of models that are not on this machine are fetched then, but not with `offline`, and only what the
    file `lock` holds is used, if it is given. Finished replies are added to the file `journal`, and with
    `cache` kept for all programs of this user; what is there is not generated again. Raises
    `SpnlError`s for everything a user can mend.
    """
    query = program if isinstance(program, Query) else expand(program, arguments=arguments, inputs=inputs)
    observer = observer or Observer()
    models = models or _models_here(settings, observer, offline, lock)
    config = read_config(os.environ)
    options = RunOptions(
        model,
        temperature,
        max_tokens,
        think,
        os.environ.get("SPNL_MODEL") or config.model,
        parallel=parallel or read_parallel(os.environ, config.parallel),
        seed=seed,
        timeout=timeout,
        keep_going=keep_going,
        partial=partial,
    )
    collector = Collector(output)
    with _stores(journal, cache, observer.notice) as stores:
        execution = execute(query, models, collector, observer, options, stores)
    return Answer(tuple(collector.parts), *execution)


def _models_here(
    settings: Settings | None, observer: Observer, offline: bool, lock: str | os.PathLike[str] | None
) -> Models:
    """The models of this process's pool, imported here: a program that runs with others needs none of it."""
    from spnl.backends.pool import POOL

    settled = POOL.with_settings(settings or settle(os.environ))
    return settled.supplied(observer.progress, offline=offline, lock=lock)


@contextmanager
def _stores(
    journal: str | os.PathLike[str] | None, cache: bool, notice: Callable[[str], None]
) -> Iterator[list[Store]]:
    """The stores of a run, open for as long as it lasts; what they take is imported for those only."""
    with ExitStack() as opened:
        stores: list[Store] = []
        if journal is not None:
            from spnl.stores.journal import Journal

            stores.append(opened.enter_context(closing(Journal(journal, notice))))
        if cache:
            from spnl.stores.cache import Cache, cache_path

            stores.append(opened.enter_context(closing(Cache(cache_path(), notice))))
        yield stores
