"""Recovery of datasets left by a crash, and validation of finished ones."""

from exengine_ome_tiff.repair.recovery import RecoveryResult, recover
from exengine_ome_tiff.repair.validation import Problem, validate

__all__ = ["Problem", "RecoveryResult", "recover", "validate"]
