"""Parameters and useful operations of a transformer, from its shape. Exact where the shape says all.

Counted: matrices and norm gains. Not counted: biases, learned positions, multi-token prediction heads (all < 0.3 %).
"""

from dataclasses import dataclass

from suanwang.domain.model import ModelSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """Numbers of parameters by part, over the whole model. `head` is 0 where it is tied to the embedding."""

    embedding: int
    head: int
    attention: int
    dense_ffn: int
    routed_experts: int
    shared_experts: int
    router: int
    norms: int
    active_share_of_experts: float

    @property
    def total(self) -> int:
        return self.embedding + self.head + self.layers

    @property
    def layers(self) -> int:
        """All that lies in the layers (the final norm included)."""
        return self.always_active + self.routed_experts

    @property
    def always_active(self) -> int:
        """What every token passes in the layers, whatever experts it is routed to."""
        return self.attention + self.dense_ffn + self.shared_experts + self.router + self.norms

    @property
    def active_layers(self) -> float:
        return self.always_active + self.routed_experts * self.active_share_of_experts

    @property
    def active(self) -> float:
        """What one token uses, embeddings included (how "37B active" is counted)."""
        return self.embedding + self.head + self.active_layers


def ffn_matrices(model: ModelSpec) -> int:
    """Matrices of a feed-forward part: gate, up, down; or up, down."""
    return 3 if model.gated else 2


def expert_width(model: ModelSpec) -> int:
    """Inner width of one expert; 0 for a dense model."""
    return (model.expert_ffn or model.ffn) if model.experts else 0


def moe_layers(model: ModelSpec) -> int:
    """Layers that have experts."""
    return model.layers - model.dense_layers if model.experts else 0


def attention_matrices(model: ModelSpec) -> tuple[tuple[int, int], ...]:
    """(outputs, inputs) of every projection of one attention block, in order; the last one is the output projection.

    Latent attention: down to the latents, up to the heads (DeepSeek-V2, arXiv:2405.04434, section 2.1).
    """
    width = model.heads * model.head_size
    if not model.kv_latent:
        return ((width + 2 * model.kv_heads * model.head_size, model.hidden), (model.hidden, width))
    queries = model.heads * (model.head_size + model.rope_size)
    low = ((model.query_latent, model.hidden), (queries, model.query_latent))
    return (
        *(low if model.query_latent else ((queries, model.hidden),)),
        (model.kv_latent + model.rope_size, model.hidden),
        (2 * width, model.kv_latent),
        (model.hidden, width),
    )


def parameters(model: ModelSpec) -> Parameters:
    """Count the parameters of a model (grouped queries, gated feed-forward, tied embeddings, experts, latents)."""
    with_experts = moe_layers(model)
    expert = ffn_matrices(model) * model.hidden * expert_width(model)
    attention = sum(n * k for n, k in attention_matrices(model))
    latent_norms = model.kv_latent + model.query_latent if model.kv_latent else 0
    return Parameters(
        embedding=model.vocab * model.hidden,
        head=0 if model.tied_embeddings else model.vocab * model.hidden,
        attention=model.layers * attention,
        dense_ffn=(model.layers - with_experts) * ffn_matrices(model) * model.hidden * model.ffn,
        routed_experts=with_experts * model.experts * expert,
        shared_experts=with_experts * model.shared_experts * expert,
        router=with_experts * model.hidden * model.experts,
        norms=model.layers * (2 * model.hidden + latent_norms) + model.hidden,
        active_share_of_experts=model.experts_per_token / model.experts if model.experts else 0.0,
    )


def visible_tokens_mean(sequence_length: int, window: int = 0, *, causal: bool = True) -> float:
    """Keys that a query sees on average: s/2 causal, s full; within a sliding window at most the window."""
    if not causal:
        return float(min(sequence_length, 2 * window + 1) if window else sequence_length)
    if window and window < sequence_length:
        return window - window * window / (2 * sequence_length)
    return sequence_length / 2


def attention_flops_per_token(model: ModelSpec, visible: float) -> float:
    """Forward operations of scores and weighted sum over `visible` keys: 2 x 2 x heads x head size x keys a layer."""
    rope = model.rope_size if model.kv_latent else 0
    return 2.0 * model.layers * model.heads * (2 * model.head_size + rope) * visible


def matrix_flops_per_token(model: ModelSpec) -> float:
    """Forward operations of the matrices: 2 a parameter that a token passes; the input embedding is a look-up."""
    counts = parameters(model)
    return 2.0 * (counts.active_layers + model.vocab * model.hidden)


def training_flops_per_token(model: ModelSpec, sequence_length: int, *, causal: bool = True) -> float:
    """Useful operations to train on one token: 6 N + 6 L h s (causal) or 6 N + 12 L h s (full attention).

    N counts what a token passes: layers and output head, not the input embedding. Forward 2, backward 4; recomputation
    is not useful work. Kaplan et al. 2020 (arXiv:2001.08361, section 2.1); Chowdhery et al. 2022 (arXiv:2204.02311,
    appendix B) with the attention term; half of it where the mask is causal.
    """
    visible = visible_tokens_mean(sequence_length, model.sliding_window, causal=causal)
    return 3.0 * (matrix_flops_per_token(model) + attention_flops_per_token(model, visible))


def adapter_parameters(model: ModelSpec, rank: int) -> int:
    """LoRA adapters of a rank on every projection of attention and dense or shared feed-forward: r (in + out) each.

    Hu et al. 2021 (arXiv:2106.09685, section 4.1). Routed experts are left without adapters, as is usual.
    """
    attention = model.layers * sum(n + k for n, k in attention_matrices(model))
    per_ffn = ffn_matrices(model) * model.hidden
    dense_layers = model.layers - moe_layers(model)
    dense = dense_layers * (per_ffn + ffn_matrices(model) * model.ffn)
    shared_width = expert_width(model) * model.shared_experts
    shared = moe_layers(model) * (per_ffn + ffn_matrices(model) * shared_width) if shared_width else 0
    return rank * (attention + dense + shared)


def finetuning_flops_per_token(model: ModelSpec, sequence_length: int, rank: int) -> float:
    """LoRA, QLoRA: 4 N + 6 adapters + attention 6 L h s. Frozen weights have no gradient of their own (2 N saved)."""
    visible = visible_tokens_mean(sequence_length, model.sliding_window)
    frozen = 2.0 * matrix_flops_per_token(model)
    return frozen + 6.0 * adapter_parameters(model, rank) + 3.0 * attention_flops_per_token(model, visible)


def serving_flops_per_request(model: ModelSpec, input_tokens: int, output_tokens: int) -> float:
    """2 N a token plus attention over what is before it; the output head only where a token is produced."""
    tokens = input_tokens + output_tokens
    head = 2.0 * model.vocab * model.hidden
    matrices = (matrix_flops_per_token(model) - head) * tokens + head * output_tokens
    visible = visible_tokens_mean(tokens, model.sliding_window)
    return matrices + tokens * attention_flops_per_token(model, visible)


def kv_values_per_token(model: ModelSpec) -> int:
    """Numbers kept for one token over all layers: keys and values of every kv head, or the latent."""
    per_layer = model.kv_latent + model.rope_size if model.kv_latent else 2 * model.kv_heads * model.head_size
    return model.layers * per_layer
