"""A demonstration: a simulated microscope, or Micro-Manager's, run by ExEngine into any storage."""
