"""What each node of a query means when it is executed.

A node is evaluated by a generator that yields what it needs (`spnl.executor.wants`) and is resumed with it;
`spnl.executor.machine` runs them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from spnl.backends.base import Request
from spnl.errors import GenerationError, ModelError, ProgramError
from spnl.executor.answer import Place, PrintsOnly
from spnl.executor.known import as_query, as_text, without_result
from spnl.executor.options import Resolver
from spnl.executor.results import (
    NOTHING,
    Branch,
    Leaf,
    Result,
    branch,
    leaves,
    messages,
    zipped,
)
from spnl.executor.wants import Ask, Evaluate, Shared, Steps, Together, ValueOf
from spnl.optimizer import optimize
from spnl.query import (
    Attempt,
    Bind,
    Cross,
    Deferred,
    Generate,
    Map,
    Message,
    Monad,
    Par,
    Plus,
    Print,
    Query,
    Ref,
    Repeat,
    Seq,
    Structure,
    Zip,
    is_static,
)
from spnl.source import Span
from spnl.values import Value, filled, is_pending, pending_in, share


class Evaluator:
    """Evaluates nodes. `resolver` says which model and which sampling each generation uses."""

    def __init__(self, resolver: Resolver) -> None:
        self._resolver = resolver

    def result(self, node: Query, place: Place) -> Steps:
        """The steps to a node's result."""
        evaluate: Callable[[Evaluator, Any, Place], Steps] = _BY_TYPE[type(node)]
        return evaluate(self, node, place)

    def value(self, node: Query, place: Place) -> Steps:
        """The steps to a node's value, or to its result where it is no deferred step; only prints show."""
        within, place = PrintsOnly(place).split(2)
        if isinstance(node, Ref):
            value = yield Shared(node.bind, within)
            within.close()
        elif isinstance(node, Deferred):
            value = yield from self._resume(node, within)
        elif isinstance(node, Attempt):
            value = yield from self._attempted(node, within)
        else:
            value = yield Evaluate(node, within)
        if is_pending(value):
            return (yield ValueOf(optimize(value), place))
        return (yield from self._complete(value, place))

    def shared(self, bind: Bind, place: Place) -> Steps:
        """The steps to what a shared value comes to; what is pending in a list of it is shared in turn."""
        node = optimize(bind.value)
        while isinstance(node, Deferred):
            within, place = place.split(2)
            value = yield from self._resume(node, PrintsOnly(within))
            if not is_pending(value):
                place.close()
                return share(bind.name, value, bind.span)
            node = optimize(value)
        if isinstance(node, Ref):
            return (yield Shared(node.bind, place))
        if not isinstance(node, Attempt):
            return (yield Evaluate(node, place))
        within, place = place.split(2)
        value = yield ValueOf(node, within)
        if isinstance(value, (Leaf, Branch)):
            _show(value, place)
        else:
            place.close()
        return value

    def _message(self, node: Message, place: Place) -> Steps:
        text, place = yield from self._text(node.text, node.span, place)
        leaf = Leaf(node.role, text, span=node.span)
        place.close(leaf)
        return leaf

    def _print(self, node: Print, place: Place) -> Steps:
        text, place = yield from self._text(node.text, node.span, place)
        place.print(Leaf("user", text, span=node.span))
        return NOTHING

    def _in_order(self, node: Structure, place: Place) -> Steps:
        results: list[Result] = []
        for child, part in zip(node.children, place.split(len(node.children)), strict=True):
            results.append((yield Evaluate(child, part)))
        return branch(node.kind, results)

    def _independent(self, node: Structure, place: Place) -> Steps:
        places = place.split(len(node.children))
        results = yield Together([*map(Evaluate, node.children, places)])
        return branch(node.kind, results)

    def _zip(self, node: Zip, place: Place) -> Steps:
        for_first, for_second, place = place.split(3)
        first: Result = yield Evaluate(node.first, PrintsOnly(for_first))
        second: Result = yield Evaluate(node.second, PrintsOnly(for_second))
        result = zipped(first, second)
        _show(result, place)
        return result

    def _monad(self, node: Monad, place: Place) -> Steps:
        yield Evaluate(node.body, PrintsOnly(place))
        return NOTHING

    def _generate(self, node: Generate, place: Place) -> Steps:
        prompt, place = yield from self._prompt(node, place)
        return (yield self._ask(node, prompt, place, node.span))

    def _repeat(self, node: Repeat, place: Place) -> Steps:
        prompt, place = yield from self._prompt(node.generate, place)
        places = place.split(node.n)
        asks = [self._ask(node.generate, prompt, part, node.span, i) for i, part in enumerate(places)]
        return branch("par", (yield Together(asks)))

    def _map(self, node: Map, place: Place) -> Steps:
        (*texts, system), place = yield from self._texts((*node.inputs, node.system or ""), node.span, place)
        if "" in texts:
            raise _empty_input(f"input {texts.index('') + 1} of this `map`", node.span)
        before = (("system", system),) if system else ()
        places = place.split(len(texts))
        asks = [
            self._ask(node, (*before, ("user", text)), part, node.span, index, keep_empty=True)
            for index, (text, part) in enumerate(zip(texts, places, strict=True))
        ]
        return Branch("par", tuple((yield Together(asks))))

    def _ref(self, node: Ref, place: Place) -> Steps:
        within, place = place.split(2)
        value = yield Shared(node.bind, within)
        if not isinstance(value, (Leaf, Branch)):
            within.close()
            return (yield Evaluate(optimize(as_query(value, node.span)), place))
        place.close()
        if not within.closed:  # by whoever asked first, and showed it while it was made
            _show(value, within)
        return value

    def _deferred(self, node: Deferred, place: Place) -> Steps:
        within, place = place.split(2)
        value = yield from self._resume(node, PrintsOnly(within))
        return (yield Evaluate(optimize(as_query(value, node.span)), place))

    def _attempt(self, node: Attempt, place: Place) -> Steps:
        """The result of the body, shown when it is whole, or of what stands in for it."""
        within, place = place.split(2)
        value = yield from self._attempted(node, PrintsOnly(within))
        if isinstance(value, (Leaf, Branch)):
            _show(value, place)
            return value
        return (yield Evaluate(optimize(as_query(value, node.span)), place))

    def _attempted(self, node: Attempt, place: Place) -> Steps:
        """What the body comes to, or else the value of what stands in for it."""
        within, place = PrintsOnly(place).split(2)
        try:
            value = yield ValueOf(node.body, within)
        except (ProgramError, GenerationError, ModelError) as error:
            within.close_until(place)
            value = node.otherwise(error)
        place.close()
        return value

    def _resume(self, node: Deferred, place: Place) -> Steps:
        """What a deferred step gives, once what it waits for is known."""
        places = place.split(len(node.waits))
        values = yield Together([*map(ValueOf, node.waits, places)])
        return node.resume(tuple(map(without_result, values)))

    def _complete(self, value: Value | Result, place: Place) -> Steps:
        """A value, with the text of everything in it that is still pending."""
        if isinstance(value, (Leaf, Branch)):
            place.close()
            return value
        pending = list(pending_in(value))
        places = place.split(len(pending))
        known = yield Together([*map(ValueOf, pending, places)])
        texts = map(without_result, known)
        return filled(value, pending, texts)

    def _text(self, text: str | Query, span: Span | None, place: Place) -> Steps:
        """A text that may have to be waited for, and the place that is left."""
        (known,), place = yield from self._texts((text,), span, place)
        return known, place

    def _texts(self, texts: Sequence[str | Query], span: Span | None, place: Place) -> Steps:
        """Several texts, some of which may have to be waited for, and the place that is left."""
        pending = [text for text in texts if isinstance(text, Query)]
        if not pending:
            return texts, place
        *within, place = place.split(len(pending) + 1)
        values = iter((yield Together([*map(ValueOf, pending, within)])))
        known = [as_text(next(values), span) if isinstance(text, Query) else text for text in texts]
        return known, place

    def _prompt(self, node: Generate, place: Place) -> Steps:
        """The messages that a generation is asked, and the place that is left for the reply."""
        if is_static(node.input):
            prompt = static_messages(node.input)
        else:
            within, place = place.split(2)
            prompt = messages((yield Evaluate(node.input, PrintsOnly(within))))
        if not prompt:
            raise _empty_input("this input", node.input.span or node.span)
        return prompt, place

    def _ask(
        self,
        node: Generate | Map,
        prompt: tuple[tuple[str, str], ...],
        place: Place,
        span: Span | None,
        draw: int | None = None,
        *,
        keep_empty: bool = False,
    ) -> Ask:
        model = self._resolver.model(node.model)
        nth = draw or 0 if isinstance(node, Generate) else 0
        request = Request(prompt, self._resolver.draw(node.sampling, model, nth, span))
        named = self._resolver.is_named_by_program(node.model)
        several = not isinstance(node, Generate) or draw is not None
        return Ask(model, request, place, span, draw or 0, keep_empty, named, node.handling, several)


_BY_TYPE: dict[type[Query], Callable[[Evaluator, Any, Place], Steps]] = {
    Message: Evaluator._message,
    Print: Evaluator._print,
    Seq: Evaluator._in_order,
    Cross: Evaluator._in_order,
    Par: Evaluator._independent,
    Plus: Evaluator._independent,
    Zip: Evaluator._zip,
    Monad: Evaluator._monad,
    Generate: Evaluator._generate,
    Repeat: Evaluator._repeat,
    Map: Evaluator._map,
    Ref: Evaluator._ref,
    Deferred: Evaluator._deferred,
    Attempt: Evaluator._attempt,
}


def _show(result: Result, place: Place) -> None:
    """Show a result that is already known."""
    texts = list(leaves(result))
    for leaf, part in zip(texts, place.split(len(texts)), strict=True):
        part.close(leaf, "model" if leaf.reply is not None else "plain", isinstance(result, Branch))


def _empty_input(what: str, span: Span | None) -> ProgramError:
    return ProgramError(
        "empty-input",
        f"{what} comes to nothing, so there is nothing to reply to",
        span=span,
        helps=("give the model at least one message with a text",),
    )


def static_messages(query: Query) -> tuple[tuple[str, str], ...]:
    """The messages of a query in which everything is known."""
    found: list[tuple[str, str]] = []
    stack = [query]
    while stack:
        node = stack.pop()
        if isinstance(node, Structure):
            stack.extend(reversed(node.children))
        elif isinstance(node, Message) and isinstance(node.text, str) and node.text:
            found.append((node.role, node.text))
    return tuple(found)
