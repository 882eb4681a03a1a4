"""A study on disk: manifest, tables, atomic writes, and reading them back."""
