"""Numbers as people read them: three digits, with their units. Imports the report's units."""

from __future__ import annotations

from spnl.benching.report import Summary, Unit


def shown(value: float, unit: Unit) -> str:
    """A number with its unit, as in `12.3 ms`."""
    scale, name = _scaled(value, unit)
    return f"{digits(value * scale)}{name}"


def with_spread(summary: Summary, unit: Unit) -> tuple[str, str]:
    """The median with its unit, and in the same unit the lowest and highest of several samples."""
    scale, _ = _scaled(summary.median, unit)
    spread = f"({digits(summary.low * scale)} to {digits(summary.high * scale)})"
    return shown(summary.median, unit), spread if summary.count > 1 else ""


def digits(value: float) -> str:
    """A number with three digits, or more where they stand before the point."""
    if round(value, 1) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if round(value, 2) >= 10 else f"{value:.2f}"


def _scaled(value: float, unit: Unit) -> tuple[float, str]:
    """What a number of this size is multiplied with to be shown, and the unit behind it then."""
    match unit:
        case "s":
            return (1, " s") if value >= 1 else (1000, " ms")
        case "bytes":
            return (1e-9, " GB") if value >= 1e9 else (1e-6, " MB")
        case "tokens/s":
            return 1, " tok/s"
        case "share":
            return 100, " %"
        case "times":
            return 1, " times"
