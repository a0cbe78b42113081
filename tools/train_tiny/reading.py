"""Tasks answered from the context: reading facts, judging, repeating, merging."""

from __future__ import annotations

import random

from . import words
from .conversation import Message, context, system, user
from .exchange import Exchange
from .factkinds import COMMON_KINDS, Fact, Kinds, facts
from .loose import Rephrase, unchanged
from .phrasings import decorated

_LEADS = ("Context:", "Text:", "Facts:", "Notes:", "Read this:", "Document:", "Here is a text:")
_ASKS = ("Question:", "Answer:", "Now answer:", "Then:", "")
_PROMPTS_FOR_FACTS = (
    "Tell me some facts.",
    "Write some facts.",
    "Say something.",
    "What do you know?",
    "Describe what you see.",
)


def _passage(rng: random.Random, known: list[Fact]) -> str:
    """Return the facts as one text: a paragraph, lines, bullets or a labelled text."""
    chance = rng.random()
    sentences = [fact.sentence for fact in known]
    if chance < 0.65:
        return " ".join(sentences)
    if chance < 0.8:
        return "\n".join(sentences)
    if chance < 0.87:
        return "\n".join(f"- {sentence}" for sentence in sentences)
    if chance < 0.92:
        label = rng.choice(("{}. {}", "{}: {}", "Relevant Document {}: {}", "Answer {}: {}"))
        return "\n".join(label.format(i, sentence) for i, sentence in enumerate(sentences, 1))
    return f"{rng.choice(_LEADS)}{rng.choice((' ', chr(10)))}{' '.join(sentences)}"


def _in_one_message(rng: random.Random, passage: str, question: str) -> tuple[Message, ...]:
    """Return passage and question in one user message."""
    chance = rng.random()
    if chance < 0.55:
        return (user(f"{passage} {question}"),)
    if chance < 0.7:
        return (user(f"{passage}\n{question}"),)
    if chance < 0.82:
        ask = rng.choice(_ASKS)
        return (user(f"{passage}\n\n{ask} {question}" if ask else f"{passage}\n\n{question}"),)
    return (user(f"{question} {passage}" if chance < 0.9 else f"{question}\n\n{passage}"),)


def laid_out(rng: random.Random, known: list[Fact], question: str) -> tuple[Message, ...]:
    """Return messages that hold the facts and end with, or at times begin with, the question."""
    passage = _passage(rng, known)
    apart = [user(fact.sentence) for fact in known]
    chance = rng.random()
    if chance < 0.38:
        return _in_one_message(rng, passage, question)
    if chance < 0.50:
        return (user(passage), user(question))
    if chance < 0.60:
        return (*apart, user(question))
    if chance < 0.72:
        return (system(passage), user(question))
    if chance < 0.79:
        return (context(passage), user(question))
    if chance < 0.85:
        return (user(rng.choice(_PROMPTS_FOR_FACTS)), context(passage), user(question))
    if chance < 0.89:
        return (*(context(fact.sentence) for fact in known), user(question))
    if chance < 0.93:
        return (user(question), context(passage))
    if chance < 0.96:
        return (user(question), *apart)
    roles = [rng.choice((user, context))(fact.sentence) for fact in known]
    return (*roles, user(question))


def read(rng: random.Random, kinds: Kinds = COMMON_KINDS, rephrase: Rephrase = unchanged) -> Exchange:
    """State one to six facts and ask about one of them."""
    known = facts(rng, rng.choice((1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 5, 6)), kinds)
    target = rng.choice(known)
    prompt = laid_out(rng, known, decorated(rng, rephrase(rng, target.question)))
    if rng.random() < 0.04:
        prompt = tuple(Message(m.role, m.text.lower()) for m in prompt)
        target_sentence, value = target.sentence.lower(), target.value.lower()
    else:
        target_sentence, value = target.sentence, target.value
    return Exchange(
        "read",
        prompt,
        default=target_sentence,
        thought=f"The user asks about {target.topic}.",
        full=target_sentence,
        short=value,
    )


def judge_fact(rng: random.Random) -> Exchange:
    """Ask yes or no: does the text mention something, or is a statement true?"""
    known = facts(rng, rng.choice((1, 2, 3)))
    inside = rng.random() < 0.5
    if rng.random() < 0.6:
        topic = rng.choice(known).topic if inside else facts(rng, 1)[0].topic
        answer = "yes" if any(topic == fact.topic for fact in known) else "no"
        question = rng.choice(
            (
                f"Does the text mention {topic}?",
                f"Does the text mention {topic}? Answer yes or no.",
                f"Is {topic} mentioned? Answer yes or no.",
                f"Answer yes or no: does the text mention {topic}?",
            )
        )
    else:
        target = rng.choice(known)
        wrong = rng.choice(words.COLOURS + words.QUALITIES)
        claim = target.sentence if inside else target.sentence.replace(target.value, wrong)
        answer = "yes" if claim == target.sentence else "no"
        bare = claim[:-1]
        question = rng.choice(
            (
                f"Is it true that {bare}? Answer yes or no.",
                f"True or not: {claim} Answer yes or no.",
                f"Does the text say that {bare}?",
            )
        )
    prompt = laid_out(rng, known, question)
    return Exchange("judge", prompt, answer, "I must compare this with the text.")


def echo(rng: random.Random) -> Exchange:
    """Ask for a text to be said again."""
    chance = rng.random()
    if chance < 0.5:
        pool = words.THINGS + words.QUALITIES + words.PEOPLE
        text = " ".join(
            words.made_up(rng) if rng.random() < 0.25 else rng.choice(pool) for _ in range(rng.randint(1, 8))
        )
    else:
        text = " ".join(fact.sentence for fact in facts(rng, rng.choice((1, 1, 2))))
    request = rng.choice(
        ("Repeat: {}", "Repeat after me: {}", "Say: {}", "Echo: {}", "Repeat this: {}", "Copy: {}")
    ).format(text)
    return Exchange("echo", (user(request),), text, "The user wants the text again.")


def summary(rng: random.Random) -> Exchange:
    """Ask for a summary: the facts again, in one line."""
    known = facts(rng, rng.choice((1, 1, 2, 2, 3)))
    request = rng.choice(("Summarise:", "Summarize:", "Summarise this:", "Sum up:", "Summarise the text."))
    passage = " ".join(fact.sentence for fact in known)
    if rng.random() < 0.6:
        prompt: tuple[Message, ...] = (user(f"{request}{rng.choice((' ', chr(10)))}{passage}"),)
    else:
        around = rng.choice((user, context))
        prompt = (around(passage), user(request))
    return Exchange("summary", prompt, f"In short: {passage}", "The user wants a summary.")


def merged(rng: random.Random) -> Exchange:
    """Ask for several answers to be brought together, or for the best of them."""
    count = rng.choice((2, 2, 3, 3, 4))
    answers = [fact.sentence for fact in facts(rng, count)]
    bodies = [rng.choice((user, context))] * count
    shown = tuple(body(text) for body, text in zip(bodies, answers, strict=True))
    frame = system("combine other AIs' outputs, no markdown")
    chance = rng.random()
    if chance < 0.35:
        ask = user(f"extract and simplify these {count} final answers")
        return Exchange("merge", (frame, *shown, ask), "\n".join(answers), "I list the answers.")
    if chance < 0.6:
        ask = user("combine and flatten into one JSON array, preserving order")
        array = "[" + ", ".join(f'"{text}"' for text in answers) + "]"
        return Exchange("merge", (frame, *shown, ask), array, "I write an array.")
    if chance < 0.8:
        ask = user(rng.choice(("Combine these.", "Combine the answers.", "Merge these texts.")))
        return Exchange("merge", (*shown, ask), " ".join(answers), "I join the texts.")
    ask = user(rng.choice(("Pick the best.", "Which is the best?", "Choose the best one.")))
    return Exchange("merge", (*shown, ask), rng.choice(answers[:1]), "I take the first.")
