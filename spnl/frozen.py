"""Frozen records: what `@dataclass(frozen=True)` makes, at a thirtieth of its cost when a module is imported.

A dataclass writes and compiles its methods when the class is made: about 0.3 ms for each of some forty
classes, which every start of `spnl` would wait for. Here the methods are shared, and a class costs 0.01 ms.
Type checkers see a dataclass. (`make bench ARGS=processes` measures the start.)

    class Point(Frozen):
        x: int
        y: int = 0

Fields are the annotated names, in order, those of base classes first. `aside` makes one that is given by
keyword and takes no part in equality.
"""

from __future__ import annotations

from typing import Any, ClassVar, Self, dataclass_transform


class _Aside:
    """The mark of a field that is keyword-only and outside equality."""

    def __init__(self, default: Any) -> None:
        self.default = default


def aside(*, default: Any = None, kw_only: bool = True, compare: bool = False) -> Any:
    """A field given by keyword only, which neither equality nor `repr` looks at."""
    return _Aside(default)


@dataclass_transform(frozen_default=True, field_specifiers=(aside,))
class Frozen:
    """The base of frozen records. Equal when of one class with equal fields."""

    _fields: ClassVar[tuple[str, ...]] = ()
    """The fields that count, in order."""
    _asides: ClassVar[tuple[str, ...]] = ()
    _defaults: ClassVar[dict[str, Any]] = {}
    __match_args__: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        annotations = vars(cls).get("__annotations__", {})
        own = [name for name, kind in annotations.items() if "ClassVar" not in str(kind)]
        given = {name: cls.__dict__[name] for name in own if name in cls.__dict__}
        asides = {name: default for name, default in given.items() if isinstance(default, _Aside)}
        # Of several bases only the first has fields of its own; the others change how records compare.
        cls._fields += tuple(name for name in own if name not in cls._fields and name not in asides)
        cls._asides += tuple(asides)
        cls._defaults = cls._defaults | given | {name: mark.default for name, mark in asides.items()}
        cls.__match_args__ = cls._fields  # type: ignore[misc]

    def __init__(self, *values: Any, **named: Any) -> None:
        fields = {**self._defaults, **dict(zip(self._fields, values, strict=False)), **named}
        self.__dict__.update(fields)
        expected = len(self._fields) + len(self._asides)
        if len(fields) != expected or len(values) > len(self._fields):
            self._refuse(values, named)

    def _refuse(self, values: tuple[Any, ...], named: dict[str, Any]) -> None:
        missing = [name for name in self._fields if name not in self.__dict__]
        unknown = [name for name in named if name not in (*self._fields, *self._asides)]
        raise TypeError(
            f"{type(self).__name__}() takes {self._fields}: "
            f"{len(values)} positional, missing {missing}, unknown {unknown}"
        )

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"{type(self).__name__} is frozen: {name} cannot be set")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{type(self).__name__} is frozen: {name} cannot be deleted")

    def _key(self) -> tuple[Any, ...]:
        values = self.__dict__
        return tuple([values[name] for name in self._fields])

    def __eq__(self, other: object) -> bool:
        if other.__class__ is not self.__class__:
            return NotImplemented
        return self is other or self._key() == other._key()

    def __hash__(self) -> int:
        return hash((type(self), self._key()))

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={self.__dict__[name]!r}" for name in self._fields)
        return f"{type(self).__name__}({shown})"

    def but(self, **changes: Any) -> Self:
        """A copy with some fields changed."""
        return type(self)(**{**self.__dict__, **changes})

    def as_dict(self) -> dict[str, Any]:
        """The fields that count, by name."""
        return {name: self.__dict__[name] for name in self._fields}


class Unique(Frozen):
    """A frozen record that equals only itself."""

    __eq__ = object.__eq__
    __hash__ = object.__hash__
