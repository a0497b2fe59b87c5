"""Finishing a dataset whose writer ended early, and checking a finished one."""

from exengine_ome_tiff.repair.recovery import RecoveryResult, recover
from exengine_ome_tiff.repair.validation import Problem, validate

__all__ = ["Problem", "RecoveryResult", "recover", "validate"]
