"""Constants of the estimates, each with its source. A measured figure of the accelerator or pool goes before them."""

from suanwang.domain.estimate import Assumption


def _prior(name: str, value: float, unit: str, source: str) -> Assumption:
    return Assumption(name=name, value=value, unit=unit, source=source)


GEMM_EFFICIENCY = _prior(
    "gemm_efficiency", 0.72, "1", "prior: large matrix products reach 71-77 % of peak on A100 and H100"
)
GEMM_TYPICAL_OVER_BEST = _prior(
    "gemm_typical_over_best",
    0.90,
    "1",
    "prior: products of layer shapes against the best shape of the same card (A100 75/87 %, H100 73/80 %)",
)
ATTENTION_EFFICIENCY = _prior(
    "attention_efficiency",
    0.50,
    "1",
    "prior: fused attention, 16-bit, share of peak (FlashAttention-2, arXiv:2307.08691: 50-73 % forward on A100, "
    "35-40 % on H100)",
)
MEMORY_EFFICIENCY = _prior(
    "memory_efficiency", 0.80, "1", "prior: streaming reaches 76-92 % of the nominal memory bandwidth"
)
ELEMENTWISE_TRAFFIC = _prior(
    "elementwise_traffic",
    2.0,
    "1",
    "calibrated on 300 published dense training runs: bytes moved over those of perfectly fused operators",
)
FRAMEWORK = _prior(
    "framework_overhead",
    0.20,
    "1",
    "calibrated on the same runs: launches, synchronisation, data loading and clocks under load, over computing time",
)
FUSED_RECOMPUTE = _prior(
    "fused_attention_recompute",
    0.5,
    "1",
    "the backward of fused attention repeats one of the forward's two products (arXiv:2205.14135, section 3)",
)
LINK_EFFICIENCY = _prior(
    "link_efficiency", 0.75, "1", "prior: bus bandwidth of large collectives over the nominal link inside a node"
)
NETWORK_EFFICIENCY = _prior(
    "network_efficiency", 0.75, "1", "prior: bus bandwidth of large collectives over the nominal network of a node"
)
LINK_LATENCY = _prior("link_latency", 5e-6, "s", "prior: one step of a collective inside a node")
NETWORK_LATENCY = _prior("network_latency", 15e-6, "s", "prior: one step of a collective between nodes")
OVERLAP = _prior(
    "data_parallel_overlap", 0.80, "1", "prior: share of gradient and weight traffic hidden behind computing"
)
MEMORY_RESERVE = _prior(
    "memory_reserve", 0.05, "1", "prior: driver context, communication buffers and fragmentation, share of memory"
)
SCHEDULER_OVERHEAD = _prior(
    "serving_scheduler_overhead",
    0.20,
    "1",
    "calibrated on 147 published full-load runs: what schedulers and kernels cost on top of the roofline",
)
PASS_OVERHEAD = _prior("serving_pass_overhead", 1e-3, "s", "calibrated on the same runs: host work of a decode pass")
SEQUENCE_OVERHEAD = _prior(
    "serving_sequence_overhead", 10e-6, "s", "calibrated on the same runs: host work of one sequence in a decode pass"
)
CARD_HOURS_PER_INTERRUPTION = _prior(
    "card_hours_per_interruption",
    50_700.0,
    "h",
    "prior: Llama 3 (arXiv:2407.21783, section 3.3.4): 419 unexpected interruptions in 54 days on 16,384 cards",
)
CHECKPOINT_COST = _prior("checkpoint_cost", 30.0, "s", "prior: pause to save the state of a large run")
RUN_OVERHEAD = _prior(
    "run_overhead",
    0.20,
    "1",
    "calibrated on published full runs: evaluation, warm-up, slow nodes and layouts short of the best, over the steps",
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
