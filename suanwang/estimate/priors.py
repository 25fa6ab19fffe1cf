"""Constants of the estimates, each with its source. A measured figure of the accelerator or pool goes before them."""

from suanwang.domain.estimate import Assumption


def _prior(name: str, value: float, unit: str, source: str) -> Assumption:
    return Assumption(name=name, value=value, unit=unit, source=source)


STEPS = "calibrated on published training steps (residuals.FITTED)"

GEMM_EFFICIENCY = _prior(
    "gemm_efficiency",
    0.783,
    "1",
    f"{STEPS}, for cards whose best matrix product was not measured; on A100 and H100 it reaches 80-87 % of peak",
)
NARROW_GEMM = _prior(
    "narrow_gemm",
    1.09,
    "1",
    f"{STEPS}: 8- and 4-bit products of training libraries over the best that was measured with a general one",
)
QUARTER_GEMM = _prior(
    "quarter_gemm",
    0.605,
    "1",
    "calibrated on published full-load runs: 4-bit products in serving, small batches included",
)
GEMM_SIZE = _prior(
    "gemm_size", 40.2, "1", f"{STEPS}: a dimension d of a matrix product reaches d / (d + this) of its best"
)
ATTENTION_EFFICIENCY = _prior(
    "attention_efficiency",
    0.438,
    "1",
    f"{STEPS}: fused attention, 16-bit, share of peak, mature kernels; FlashAttention-2 (arXiv:2307.08691) reaches "
    "50-73 % forward on A100, 35-40 % on H100",
)
ATTENTION_NEW = _prior(
    "attention_new", 0.307, "1", f"{STEPS}: how much slower attention is with software of the card's first year"
)
SOFTWARE_AGE = _prior(
    "software_age", 0.57, "years", f"{STEPS}: age of the software against its card where its year is not stated"
)
MEMORY_EFFICIENCY = _prior(
    "memory_efficiency", 0.80, "1", "prior: streaming reaches 76-92 % of the nominal memory bandwidth"
)
ELEMENTWISE_TRAFFIC = _prior(
    "elementwise_traffic", 1.55, "1", f"{STEPS}: bytes moved over those of perfectly fused operators"
)
ELEMENTWISE_BACKWARD = _prior(
    "elementwise_backward",
    3.8,
    "1",
    "chosen: bytes moved by the backward of norms and activations over the forward: it reads gradients and kept inputs "
    "and writes gradients of both; published steps fit as well with 2 as with 5",
)
FRAMEWORK = _prior(
    "framework_overhead",
    0.105,
    "1",
    f"{STEPS}: launches, synchronisation, data loading, clocks under load and shapes short of the best, over computing",
)
FRAMEWORK_NEW = _prior(
    "framework_new", 0.302, "1", f"{STEPS}: how much larger that is with software of the card's first year"
)
HOST_LAYER = _prior(
    "host_layer", 2.05e-3, "s", f"{STEPS}: host work of a layer and micro-batch; the card waits where it computes less"
)
HOST_EXPERTS = _prior("host_experts", 5.33e-3, "s", f"{STEPS}: host work that routed experts add to a layer")
EXPERT_GEMM = _prior("expert_gemm", 0.47, "1", f"{STEPS}: grouped products of experts over single ones, and routing")
EXPERT_NARROW = _prior(
    "expert_narrow", 1.13, "1", f"{STEPS}: casts of experts' inputs to 8 or 4 bits, with the software of 2026"
)
EXPERT_PROGRESS = _prior(
    "expert_progress",
    1.02,
    "1/year",
    f"{STEPS}: how fast experts in 8 bits became faster, releases of 2025.8 to 2026.6",
)
EXPERT_OVERLAP = _prior("expert_overlap", 0.626, "1", f"{STEPS}: share of all-to-all traffic hidden behind computing")
FUSED_RECOMPUTE = _prior(
    "fused_attention_recompute",
    0.5,
    "1",
    "the backward of fused attention repeats one of the forward's two products (arXiv:2205.14135, section 3)",
)
LINK_EFFICIENCY = _prior(
    "link_efficiency", 0.582, "1", f"{STEPS}: bus bandwidth of collectives over the nominal link inside a node"
)
NETWORK_EFFICIENCY = _prior(
    "network_efficiency", 0.598, "1", f"{STEPS}: bus bandwidth of collectives over the nominal network of a node"
)
LINK_LATENCY = _prior("link_latency", 1e-6, "s", "calibrated on the same runs: one step of a collective inside a node")
NETWORK_LATENCY = _prior("network_latency", 15e-6, "s", "prior: one step of a collective between nodes")
OVERLAP = _prior(
    "data_parallel_overlap", 0.482, "1", f"{STEPS}: share of gradient and weight traffic hidden behind computing"
)
HOST_LINK = _prior(
    "host_link",
    20e9,
    "byte/s",
    "prior: a card's path to the server's memory, one way (PCIe 4.0 x16 delivers 20-25 GB/s)",
)
HOST_MEMORY = _prior(
    "host_memory", 25e9, "byte/s", "prior: a card's share of the server's memory bandwidth in an optimizer step there"
)
MEMORY_RESERVE = _prior(
    "memory_reserve", 0.05, "1", "prior: driver context, communication buffers and fragmentation, share of memory"
)
LOGITS_BYTES = _prior(
    "logits_bytes",
    12.0,
    "byte",
    "measured on an H100 with torch (tests/reference/torch_h100_steps.csv): a score of a token is held three times in "
    "32 bits at the fullest, when a loss that is not fused turns back (its logarithm, that one's gradient and its own)",
)
LAYER_OVERHEAD = _prior(
    "serving_layer_overhead",
    1.01e-4,
    "s",
    "calibrated on 187 published full-load runs: start of the kernels of a layer in a pass",
)
EXPERT_LAYER_OVERHEAD = _prior(
    "serving_expert_layer_overhead", 2.13e-4, "s", "calibrated on the same runs: what routing adds to that"
)
EXPERT_SERVING = _prior(
    "serving_expert_gemm", 0.373, "1", "calibrated on the same runs: grouped products of experts over single ones"
)
SEQUENCE_OVERHEAD = _prior(
    "serving_sequence_overhead", 4.95e-6, "s", "calibrated on the same runs: host work of one sequence in a decode pass"
)
CARD_HOURS_PER_INTERRUPTION = _prior(
    "card_hours_per_interruption",
    50_700.0,
    "h",
    "prior: Llama 3 (arXiv:2407.21783, section 3.3.4): 419 unexpected interruptions in 54 days on 16,384 cards",
)
CHECKPOINT_COST = _prior("checkpoint_cost", 30.0, "s", "prior: pause to save the state of a large run")
CALIBRATED_NODES = 16
"""Nodes of a typical run that step times were calibrated on."""
NODE_SPREAD = _prior(
    "node_spread",
    0.02,
    "1",
    "prior: standard deviation of the speed of nodes (clocks, temperature, links) over the mean",
)
EVALUATION = _prior("evaluation", 0.03, "1", "prior: evaluation and warm-up of a whole run, over its steps")
RUN_OVERHEAD = _prior(
    "run_overhead",
    0.16,
    "1",
    "judged against 17 published full runs: work thrown away, pauses, layouts short of the best, over steps",
)
TRAINING_LOAD = _prior("training_load", 0.9, "1", "prior: mean dynamic load of a card in training")
RESTART = _prior("restart", 300.0, "s", "prior: from an interruption to the first step again")
IDLE_POWER = _prior("idle_power", 0.15, "1", "prior: power of an idle card over its rated power (A100, H100 60-110 W)")
NODE_OVERHEAD = _prior(
    "node_overhead",
    0.27,
    "1",
    "prior: processors, fans, network cards and conversion over the cards' rated power; H100 servers of MLPerf "
    "Training draw 856 W a card at the wall in GPT-3, 1.22 of the rated 700 W",
)
