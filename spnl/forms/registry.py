"""The forms of the language: one decorated function each, and the table that holds them.

    @form("split")
    def split(call: Call, text: Text, separator: Text) -> tuple[str, ...]:
        \"\"\"The parts of a text between separators.

        (join (split "red, green" ", ") " and ")
        \"\"\"

A parameter's Python name, with `-` for `_`, is its name in the language; its annotation (see `types`) says
what it may be and how it is shown; a default makes it optional; keyword-only parameters are given as clauses
only, and `named` says which of the others may be. What the function is annotated to give is the kind of the
form's value, which is known also where the call has to wait. Checks of arity and type, "did you mean",
completion, the forms reference and JSON tags are all read from here. The docstring's first line is the help;
the paragraphs that begin with `(` are examples, and run in the tests.

A `special` form is given its syntax and evaluates it itself: `let`, `if`, `define`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Any

from spnl.forms._index import MODULES
from spnl.forms.call import Call as Call
from spnl.frozen import Frozen

if TYPE_CHECKING:
    from spnl.forms.types import ArgType
    from spnl.query import Kind
    from spnl.values import Value

REQUIRED = object()
"""The default of a parameter that must be given."""


class Param(Frozen):
    """One parameter of a form, as the language sees it."""

    name: str
    python_name: str
    type: ArgType
    default: Any
    positional: bool
    clause: bool
    variadic: bool

    @property
    def required(self) -> bool:
        """Whether a call without it is an error."""
        return self.default is REQUIRED


class Form:
    """A form: its names, the function that means it, and what can be read from both.

    `lone` names the parameter that a lone positional argument fills; `at_least` is how many values a
    variadic parameter needs.
    """

    def __init__(
        self,
        names: tuple[str, ...],
        function: Callable[..., Any],
        *,
        special: str | None = None,
        lone: str | None = None,
        named: tuple[str, ...] = (),
        at_least: int = 0,
    ) -> None:
        self.name, *self.aliases = names
        self.function = function
        self.special = special
        self.lone = lone
        self.named = named
        self.at_least = at_least

    @property
    def doc(self) -> str:
        """The docstring: a line of help, more where it is needed, and indented examples."""
        from inspect import getdoc

        return getdoc(self.function) or ""

    @cached_property
    def params(self) -> tuple[Param, ...]:
        """The parameters in order, read from the function's signature when first asked for."""
        return tuple(_params(self))

    @cached_property
    def clauses(self) -> dict[str, Param]:
        """The parameters that may be given as `(name value)`, by name."""
        return {param.name: param for param in self.params if param.clause}

    @cached_property
    def gives(self) -> Kind | None:
        """The kind of the form's value, read from the function's annotation; None where it may be any."""
        return _kind_given(self.function)

    @property
    def usage(self) -> str:
        """How the form is written, for messages: of many clauses, only those that a call may need."""
        if self.special is not None or len(self.signature) <= 100:
            return self.signature
        shown = [_shown(param, self.at_least) for param in self.params if param.positional]
        return f"({' '.join([self.name, *shown])} …)"

    @property
    def signature(self) -> str:
        """How the form is written, for messages and documentation."""
        if self.special is not None:
            return self.special
        return f"({' '.join([self.name, *(_shown(param, self.at_least) for param in self.params)])})"


class FormFunction:
    """A form used as a value: `(filter empty? lines)`, say."""

    __slots__ = ("form",)

    def __init__(self, form: Form) -> None:
        self.form = form

    @property
    def name(self) -> str:
        """The form's name."""
        return self.form.name


class FormTable(Mapping[str, Form]):
    """Every form by each of its names; a form's module is imported when the form is first looked up.

    A program uses few forms, and importing all their modules takes longer than reading the program. Which
    module a name is in stands in `spnl.forms._index`, which `make tables` generates.
    """

    def __init__(self) -> None:
        self._registered: dict[str, Form] = {}

    def add(self, form: Form) -> None:
        """Register a form by each of its names."""
        for name in (form.name, *form.aliases):
            assert name not in self._registered, f"two forms are named {name}"
            self._registered[name] = form

    def __getitem__(self, name: str) -> Form:
        if name not in self._registered:
            import_module(f"spnl.forms.{MODULES[name]}")
        return self._registered[name]

    def __contains__(self, name: object) -> bool:
        return name in MODULES

    def __iter__(self) -> Iterator[str]:
        return iter(MODULES)

    def __len__(self) -> int:
        return len(MODULES)


FORMS = FormTable()
"""Every form by each of its names."""


def form(
    *names: str, lone: str | None = None, named: tuple[str, ...] = (), at_least: int = 0
) -> Callable[[Callable[..., Value]], Callable[..., Value]]:
    """Register a form whose arguments are evaluated and typed before its function is called."""

    def register(function: Callable[..., Value]) -> Callable[..., Value]:
        FORMS.add(Form(names, function, lone=lone, named=named, at_least=at_least))
        return function

    return register


def special(*names: str, usage: str) -> Callable[[Callable[[Call], Value]], Callable[[Call], Value]]:
    """Register a form that is given its syntax as it stands; `usage` is how it is written."""

    def register(function: Callable[[Call], Value]) -> Callable[[Call], Value]:
        FORMS.add(Form(names, function, special=usage))
        return function

    return register


def _params(form: Form) -> Iterable[Param]:
    """Read parameters from a signature; the first one is the call, and is not the language's."""
    from inspect import Parameter, signature

    _, *parameters = signature(form.function, eval_str=True).parameters.values()
    for parameter in parameters:
        name = parameter.name.rstrip("_").replace("_", "-")
        variadic = parameter.kind is Parameter.VAR_POSITIONAL
        positional = parameter.kind is not Parameter.KEYWORD_ONLY
        default = () if variadic else parameter.default
        yield Param(
            name=name,
            python_name=parameter.name,
            type=_arg_type(parameter.annotation),
            default=REQUIRED if default is Parameter.empty else default,
            positional=positional,
            clause=not positional or name in form.named,
            variadic=variadic,
        )


def _arg_type(annotation: Any) -> ArgType:
    """The `ArgType` within an annotation, also within `X | None`."""
    from typing import get_args

    for found in (annotation, *get_args(annotation)):
        metadata = getattr(found, "__metadata__", ())
        if metadata:
            kind: ArgType = metadata[0]
            return kind
    raise TypeError(f"{annotation} says nothing of what the argument may be")


def _kind_given(function: Callable[..., Any]) -> Kind | None:
    """The kind of value that a function's annotation promises."""
    from inspect import signature
    from types import UnionType
    from typing import get_args, get_origin

    from spnl.lazy import LazyList
    from spnl.query import Deferred, Query

    kinds: dict[Any, Kind] = {
        str: "text", int: "number", float: "number", bool: "bool", tuple: "list", dict: "record",
        LazyList: "list",
    }  # fmt: skip
    promised = signature(function, eval_str=True).return_annotation
    among = get_args(promised) if isinstance(promised, UnionType) else (promised,)
    found: set[Kind | None] = set()
    for kind in (get_origin(each) or each for each in among):
        if kind is Deferred:
            continue  # a step towards what else is promised
        is_query = isinstance(kind, type) and issubclass(kind, Query)
        found.add("text" if is_query else kinds.get(kind))
    return found.pop() if len(found) == 1 else None


def _shown(param: Param, at_least: int) -> str:
    """A parameter as a signature shows it: in brackets where it may be left out."""
    upper = param.name.upper()
    if param.positional and not param.clause:
        shown = f"{upper} …" if param.variadic else upper
    else:
        shown = f"({param.name} {upper}{' …' if param.type.many or param.variadic else ''})"
    return shown if param.required or (param.variadic and at_least) else f"[{shown}]"
