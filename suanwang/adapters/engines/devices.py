"""By which environment variable each vendor's runtime is told which of a node's accelerators are its own.

Slurm, Kubernetes device plugins and Ray set NVIDIA's and AMD's by themselves and know few others.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from suanwang.domain.accelerator import AcceleratorKind
from suanwang.domain.site import Pool

VISIBLE_DEVICES: dict[str, str] = {
    "NVIDIA": "CUDA_VISIBLE_DEVICES",  # CUDA C++ programming guide, environment variables
    "Iluvatar": "CUDA_VISIBLE_DEVICES",  # CoreX runs programs written for CUDA
    "AMD": "ROCR_VISIBLE_DEVICES",  # ROCm documentation, GPU isolation
    "Hygon": "HIP_VISIBLE_DEVICES",  # DTK is a HIP platform
    "Huawei": "ASCEND_RT_VISIBLE_DEVICES",  # CANN documentation, environment variables
    "Cambricon": "MLU_VISIBLE_DEVICES",  # Cambricon CNRT
    "Moore Threads": "MUSA_VISIBLE_DEVICES",  # MUSA SDK
    "Baidu Kunlunxin": "XPU_VISIBLE_DEVICES",  # XRE
    "Enflame": "TOPS_VISIBLE_DEVICES",  # TopsRider
    "MetaX": "CUDA_VISIBLE_DEVICES",  # MACA runs programs written for CUDA
    "Intel": "ZE_AFFINITY_MASK",  # oneAPI Level Zero specification
}
"""Vendor, as the catalog writes it -> variable. A vendor that is not here gets what the engine itself sets."""

RESOURCE_NAMES: dict[str, str] = {
    "NVIDIA": "nvidia.com/gpu",
    "AMD": "amd.com/gpu",
    "Intel": "gpu.intel.com/i915",
    "Huawei": "huawei.com/Ascend910",
    "Cambricon": "cambricon.com/mlu",
    "Hygon": "hygon.com/dcu",
    "Iluvatar": "iluvatar.ai/gpu",
    "MetaX": "metax-tech.com/gpu",
    "Moore Threads": "mthreads.com/gpu",
    "Enflame": "enflame.com/gcu",
    "Baidu Kunlunxin": "kunlunxin.com/xpu",
    "Biren": "birentech.com/gpu",
    "Google": "google.com/tpu",
}
"""Vendor -> the extended resource that its Kubernetes device plugin registers, by the plugins' own documentation.

A site whose plugin uses another name (a partitioned card, Ascend 310) says so in its pool's options.
"""

NVML_VENDOR = "NVIDIA"


@dataclass(frozen=True, slots=True)
class Devices:
    """Devices of a pool, numbered from `first` on, as the vendor's `variable` shows them to programs.

    `metered`: NVML counts their energy, where it is installed.
    """

    variable: str
    first: int = 0
    metered: bool = False


def devices_of(pools: Sequence[Pool]) -> dict[str, Devices]:
    """Those of pools of a vendor whose variable is known; pools of one vendor are numbered one after another."""
    found: dict[str, Devices] = {}
    numbered: dict[str, int] = {}
    for pool in pools:
        vendor = pool.accelerator.vendor
        variable = VISIBLE_DEVICES.get(vendor, "")
        if variable and pool.accelerator.kind is not AcceleratorKind.CPU:
            first = numbered.get(variable, 0)
            found[pool.id] = Devices(variable, first, metered=vendor == NVML_VENDOR)
            numbered[variable] = first + pool.accelerators
    return found
