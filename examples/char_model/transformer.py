"""A small dense decoder-only transformer in numpy alone, with its backward pass.

The standard parts: token embedding (also the output matrix), learned
positions, pre-norm blocks (RMSNorm, causal multi-head attention, a GELU
network four times as wide), a final norm, no biases.

Work of a training step. With N the weights that take part in a matrix product
(the embedding once, as the output matrix; norms and positions left out), D the
tokens of the step, L layers, h the hidden size and s the context, it is

    6 * N * D  +  12 * L * h * s * D   floating-point operations:

for each weight and token two forwards and four backwards, and the same for the
two products of attention, which are computed whole, the masked half included.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

Array = NDArray[np.floating[Any]]
Tokens = NDArray[np.int64]
Backward = Callable[[Array], Array]
Part = Callable[[Array], tuple[Array, Backward]]


@dataclass(frozen=True)
class Shape:
    """What fixes the model's parameters, in number and in order."""

    vocabulary: int
    layers: int
    hidden: int
    heads: int
    context: int

    def __post_init__(self) -> None:
        if min(asdict(self).values()) < 1 or self.hidden % self.heads:
            raise ValueError(f"sizes must be positive and hidden divisible by heads: {self}")

    def parameters(self) -> dict[str, tuple[int, ...]]:
        h = self.hidden
        shapes: dict[str, tuple[int, ...]] = {"embedding": (self.vocabulary, h), "positions": (self.context, h)}
        for layer in range(self.layers):
            shapes |= {f"{layer}.norm_attention": (h,), f"{layer}.qkv": (h, 3 * h), f"{layer}.out": (h, h)}
            shapes |= {f"{layer}.norm_mlp": (h,), f"{layer}.up": (h, 4 * h), f"{layer}.down": (4 * h, h)}
        return shapes | {"norm": (h,)}

    def size(self) -> int:
        return sum(math.prod(shape) for shape in self.parameters().values())

    def flops(self, tokens: int) -> int:
        """Forward and backward work for so many tokens; the module says how it is counted."""
        weights = self.vocabulary * self.hidden + 12 * self.layers * self.hidden**2
        return (6 * weights + 12 * self.layers * self.hidden * self.context) * tokens


def views(flat: Array, shape: Shape) -> dict[str, Array]:
    """The named parameters inside one flat vector, which Adam and checkpoints handle whole."""
    named, at = {}, 0
    for name, dimensions in shape.parameters().items():
        size = math.prod(dimensions)
        named[name] = flat[at : at + size].reshape(dimensions)
        at += size
    return named


def initial_parameters(shape: Shape, rng: np.random.Generator, dtype: DTypeLike = np.float32) -> Array:
    flat = np.empty(shape.size(), dtype=dtype)
    for name, values in views(flat, shape).items():
        if "norm" in name:
            values[...] = 1
            continue
        scale = 0.02 if name in ("embedding", "positions") else 1 / math.sqrt(values.shape[0])
        if name.endswith(("out", "down")):  # these add up along the depth
            scale /= math.sqrt(2 * shape.layers)
        values[...] = scale * rng.standard_normal(values.shape)
    return flat


# Each part returns its output and a function that turns the gradient of the
# output into the gradient of the input and adds to the parameter gradients.


def linear(x: Array, weight: Array, d_weight: Array) -> tuple[Array, Backward]:
    def backward(dy: Array) -> Array:
        d_weight[...] += x.T @ dy
        return dy @ weight.T

    return x @ weight, backward


def rms_norm(x: Array, gain: Array, d_gain: Array) -> tuple[Array, Backward]:
    scale = 1 / np.sqrt((x * x).mean(axis=-1, keepdims=True) + 1e-5)
    unit = x * scale

    def backward(dy: Array) -> Array:
        d_gain[...] += (dy * unit).sum(axis=0)
        d_unit = dy * gain
        dx: Array = scale * (d_unit - unit * (d_unit * unit).mean(axis=-1, keepdims=True))
        return dx

    return unit * gain, backward


def gelu(x: Array) -> tuple[Array, Backward]:
    """The usual tanh form of GELU."""
    a, b = math.sqrt(2 / math.pi), 0.044715
    square = x * x
    tanh = np.tanh(a * x * (1 + b * square))

    def backward(dy: Array) -> Array:
        slope = a * (1 + 3 * b * square)
        dx: Array = 0.5 * dy * (1 + tanh + x * (1 - tanh * tanh) * slope)
        return dx

    return 0.5 * x * (1 + tanh), backward


def softmax(x: Array) -> Array:
    exp: Array = np.exp(x - x.max(axis=-1, keepdims=True))
    exp /= exp.sum(axis=-1, keepdims=True)
    return exp


def attention(qkv: Array, batch: int, heads: int) -> tuple[Array, Backward]:
    """Causal attention of every head; rows are tokens, batch by batch."""
    rows, width = qkv.shape
    time_steps, head = rows // batch, width // 3 // heads
    split = (batch, time_steps, 3, heads, head)
    q, k, v = qkv.reshape(split).transpose(2, 0, 3, 1, 4)
    scale = 1 / math.sqrt(head)
    mask = np.triu(np.full((time_steps, time_steps), -np.inf, dtype=qkv.dtype), k=1)
    weights = softmax(q @ k.swapaxes(-1, -2) * scale + mask)
    mixed = (weights @ v).swapaxes(1, 2).reshape(rows, heads * head)

    def backward(dy: Array) -> Array:
        d_mixed = dy.reshape(batch, time_steps, heads, head).swapaxes(1, 2)
        d_weights = d_mixed @ v.swapaxes(-1, -2)
        d_weights -= (d_weights * weights).sum(axis=-1, keepdims=True)
        d_scores = d_weights * weights * scale
        d_qkv = np.empty(split, dtype=dy.dtype)
        dq, dk, dv = d_qkv.transpose(2, 0, 3, 1, 4)
        dq[...] = d_scores @ k
        dk[...] = d_scores.swapaxes(-1, -2) @ q
        dv[...] = weights.swapaxes(-1, -2) @ d_mixed
        return d_qkv.reshape(rows, width)

    return mixed, backward


def chain(*parts: Part) -> Part:
    def run(x: Array) -> tuple[Array, Backward]:
        backwards = []
        for part in parts:
            x, backward = part(x)
            backwards.append(backward)

        def back(dy: Array) -> Array:
            for backward in reversed(backwards):
                dy = backward(dy)
            return dy

        return x, back

    return run


def residual(*parts: Part) -> Part:
    def run(x: Array) -> tuple[Array, Backward]:
        y, backward = chain(*parts)(x)
        return x + y, lambda dy: dy + backward(dy)

    return run


def forward(flat: Array, gradient: Array, shape: Shape, tokens: Tokens) -> tuple[Array, Backward]:
    """Logits, a row for each token, and the pass back that adds to ``gradient``."""
    p, g = views(flat, shape), views(gradient, shape)
    batch, time_steps = tokens.shape

    def weighted(part: Callable[[Array, Array, Array], tuple[Array, Backward]], name: str) -> Part:
        return lambda x: part(x, p[name], g[name])

    def attend(x: Array) -> tuple[Array, Backward]:
        return attention(x, batch, shape.heads)

    blocks: list[Part] = []
    for n in range(shape.layers):
        norm, qkv, out = weighted(rms_norm, f"{n}.norm_attention"), weighted(linear, f"{n}.qkv"), f"{n}.out"
        blocks.append(residual(norm, qkv, attend, weighted(linear, out)))
        norm, up, down = weighted(rms_norm, f"{n}.norm_mlp"), weighted(linear, f"{n}.up"), f"{n}.down"
        blocks.append(residual(norm, up, gelu, weighted(linear, down)))

    def unembed(x: Array) -> tuple[Array, Backward]:
        return linear(x, p["embedding"].T, g["embedding"].T)

    x = p["embedding"][tokens] + p["positions"][:time_steps]
    logits, through = chain(*blocks, weighted(rms_norm, "norm"), unembed)(x.reshape(-1, shape.hidden))

    def backward(dy: Array) -> Array:
        dx = through(dy)
        chosen = np.eye(shape.vocabulary, dtype=dx.dtype)[tokens.ravel()]
        g["embedding"][...] += chosen.T @ dx  # a product with one-hot rows: faster than scattering
        g["positions"][:time_steps] += dx.reshape(batch, time_steps, -1).sum(axis=0)
        return dx

    return logits, backward


def surprise(logits: Array, targets: Tokens) -> tuple[Array, Array]:
    """Minus the log probability of each target, and all probabilities."""
    probabilities = softmax(logits)
    return -np.log(probabilities[np.arange(targets.size), targets.ravel()]), probabilities


def loss_and_gradient(flat: Array, shape: Shape, inputs: Tokens, targets: Tokens) -> tuple[float, Array]:
    gradient = np.zeros_like(flat)
    logits, backward = forward(flat, gradient, shape, inputs)
    losses, d_logits = surprise(logits, targets)
    d_logits[np.arange(targets.size), targets.ravel()] -= 1
    backward(d_logits / targets.size)
    return float(losses.mean()), gradient


def losses_of(flat: Array, shape: Shape, inputs: Tokens, targets: Tokens) -> Array:
    """The loss of every target, shaped as the targets are; no backward pass."""
    logits, _ = forward(flat, np.zeros_like(flat), shape, inputs)
    return surprise(logits, targets)[0].reshape(targets.shape)


def sample(flat: Array, shape: Shape, vocabulary: str, length: int, rng: np.random.Generator) -> str:
    """Characters drawn one after another, from the start of a line on."""
    text = [vocabulary.find("\n") if "\n" in vocabulary else 0]
    for _ in range(length):
        logits, _ = forward(flat, np.zeros_like(flat), shape, np.array([text[-shape.context :]]))
        probabilities = softmax(logits[-1].astype(np.float64))
        text.append(int(rng.choice(shape.vocabulary, p=probabilities)))
    return "".join(vocabulary[token] for token in text[1:])
