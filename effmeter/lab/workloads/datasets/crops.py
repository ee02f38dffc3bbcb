"""Crops: the part of a picture that a data set scales to its own size."""

from dataclasses import dataclass

Box = tuple[float, float, float, float]
"""Left, top, right and lower edge in pixels."""


@dataclass(frozen=True, slots=True)
class WholePicture:
    """The whole picture, squeezed into a square."""

    def box(self, width: int, height: int) -> Box:
        """The box in a picture of that size."""
        return 0.0, 0.0, float(width), float(height)


@dataclass(frozen=True, slots=True)
class CentredSquare:
    """A square in the middle; ``fraction`` is its side over the shorter side of the picture."""

    fraction: float = 1.0

    def box(self, width: int, height: int) -> Box:
        """The box in a picture of that size."""
        side = self.fraction * min(width, height)
        left, top = (width - side) / 2, (height - side) / 2
        return left, top, left + side, top + side


@dataclass(frozen=True, slots=True)
class FixedSquare:
    """A square at a fixed place, clipped to the picture."""

    left: int
    top: int
    side: int

    def box(self, width: int, height: int) -> Box:
        """The box in a picture of that size."""
        right, lower = min(self.left + self.side, width), min(self.top + self.side, height)
        return min(self.left, right - 1), min(self.top, lower - 1), right, lower


Crop = WholePicture | CentredSquare | FixedSquare
