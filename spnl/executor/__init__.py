"""Executing queries: what runs when, what is shown in which order, and what comes of it."""
