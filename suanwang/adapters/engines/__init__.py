"""Engines that run workloads, one file each, behind the Engine port."""
