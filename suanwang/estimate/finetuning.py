"""How weights are trained: fully, or through adapters beside frozen weights (LoRA, QLoRA)."""

from dataclasses import dataclass

from suanwang.domain.workload import FinetuneMethod, Training
from suanwang.estimate.flops import (
    adapter_parameters,
    finetuning_flops_per_token,
    parameters,
    training_flops_per_token,
)

NF4_BYTES = 0.5 + 0.127 / 8
"""Bytes of a weight in 4-bit NormalFloat with double-quantised scales: 4.127 bits (QLoRA, arXiv:2305.14314)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Bytes that a weight, a gradient, the optimizer's states and a kept matrix input take, and the backward's work.

    `backward_gemms`: matrix products of the backward over those of the forward (2: gradients of inputs and weights;
    1: frozen weights need none of their own). `adapters`: trained parameters beside the model.
    """

    weight_bytes: float
    gradient_bytes: float
    optimizer_bytes: float
    input_bytes: float
    backward_gemms: float
    adapters: int
    flops_per_token: float

    @property
    def frozen(self) -> bool:
        return self.adapters > 0


def recipe(task: Training) -> Recipe:
    """The recipe of a training task.

    Mixed precision: 2 bytes of weights, 4 of 32-bit gradients, 12 of master weights and two Adam moments (18 together;
    Megatron-LM's distributed optimizer, ZeRO arXiv:1910.02054 section 3.1 with 32-bit gradients); fp32: 4 + 4 + 8.
    Matrix products in 8 or 4 bits: 16-bit gradients, matrix inputs kept in 8 bits (what fits in the published runs).
    """
    single = task.dtype in ("fp32", "tf32", "fp64")
    width = (8.0 if task.dtype == "fp64" else 4.0) if single else 2.0
    narrow = task.dtype in ("fp8", "fp4", "int8")
    gradients = 2.0 if narrow else max(width, 4.0)
    inputs = 1.0 if narrow else 2.0
    optimizer = 2 * width if single else 12.0
    if task.method is FinetuneMethod.FULL:
        flops = training_flops_per_token(task.model, task.sequence_length)
        return Recipe(
            weight_bytes=width,
            gradient_bytes=gradients,
            optimizer_bytes=optimizer,
            input_bytes=inputs,
            backward_gemms=2.0,
            adapters=0,
            flops_per_token=flops,
        )
    return Recipe(
        weight_bytes=NF4_BYTES if task.method is FinetuneMethod.QLORA else width,
        gradient_bytes=gradients,
        optimizer_bytes=optimizer,
        input_bytes=inputs,
        backward_gemms=1.0,
        adapters=adapter_parameters(task.model, task.lora_rank),
        flops_per_token=finetuning_flops_per_token(task.model, task.sequence_length, task.lora_rank),
    )


def trained_parameters(task: Training) -> int:
    """How many parameters have gradients and optimizer states."""
    if task.method is FinetuneMethod.FULL:
        return parameters(task.model).total
    return adapter_parameters(task.model, task.lora_rank)
