"""The shape of a transformer, from which parameters, operations and bytes follow."""

from dataclasses import dataclass

from suanwang.domain.provenance import Provenance


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSpec:
    """A decoder-only transformer, dense or mixture-of-experts.

    `kv_heads` < `heads` is grouped-query attention; `gated` means three matrices in the feed-forward part (SwiGLU),
    else two; `experts` = 0 is dense, else `experts_per_token` of them are active with width `expert_ffn`.
    `head_size` defaults to hidden / heads. `expert_ffn` defaults to ffn; the first `dense_layers` have no experts.
    `kv_latent` > 0 is multi-head latent attention (DeepSeek-V2, arXiv:2405.04434): keys and values are kept as
    `kv_latent` + `rope_size` numbers a token; `query_latent` is the width of the queries' low-rank path (0 = none).
    Raises ValueError on a shape that cannot exist.
    """

    id: str
    layers: int
    hidden: int
    heads: int
    ffn: int
    vocab: int
    kv_heads: int = 0
    head_size: int = 0
    gated: bool = True
    tied_embeddings: bool = False
    context: int = 0
    sliding_window: int = 0
    experts: int = 0
    experts_per_token: int = 0
    shared_experts: int = 0
    expert_ffn: int = 0
    dense_layers: int = 0
    kv_latent: int = 0
    query_latent: int = 0
    rope_size: int = 0
    name: str = ""
    parameters_published: float | None = None
    provenance: Provenance | None = None

    def __post_init__(self) -> None:
        if not self.kv_heads:
            object.__setattr__(self, "kv_heads", self.heads)
        if min(self.layers, self.hidden, self.heads, self.kv_heads, self.vocab) < 1 or self.ffn < 0:
            raise ValueError(f"model {self.id}: every size must be at least 1")
        if not self.head_size:
            if self.hidden % self.heads:
                raise ValueError(f"model {self.id}: hidden {self.hidden} is not a multiple of heads {self.heads}")
            object.__setattr__(self, "head_size", self.hidden // self.heads)
        if self.heads % self.kv_heads:
            raise ValueError(f"model {self.id}: heads {self.heads} is not a multiple of kv_heads {self.kv_heads}")
        if self.experts and not 1 <= self.experts_per_token <= self.experts:
            raise ValueError(f"model {self.id}: experts_per_token must be within 1..experts")
        if not self.experts and not self.ffn:
            raise ValueError(f"model {self.id}: a dense model needs ffn")
        if self.experts and not (self.expert_ffn or self.ffn):
            raise ValueError(f"model {self.id}: experts need expert_ffn or ffn")
        if not 0 <= self.dense_layers <= self.layers:
            raise ValueError(f"model {self.id}: dense_layers must be within 0..layers")
