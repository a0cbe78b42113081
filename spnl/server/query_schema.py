"""The JSON schema of a span query, as `spnl.codec` reads it."""

from __future__ import annotations

from typing import Any

from spnl.codec.decode import MAX_REPEAT, MAX_TOKENS
from spnl.codec.names import ROLES, STRUCTURES

_QUERY = {"$ref": "#/components/schemas/Query"}
_TEXT = {"type": "string"}


def query_schema(models: list[str]) -> dict[str, Any]:
    """The schema of a query that names these models: an object with one key, which says what it is."""
    metadata = {
        "model": {"enum": models},
        "max_tokens": {"type": ["integer", "null"], "minimum": 0, "maximum": MAX_TOKENS},
        "temperature": {"type": ["number", "null"], "minimum": 0},
    }
    generate = _object({**metadata, "input": _QUERY}, "model", "input")
    repeat = _object({"n": {"type": "integer", "minimum": 1, "maximum": MAX_REPEAT}, "g": generate}, "n", "g")
    inputs = {"type": "array", "items": {"type": "string", "minLength": 1}}
    mapped = _object({"metadata": _object(metadata, "model"), "inputs": inputs}, "metadata", "inputs")
    kinds = {
        **dict.fromkeys(ROLES, _TEXT),
        **{structure: {"type": "array", "items": _QUERY} for structure in STRUCTURES},
        "g": generate,
        "repeat": repeat,
        "map": mapped,
        "zip": _object({"first": _QUERY, "second": _QUERY}, "first", "second"),
        "monad": _QUERY,
        "print": _TEXT,
    }
    return {"oneOf": [_object({tag: schema}, tag) for tag, schema in kinds.items()]}


def _object(properties: dict[str, Any], *required: str) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }
