"""Importers: networks, roads and profiles of other formats become scenario tables."""
