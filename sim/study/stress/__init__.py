"""Stress studies: axes and packs, the experimental design, curves and crossovers."""
