"""A Hugging Face `config.json` as the shape of a decoder-only transformer.

Names differ by family; the first that is there is taken. What a config leaves to the code of its family (whether the
feed-forward part is gated, whether embeddings are tied) is known here by `model_type`.
"""

import json
from collections.abc import Mapping
from typing import Any

from suanwang.domain.model import ModelSpec
from suanwang.errors import InvalidInput, Problem, msg

PLAIN = {"gpt2", "gpt_neo", "gpt_neox", "gptj", "opt", "bloom", "falcon", "mpt", "starcoder2", "gpt_bigcode", "phi"}
"""Families with two matrices in the feed-forward part; so have those whose activation is relu2 (Nemotron)."""
TIED = {"gpt2", "gpt_neo", "opt", "bloom", "falcon", "mpt", "gpt_bigcode", "gemma", "gemma2", "gemma3_text", "cohere"}
"""Families that tie embeddings where the config does not say."""
OTHER = {"mamba", "mamba2", "jamba", "nemotron_h", "zamba2", "rwkv", "t5", "bart", "whisper", "recurrent_gemma", "bert"}
"""Families that are no decoder-only transformer of attention and feed-forward layers."""
NAMES: Mapping[str, tuple[str, ...]] = {
    "layers": ("num_hidden_layers", "n_layer", "n_layers", "num_layers"),
    "hidden": ("hidden_size", "n_embd", "d_model", "dim"),
    "heads": ("num_attention_heads", "n_head", "n_heads"),
    "kv_heads": ("num_key_value_heads", "num_kv_heads", "n_head_kv", "multi_query_group_num"),
    "head_size": ("v_head_dim", "head_dim", "kv_channels"),
    "ffn": ("intermediate_size", "ffn_hidden_size", "n_inner", "ffn_dim", "hidden_dim"),
    "vocab": ("padded_vocab_size", "vocab_size"),
    "context": ("max_position_embeddings", "n_positions", "seq_length", "max_seq_len", "max_sequence_length"),
    "experts": ("n_routed_experts", "num_local_experts", "num_experts", "moe_num_experts"),
    "experts_per_token": ("num_experts_per_tok", "num_experts_per_token", "experts_per_token", "moe_topk", "moe_top_k"),
    "shared_experts": ("n_shared_experts", "num_shared_experts", "moe_num_shared_experts"),
    "expert_ffn": ("moe_intermediate_size", "expert_intermediate_size"),
    "dense_layers": ("first_k_dense_replace",),
    "kv_latent": ("kv_lora_rank",),
    "query_latent": ("q_lora_rank",),
    "rope_size": ("qk_rope_head_dim",),
}
NEEDED = ("layers", "hidden", "heads", "vocab")


def read_config(text: str, path: str) -> ModelSpec:
    """The shape of a config.json. Raises InvalidInput with every problem: no JSON, another architecture, what lacks."""
    config = _json(text, path)
    family = str(config.get("model_type", ""))
    problems = []
    if family in OTHER or config.get("is_encoder_decoder"):
        what = msg("{family} is no decoder-only transformer.", family=family or "the model")
        problems.append(Problem(f"{path} model_type", what, msg("Give its operations as a batch workload.")))
    shape = {name: _number(config, keys) for name, keys in NAMES.items()}
    problems += [
        Problem(
            f"{path} {NAMES[name][0]}",
            msg("{name} is not there, or is no whole number.", name=name),
            msg("It is called one of: {keys}.", keys=", ".join(NAMES[name])),
        )
        for name in NEEDED
        if not shape[name]
    ]
    if problems:
        raise InvalidInput(problems)
    return _spec(config, family, {name: value or 0 for name, value in shape.items()}, path)


def _json(text: str, path: str) -> dict[str, Any]:
    """The config; that of the text part where a model has several parts."""
    try:
        config = json.loads(text)
    except (ValueError, RecursionError) as error:
        what = msg("this is no JSON: {why}", why=str(error)[:120])
        raise InvalidInput([Problem(path, what, msg("Give the model's config.json."))]) from error
    if not isinstance(config, dict):
        raise InvalidInput([Problem(path, msg("this is no mapping."), msg("Give the model's config.json."))])
    inner = config.get("text_config") or config.get("llm_config") or config.get("language_config")
    return config | inner if isinstance(inner, dict) else config


def _number(config: Mapping[str, Any], keys: tuple[str, ...]) -> int | None:
    for key in keys:
        value = config.get(key)
        if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 10**9:
            return value
    return None


def _spec(config: Mapping[str, Any], family: str, shape: dict[str, int], path: str) -> ModelSpec:
    kv_heads = shape["kv_heads"]
    if config.get("multi_query") is True and not config.get("new_decoder_architecture"):
        kv_heads = 1
    if config.get("multi_query_attention") is False:
        kv_heads = 0
    act = str(config.get("hidden_act") or config.get("activation_function") or config.get("mlp_hidden_act") or "")
    window = _number(config, ("sliding_window", "attention_window_size")) or 0
    if config.get("use_sliding_window") is False:
        window = 0
    ffn = shape["ffn"] or 4 * shape["hidden"]
    experts = shape["experts"] if shape["experts"] > 1 else 0
    tied = config.get("tie_word_embeddings")
    name = str(config.get("_name_or_path") or "").strip("/").split("/")[-1].lower()
    try:
        return ModelSpec(
            id=name or family or "imported",
            layers=shape["layers"],
            hidden=shape["hidden"],
            heads=shape["heads"],
            kv_heads=kv_heads,
            head_size=shape["head_size"],
            ffn=ffn,
            vocab=shape["vocab"],
            gated=family not in PLAIN and "relu2" not in act,
            tied_embeddings=bool(tied) if tied is not None else family in TIED,
            context=shape["context"],
            sliding_window=window,
            experts=experts,
            experts_per_token=shape["experts_per_token"] if experts else 0,
            shared_experts=_shared(config, shape) if experts else 0,
            expert_ffn=(shape["expert_ffn"] or ffn) if experts else 0,
            dense_layers=(shape["dense_layers"] or len(config.get("mlp_only_layers") or ())) if experts else 0,
            kv_latent=shape["kv_latent"],
            query_latent=shape["query_latent"],
            rope_size=shape["rope_size"],
        )
    except ValueError as error:
        what = msg("such a shape cannot be: {why}", why=str(error))
        raise InvalidInput([Problem(path, what, msg("Correct the figures, or write the shape by hand."))]) from error


def _shared(config: Mapping[str, Any], shape: Mapping[str, int]) -> int:
    """Shared experts, counted in widths of an expert where only their common width is given (Qwen2-MoE)."""
    width = _number(config, ("shared_expert_intermediate_size",))
    if shape["shared_experts"] or not width or not shape["expert_ffn"]:
        return shape["shared_experts"]
    return max(round(width / shape["expert_ffn"]), 1)
