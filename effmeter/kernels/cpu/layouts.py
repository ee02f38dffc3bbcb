"""Images with their channels last in memory, from those with the channels first."""

from numba import njit, prange

from effmeter.kernels.reference import Array


@njit(parallel=True, cache=True)
def lay_out(images: Array, laid_out: Array) -> None:
    """Write float32 images (rows, channels, height, width) as (rows, height, width, channels)."""
    for row in prange(len(images)):
        transposed(images[row], 0, 0, laid_out[row])


@njit(cache=True)
def transposed(image: Array, pad_h: int, pad_w: int, padded: Array) -> None:
    """Write an image into the middle of ``padded`` (height, width, channels).

    Eight channels at a time: whole vectors are written, and eight lines stay in the cache.
    """
    channels, height, width = image.shape
    whole = channels - channels % 8
    for y in range(height):
        target = padded[y + pad_h]
        for c in range(0, whole, 8):
            lines = image[c : c + 8, y]
            for x in range(width):
                eight = target[pad_w + x, c : c + 8]
                for j in range(8):
                    eight[j] = lines[j, x]
        for c in range(whole, channels):
            for x in range(width):
                target[pad_w + x, c] = image[c, y, x]
