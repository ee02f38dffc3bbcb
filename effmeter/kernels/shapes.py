"""How a convolution walks over its input."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Window:
    """Kernel size, stride, padding and dilation of a convolution, each (vertical, horizontal)."""

    kernel: tuple[int, int]
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)
    dilation: tuple[int, int] = (1, 1)

    @property
    def elements(self) -> int:
        """How many pixels the kernel reads."""
        return self.kernel[0] * self.kernel[1]
