"""Trains the bundled model `tiny`: data, tokenizer, model, GGUF file and measurement.

Imports run one way, lowest first: word tables (`words`, `countries`, `lexicon`, `sayings`),
`conversation`, the tasks, `data`, `tokenizer`, `model`, `batches`, `export`, `train`.
`evaluate` stands alone: it needs the engine and the held-out files only.
"""
