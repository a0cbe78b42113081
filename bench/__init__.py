"""Measurements: `make bench` prints each figure with its bound. Ratios within one run, never a timed test."""
