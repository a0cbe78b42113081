"""The session at the keyboard: a REPL for the language, and talk with a model.

`session` is the whole of it but for the keyboard, and imports no terminal library; `keyboard` and `lines` are
two ways to type into it.
"""
