"""Coverage-guided fuzzing of everything that reads what others wrote (`make fuzz TARGET=…`).

    programs    the reader, the expander (as `spnl check` uses it), the formatter, the checker's three formats
    queries     queries in JSON and YAML: read, written, read again
    headers     headers of GGUF and safetensors files, as `spnl show` and the loader read them

A target is a module with `try_one`, which raises where something is not as it should be, `seeds`, `words` for
the dictionary, and `mutate`. `running` does the rest. What a target finds becomes a test in `tests/`.
"""
