"""The forms of the language, one decorated function each; `registry.FORMS` finds them by name."""

from spnl.forms.registry import FORMS, Form

__all__ = ["FORMS", "Form"]
