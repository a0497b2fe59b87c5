"""Finishing a dataset whose writer ended early, and checking a finished one."""

from exengine_ome_tiff.repair.recovery import Recovered, recover
from exengine_ome_tiff.repair.validation import Problem, validate

__all__ = ["Problem", "Recovered", "recover", "validate"]
