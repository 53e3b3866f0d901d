"""Quantises convolution weights so that no x86 processor saturates when it multiplies them.

Without VNNI, x86 adds two neighbouring products of uint8 and int8 in 16 bits and saturates: 255 ×
128 fits there, 255 × 129 does not. So no two neighbours of one sign may sum to more than 128, and
the result is the same to the bit on every x86 processor.
"""

import numpy as np
import numpy.typing as npt

LARGEST_WEIGHT = 127
LARGEST_PAIR = 128
OFF = 1e-6
"""Channels whose weights are smaller than this share of the largest are off."""

# The steps that are tried, as shares of the one at which no weight needs to be lowered.
SHARES = np.linspace(1.0, 0.5, 13)

Rows = npt.NDArray[np.float64]


def quantise_weights(
    weight: npt.NDArray[np.float32],
) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.float32]]:
    """Return int8 weights (out, in, height, width) and the step of each output channel.

    A small step is precise but lowers the largest weights and pairs; each channel takes the step
    with the least squared error.
    """
    real = in_kernel_order(weight).astype(np.float64)
    widest = np.maximum(
        np.abs(real).max(axis=1), largest_pairs(real) * LARGEST_WEIGHT / LARGEST_PAIR
    )
    # A channel that is off, as pruned networks have them, takes a step like the others'.
    off = widest <= OFF * widest.max()
    widest[off] = 1.0 if off.all() else np.median(widest[~off])
    best = np.zeros_like(real)
    steps = np.zeros(len(real))
    least = np.full(len(real), np.inf)
    for share in SHARES:
        tried = (widest * share / LARGEST_WEIGHT).astype(np.float32).astype(np.float64)
        stored = _lower_pairs(np.rint(real / tried[:, None]))
        error = np.square(stored * tried[:, None] - real).sum(axis=1)
        better = error < least
        best[better], steps[better], least[better] = stored[better], tried[better], error[better]
    out, channels, height, width = weight.shape
    channels_last = best.astype(np.int8).reshape(out, height, width, channels)
    return channels_last.transpose(0, 3, 1, 2), steps.astype(np.float32)


def _lower_pairs(stored: Rows) -> Rows:
    """Clip each weight, then take each pair's excess over the limit from both its weights."""
    stored = np.clip(stored, -LARGEST_WEIGHT, LARGEST_WEIGHT)
    for first in (0, 1):
        left, right = stored[:, first:-1:2], stored[:, first + 1 :: 2]
        excess = np.where(left * right > 0, np.abs(left + right) - LARGEST_PAIR, 0).clip(min=0)
        sign, half = np.sign(left), np.floor(excess / 2)
        left -= sign * (excess - half)
        right -= sign * half
    return stored


def in_kernel_order(weight: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
    """Rows (out, height × width × in), as the kernels read weights (out, in, height, width)."""
    return weight.transpose(0, 2, 3, 1).reshape(len(weight), -1)


def largest_pairs(rows: Rows) -> Rows:
    """The largest magnitude in each row of a sum of two neighbours that have the same sign."""
    positive, negative = np.maximum(rows, 0), np.maximum(-rows, 0)
    sums = [part[:, :-1] + part[:, 1:] for part in (positive, negative)]
    largest: Rows = np.maximum(*sums).max(axis=1)
    return largest
