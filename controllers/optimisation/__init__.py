"""The one door to OR-Tools, and the assembly of sparse models."""
