"""Writing YAML: data to text that every version of YAML reads alike.

Texts stand in double quotes, or in a block `|` where they have several lines, so that none is taken for
something else. Events go to the emitter one by one: nothing is recursive, and nothing becomes an alias.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from typing import Any

import yaml

from spnl.visible import UNSAFE

_BETTER_ESCAPED = re.compile(f"[{UNSAFE}\t]")
"""What a block would hide, or change. Where a space ends a line, the emitter uses quotes by itself."""


def write_data(data: Any) -> str:
    """JSON-like data as YAML."""
    text: str = yaml.emit(
        _document(data), Dumper=yaml.SafeDumper, allow_unicode=True, width=sys.maxsize, indent=2
    )
    return text


def _document(data: Any) -> Iterator[yaml.Event]:
    yield yaml.StreamStartEvent()
    yield yaml.DocumentStartEvent(explicit=False)
    yield from _events(data)
    yield yaml.DocumentEndEvent(explicit=False)
    yield yaml.StreamEndEvent()


def _events(data: Any) -> Iterator[yaml.Event]:
    if isinstance(data, dict):
        yield yaml.MappingStartEvent(anchor=None, tag=None, implicit=True, flow_style=not data)
        for key, value in data.items():
            yield _scalar(key, None)
            yield from _events(value)
        yield yaml.MappingEndEvent()
    elif isinstance(data, list):
        yield yaml.SequenceStartEvent(anchor=None, tag=None, implicit=True, flow_style=not data)
        for item in data:
            yield from _events(item)
        yield yaml.SequenceEndEvent()
    elif isinstance(data, str):
        yield _scalar(data, "|" if _fits_block(data) else '"')
    else:
        yield _scalar(repr(data), None)


def _scalar(text: str, style: str | None) -> yaml.Event:
    return yaml.ScalarEvent(anchor=None, tag=None, implicit=(style is None, True), value=text, style=style)


def _fits_block(text: str) -> bool:
    return "\n" in text and not text.startswith((" ", "\n")) and not _BETTER_ESCAPED.search(text)
