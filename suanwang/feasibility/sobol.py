"""Sobol's sequence (Sobol 1967) with the direction numbers of Joe and Kuo (2008), in the Gray code order of Antonov and
Saleev (1979)."""

import numpy as np

from suanwang.feasibility.levers import Array

_BITS = 32
_JOE_KUO = (
    (1, 0, (1,)),
    (2, 1, (1, 3)),
    (3, 1, (1, 3, 1)),
    (3, 2, (1, 1, 1)),
    (4, 1, (1, 1, 3, 3)),
    (4, 4, (1, 3, 5, 13)),
    (5, 2, (1, 1, 5, 5, 17)),
    (5, 4, (1, 1, 5, 5, 5)),
    (5, 7, (1, 1, 7, 11, 19)),
    (5, 11, (1, 1, 5, 1, 1)),
    (5, 13, (1, 1, 1, 3, 11)),
    (5, 14, (1, 3, 5, 5, 31)),
    (6, 1, (1, 3, 3, 9, 7, 49)),
    (6, 13, (1, 1, 1, 15, 21, 21)),
    (6, 16, (1, 3, 1, 13, 27, 49)),
    (6, 19, (1, 1, 1, 15, 7, 5)),
    (6, 22, (1, 3, 1, 15, 13, 25)),
    (6, 25, (1, 1, 5, 5, 19, 61)),
    (7, 1, (1, 3, 7, 11, 23, 15, 103)),
)
"""Degree and coefficients of a primitive polynomial, and the first direction integers, of dimensions 2, 3, …"""
INPUTS_MAX = len(_JOE_KUO) + 1


def _directions(dimension: int) -> list[int]:
    """The direction numbers of a dimension (0, 1, …) as integers of 32 bits."""
    if dimension == 0:
        return [1 << (_BITS - 1 - i) for i in range(_BITS)]
    degree, coefficients, first = _JOE_KUO[dimension - 1]
    numbers = [m << (_BITS - 1 - i) for i, m in enumerate(first)]
    for i in range(degree, _BITS):
        value = numbers[i - degree] ^ (numbers[i - degree] >> degree)
        for k in range(1, degree):
            if coefficients >> (degree - 1 - k) & 1:
                value ^= numbers[i - k]
        numbers.append(value)
    return numbers


def sobol(draws: int, inputs: int) -> Array:
    """The first points (draws, inputs) of the sequence, in [0, 1). Raises ValueError for too many inputs."""
    if inputs > INPUTS_MAX:
        raise ValueError(f"at most {INPUTS_MAX} inputs")
    index = np.arange(draws, dtype=np.uint64)
    gray = index ^ (index >> np.uint64(1))
    points = np.zeros((draws, inputs), np.uint64)
    for dimension in range(inputs):
        for bit, number in enumerate(_directions(dimension)[: max(draws, 1).bit_length()]):
            points[:, dimension] ^= np.where(gray >> np.uint64(bit) & np.uint64(1), np.uint64(number), np.uint64(0))
    return np.asarray(points / 2.0**_BITS)
