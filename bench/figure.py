"""One measured figure, beside its reference of the same run, and a table of them."""

from collections.abc import Iterable
from typing import NamedTuple


class Figure(NamedTuple):
    """One line of the table."""

    what: str
    value: float
    unit: str
    reference: float | None = None
    """Measured in the same run, in the same unit unless ``beside`` names another."""
    beside: str = ""
    """What the reference is."""
    goal: str = ""

    @property
    def ratio(self) -> float | None:
        """The figure divided by its reference."""
        return self.value / self.reference if self.reference else None


HEAD = ("what", "measured", "beside it", "ratio", "goal")


def table(figures: Iterable[Figure]) -> str:
    """A Markdown table, whose columns also line up as plain text."""
    rows = [HEAD, *map(_cells, figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        for row in rows
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines) + "\n"


def grouped(value: float) -> str:
    """A whole number, its digits in groups: ``50 000``."""
    return f"{value:,.0f}".replace(",", " ")


def _cells(figure: Figure) -> tuple[str, ...]:
    reference = ""
    if figure.reference is not None:
        reference = f"{figure.beside}: {_number(figure.reference)}"
    ratio = "" if figure.ratio is None else f"{figure.ratio:.2f}"
    return (
        figure.what,
        f"{_number(figure.value)} {figure.unit}",
        reference,
        ratio,
        figure.goal,
    )


def _number(value: float) -> str:
    """Three digits, or all of a whole number, with thin groups."""
    if abs(value) >= 100 or value == int(value):
        return grouped(value)
    return f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}"
