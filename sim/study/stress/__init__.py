"""Stress studies: axes and packs, the design they span, curves, and who overtakes whom."""
