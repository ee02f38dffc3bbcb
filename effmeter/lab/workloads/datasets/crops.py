"""Which part of a picture of any size a data set scales to its own size."""

from dataclasses import dataclass

Box = tuple[float, float, float, float]
"""Left, top, right and lower edge in pixels."""


@dataclass(frozen=True, slots=True)
class WholePicture:
    """All of it, squeezed into a square."""

    def box(self, width: int, height: int) -> Box:
        """Of a picture of that size."""
        return 0.0, 0.0, float(width), float(height)


@dataclass(frozen=True, slots=True)
class CentredSquare:
    """A square in the middle, so much of the shorter side."""

    fraction: float = 1.0

    def box(self, width: int, height: int) -> Box:
        """Of a picture of that size."""
        side = self.fraction * min(width, height)
        left, top = (width - side) / 2, (height - side) / 2
        return left, top, left + side, top + side


@dataclass(frozen=True, slots=True)
class FixedSquare:
    """A square at a place of its own, as far as it lies within the picture."""

    left: int
    top: int
    side: int

    def box(self, width: int, height: int) -> Box:
        """Of a picture of that size."""
        right, lower = min(self.left + self.side, width), min(self.top + self.side, height)
        return min(self.left, right - 1), min(self.top, lower - 1), right, lower


Cut = WholePicture | CentredSquare | FixedSquare
