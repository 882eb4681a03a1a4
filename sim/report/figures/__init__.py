"""Plotly figures, one module each."""
