"""Measures a `tiny` GGUF file through the engine and prints a figure for each task.

Stands alone: `python tools/train_tiny/evaluate.py [FILE.gguf]` needs mistralrs only. Exit code 1
means that a figure is below its target.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("RUST_LOG", "off")  # the engine logs to stdout

import mistralrs

HERE = Path(__file__).parent
BUNDLED = HERE.parents[1] / "spnl" / "data" / "tiny.gguf"
TARGETS: dict[str, float] = {
    "capitals": 0.95,
    "translate": 0.95,
    "sums": 0.95,
    "read": 0.90,
    "system": 0.90,
    "long": 0.90,
}
"""Least share of right replies on the held-out prompts; other tasks are only reported."""

_VARIED_PROMPTS = ("Write a one-line greeting.", "Suggest a name for a cat.")
_VARIED_DRAWS = 10
_VARIED_LEAST = 5
_THINK_TEMPLATE = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\\n' }}"
    "{{ message['content'].split('</think>')[-1] + '<|im_end|>' + '\\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n<think>\\n' }}{% endif %}"
)


@dataclass(frozen=True, slots=True)
class Case:
    """A prompt and what its reply must be."""

    messages: list[dict[str, str]]
    match: str
    expect: list[str]
    absent: list[str]

    def accepts(self, text: str) -> bool:
        """Tell whether the reply is right."""
        if self.match == "exact":
            return text.strip() in self.expect
        if self.match == "lines":
            lines = text.strip().split("\n")
            return len(lines) == int(self.expect[0]) == len({line for line in lines if line})
        return all(_holds(text, word) for word in self.expect) and not any(
            _holds(text, word) for word in self.absent
        )


@dataclass(frozen=True, slots=True)
class Reply:
    """What the engine said, and its thought."""

    text: str
    thought: str


def _holds(text: str, words: str) -> bool:
    """Tell whether the words stand in the text as whole words, whatever their case."""
    return re.search(rf"(?<!\w){re.escape(words)}(?!\w)", text, re.IGNORECASE) is not None


def _cases(path: Path) -> list[Case]:
    """Read the cases of a task."""
    rows = (json.loads(line) for line in path.read_text(encoding="utf-8").splitlines())
    return [Case(r["messages"], r["match"], r["expect"], r.get("absent", [])) for r in rows]


class Engine:
    """The file under test in a mistralrs runner."""

    def __init__(self, path: Path, chat_template: Path | None = None) -> None:
        which: Any = mistralrs.Which.GGUF(
            quantized_model_id=str(path.resolve().parent), quantized_filename=path.name
        )
        template = str(chat_template) if chat_template else None
        self._runner: Any = mistralrs.Runner(which=which, jinja_explicit=template)

    def reply(self, messages: list[dict[str, str]], temperature: float = 0.0) -> Reply:
        """Return the engine's answer to the messages."""
        request = mistralrs.ChatCompletionRequest(
            model="default", messages=messages, temperature=temperature, max_tokens=320
        )
        message = self._runner.send_chat_completion_request(request).choices[0].message
        return Reply(message.content or "", getattr(message, "reasoning_content", None) or "")


def _measure(engine: Engine, task: str, path: Path, show: bool) -> float:
    """Print the share of right replies to the cases of a task, and return it."""
    cases, right = _cases(path), 0
    for case in cases:
        text = engine.reply(case.messages).text
        if case.accepts(text):
            right += 1
        elif show:
            asked = " | ".join(m["content"] for m in case.messages)[-160:]
            print(f"  {task}: {asked!r} -> {text!r}, not {case.expect}")
    share = right / len(cases)
    target = f", target {TARGETS[task]:.0%}" if task in TARGETS else ""
    print(f"{task}: {share:.1%} ({right} of {len(cases)}{target})", flush=True)
    return share


def _varies(engine: Engine, prompt: str) -> bool:
    """Print ten draws at temperature 1 and tell whether at least five are distinct."""
    message = [{"role": "user", "content": prompt}]
    draws = [engine.reply(message, temperature=1.0).text for _ in range(_VARIED_DRAWS)]
    distinct = len(set(draws))
    print(f"variety: {prompt} {distinct} of {_VARIED_DRAWS} distinct: {sorted(set(draws))}")
    return distinct >= _VARIED_LEAST


def _thinks(path: Path, show: bool) -> float:
    """Measure replies after a thought, with a template that opens a think block."""
    with tempfile.TemporaryDirectory() as folder:
        template = Path(folder) / "think.jinja"
        template.write_text(_THINK_TEMPLATE, encoding="utf-8")
        engine = Engine(path, template)
    cases = [
        case
        for task in ("capitals", "translate", "sums", "read")
        for case in _cases(HERE / "heldout" / f"{task}.jsonl")[:30]
    ]
    right = 0
    for case in cases:
        reply = engine.reply(case.messages)
        if reply.thought and case.accepts(reply.text):
            right += 1
        elif show:
            print(f"  think: {case.messages[-1]['content']!r} -> {reply}, not {case.expect}")
    print(f"think: {right / len(cases):.1%} ({right} of {len(cases)})")
    return right / len(cases)


def evaluate(path: Path, tasks: Sequence[str] = (), think: bool = False, show: bool = False) -> int:
    """Measure the tasks (all, if none is named), print, and return the exit code."""
    print(f"{path.name}: {path.stat().st_size:,} bytes")
    engine = Engine(path)
    failed = []
    for kind in ("heldout", "known"):
        for file in sorted((HERE / kind).glob("*.jsonl")):
            if tasks and file.stem not in tasks:
                continue
            share = _measure(engine, file.stem, file, show)
            if share < TARGETS.get(file.stem, 0.0):
                failed.append(file.stem)
    if not tasks:
        failed += [prompt for prompt in _VARIED_PROMPTS if not _varies(engine, prompt)]
    if think:
        _thinks(path, show)
    if failed:
        print(f"below target: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def main() -> int:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path, nargs="?", default=BUNDLED)
    parser.add_argument("--task", action="append", default=[], help="only this task (repeatable)")
    parser.add_argument("--think", action="store_true", help="also measure with a think template")
    parser.add_argument("--show", action="store_true", help="print the wrong replies")
    arguments = parser.parse_args()
    return evaluate(arguments.file, arguments.task, arguments.think, arguments.show)


if __name__ == "__main__":
    sys.exit(main())
