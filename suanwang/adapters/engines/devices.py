"""By which environment variable each vendor's runtime is told which of a node's accelerators are its own.

Slurm, Kubernetes device plugins and Ray set NVIDIA's and AMD's by themselves and know few others.
"""

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
