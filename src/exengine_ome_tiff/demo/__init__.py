"""Demonstration: ExEngine runs a simulated microscope, or Micro-Manager's, into any storage."""
