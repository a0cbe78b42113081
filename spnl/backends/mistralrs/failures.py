"""What the engine says when something fails, as errors of ours.

The engine raises ValueError with a text, sometimes followed by a Rust backtrace, and where its own code
panics an exception that is no `Exception`. The texts are those of 0.9.5; one that is not known here is
passed on, cut to its first line, as `load-failed` or `engine-failed`.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from spnl.errors import GenerationError, ModelError, ProgramError, SpnlError
from spnl.models.files import read_json
from spnl.models.local import LocalModel


class _LoadFailure(NamedTuple):
    """A kind of failed load: the error's id, the engine's words that tell it, our words, and what to do.

    Its words are a pattern, compiled where something failed.
    """

    id: str
    words: str
    message: str
    help: str


_DEATH = re.compile(r"Received none in ChatCompletionStreamer|[Cc]hannel (?:was erroneously )?closed")
"""What requests are told whose engine's thread has ended: it panicked. The next request starts another."""

_NO_MEMORY = r"(?i:out.?of.?memory|memory allocation|cannot allocate)"

_LOAD_FAILURES = (
    _LoadFailure(
        "unsupported-model",
        r"Unknown .*architecture|Unsupported .*model class",
        "the engine does not know the architecture of {name}",
        "use a model of another architecture: Llama, Mistral, Qwen, Phi and Gemma are among those it knows",
    ),
    _LoadFailure(
        "bad-adapter",
        r"dynamic LoRA|LoRA adapter|[Aa]dapter target",
        "{name} cannot be loaded with this adapter",
        "use an adapter that was made for this model, and the model itself in safetensors, not a GGUF file",
    ),
    _LoadFailure(
        "unsupported-model",
        r"uses dtype \w+",
        "the engine cannot run weights quantised as those of {name} are",
        "use a file of another quantisation, as Q4_K_M or Q8_0; IQ types are not supported",
    ),
    _LoadFailure(
        "no-tokenizer",
        r"Tokenizer is missing|must include merges|Tokenizer model|tokenizer\.json. was not found",
        "{name} comes without a tokenizer that the engine can use",
        "use a copy of the model with its tokenizer: in the metadata of a GGUF file, or as tokenizer.json",
    ),
    _LoadFailure(
        "out-of-memory",
        _NO_MEMORY,
        "there is not enough memory to load {name}",
        "use a smaller model or a smaller quantisation, or close other programs",
    ),
    _LoadFailure(
        "damaged-model",
        (
            r"outside file length|shorter than|GGUF magic|is missing metadata|is followed by offset"
            r"|Missing required tensor|tensor inventory|out of bounds|at line \d+ column"
        ),
        "{name} is damaged or incomplete",
        "fetch or copy the model again",
    ),
)


PANIC = "PanicException"
"""The exception that a panic of the engine's code is; it is no `Exception`, and cannot be imported."""


def is_engine_failure(error: BaseException) -> bool:
    """Whether an exception from a call into the engine is a failure of it: any but an interrupt."""
    return isinstance(error, Exception) or type(error).__name__ == PANIC


def load_failure(error: BaseException, model: LocalModel) -> ModelError:
    """The error for a model that the engine did not load."""
    text = str(error)
    said = f"the engine says: {first_line(text)}"
    if "Missing required tensor" in text and _is_mlx(model):
        return ModelError(
            "unsupported-model",
            f"{model.name} is quantised for MLX, which the engine cannot read",
            helps=("use the original model, or a GGUF file of it",),
            detail=text,
        )
    for failure in _LOAD_FAILURES:
        if re.search(failure.words, text):
            message = failure.message.format(name=model.name)
            return ModelError(failure.id, message, notes=(said,), helps=(failure.help,), detail=text)
    helps = ("use another file of the model; --debug shows all that the engine says",)
    return ModelError(
        "load-failed", f"{model.name} cannot be loaded", notes=(said,), helps=helps, detail=text
    )


def _is_mlx(model: LocalModel) -> bool:
    """Whether a folder holds what Apple's MLX writes: its key in the configuration, beside plain names."""
    return model.kind == "folder" and "quantization" in read_json(model.path / "config.json")


def run_failure(error: BaseException) -> SpnlError:
    """The error for a generation that failed; `prompt-too-long` still lacks the numbers."""
    text = str(error)
    said = first_line(text)
    if said.startswith("Prompt sequence length is greater"):
        return ProgramError("prompt-too-long", "the prompt is longer than the model's context", detail=text)
    if said.startswith(("Invalid grammar", "Failed to parse JSON schema")):
        return ProgramError(
            "bad-grammar",
            "the schema or the grammar of the reply cannot be read",
            notes=(f"the engine says: {said}",),
            helps=("correct it where the request comes from",),
            detail=text,
        )
    if "(in chat_template:" in said:
        return ProgramError(
            "template-refused",
            "the model's chat template does not take these messages",
            notes=(f"it says: {said.partition(' (in chat_template:')[0]}",),
            helps=("change their roles or their order, or use another model",),
            detail=text,
        )
    if re.search(_NO_MEMORY, said):
        return GenerationError(
            "out-of-memory",
            "the engine ran out of memory",
            helps=("use a smaller model, a shorter prompt, or MISTRALRS_DEVICE=cpu",),
            detail=text,
        )
    if type(error).__name__ == PANIC or _DEATH.search(said):
        return GenerationError(
            "engine-died",
            "the engine broke down in the middle of its work",
            notes=(f"it says: {said}",),
            helps=("run this again: the engine starts anew by itself, and with `(retry N)` in the same run",),
            detail=text,
        )
    return GenerationError("engine-failed", f"the engine failed: {said}", detail=text)


def first_line(text: str) -> str:
    """An engine's message without the backtrace below it, short enough to read."""
    line = text.partition("\n")[0].strip()
    return line if len(line) <= 300 else f"{line[:300]}…"
