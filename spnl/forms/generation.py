"""Generation: asking a model for one reply, for several draws of it, or for one to each of many inputs."""

from typing import Any

from spnl.errors import ProgramError
from spnl.forms.number_types import Natural, Positive, Seconds
from spnl.forms.registry import Call, form
from spnl.forms.sampling_types import (
    IgnoreEos,
    MaxTokens,
    MinP,
    ModelName,
    Penalty,
    RepetitionPenalty,
    Seed,
    Stop,
    Temperature,
    Think,
    TopP,
)
from spnl.forms.shapes import needs
from spnl.forms.types import KnownText, Part, Parts, QueryArg
from spnl.limits import check_copies
from spnl.models.names import ADAPTER_MARK
from spnl.query import Generate, Handling, Map, Par, Query, Repeat, Sampling


@form("generate", "g", lone="input", named=("model", "input", "max-tokens", "temperature"))
def generate(
    call: Call,
    model: ModelName | None = None,
    input: QueryArg | None = None,
    max_tokens: MaxTokens | None = None,
    temperature: Temperature | None = None,
    *,
    top_p: TopP | None = None,
    top_k: Positive | None = None,
    min_p: MinP | None = None,
    stop: Stop | None = None,
    frequency_penalty: Penalty | None = None,
    presence_penalty: Penalty | None = None,
    repetition_penalty: RepetitionPenalty | None = None,
    think: Think | None = None,
    seed: Seed | None = None,
    ignore_eos: IgnoreEos | None = None,
    timeout: Seconds | None = None,
    retry: Natural | None = None,
) -> Query:
    """One reply of a model.

    Temperature 0 always takes the likeliest token; without the clause it is 0.6. Without `max-tokens` a reply
    has at most 2048 tokens. `timeout` is how many seconds it may take, once it is its turn; where it fails,
    it is asked again `retry` times, as long as nothing of the reply has been shown.

    (generate (input "What is the capital of France?") (temperature 0))
    """
    if input is None:
        raise needs(call, "input", 'say what to reply to: `(input "…")`')
    sampling = Sampling(
        max_tokens=max_tokens,
        temperature=temperature,
        top_p=top_p,
        top_k=top_k,
        min_p=min_p,
        stop=stop,
        frequency_penalty=frequency_penalty,
        presence_penalty=presence_penalty,
        repetition_penalty=repetition_penalty,
        think=think,
        seed=seed,
        ignore_eos=ignore_eos,
    )
    return Generate(model, input, sampling, Handling(timeout, retry), span=call.span)


@form("adapter")
def adapter(call: Call, where: KnownText) -> str:
    """A LoRA adapter for the model whose name stands before it: a folder, or a repository of Hugging Face.

    It is one that the library peft has saved: `(g (model "Qwen/Qwen3-1.7B" (adapter "./legal")) "…")`. Its
    value is the text that stands after a model's name wherever else one is named.

    (adapter "./legal")
    """
    if not where.strip():
        raise ProgramError("empty-input", "an adapter has to be somewhere", span=call.place("where"))
    return f"{ADAPTER_MARK}{where}"


@form("repeat", named=("n",))
def repeat(call: Call, n: Positive, query: QueryArg) -> Query:
    """Several draws of a generation, or copies of any other query.

    The input of a generation is evaluated once, and every draw is from that input.

    (repeat (n 3) (g "Suggest a name for a cat."))
    """
    check_copies(n, call.place("n"))
    if isinstance(query, Generate):
        return Repeat(n, query, span=call.span)
    return Par((query,) * n, span=call.span)


@form("map", named=("inputs",))
def map_(
    call: Call,
    *inputs: Parts,
    model: ModelName | None = None,
    system: Part | None = None,
    max_tokens: MaxTokens | None = None,
    temperature: Temperature | None = None,
    top_p: TopP | None = None,
    top_k: Positive | None = None,
    min_p: MinP | None = None,
    stop: Stop | None = None,
    frequency_penalty: Penalty | None = None,
    presence_penalty: Penalty | None = None,
    repetition_penalty: RepetitionPenalty | None = None,
    think: Think | None = None,
    seed: Seed | None = None,
    ignore_eos: IgnoreEos | None = None,
    timeout: Seconds | None = None,
    retry: Natural | None = None,
) -> Query:
    """One reply to each of many inputs, independently; the replies are in the order of the inputs.

    (map (inputs "Translate to French: Hello" "Translate to Spanish: Hello"))
    """
    sampling = Sampling(
        max_tokens=max_tokens,
        temperature=temperature,
        top_p=top_p,
        top_k=top_k,
        min_p=min_p,
        stop=stop,
        frequency_penalty=frequency_penalty,
        presence_penalty=presence_penalty,
        repetition_penalty=repetition_penalty,
        think=think,
        seed=seed,
        ignore_eos=ignore_eos,
    )
    texts: tuple[Any, ...] = tuple(text for group in inputs for text in group)
    if "" in texts:
        group = next(index for index, group in enumerate(inputs) if "" in group)
        raise ProgramError(
            "empty-input",
            f"input {texts.index('') + 1} of this `map` comes to nothing, so there is nothing to reply to",
            span=call.place("inputs", group),
            helps=("leave empty texts out: `(remove empty? LIST)`",),
        )
    return Map(model, texts, sampling, system, Handling(timeout, retry), span=call.span)
