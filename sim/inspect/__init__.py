"""Inspection without a study: scenario checks, forecast calibration, the catalogue."""
