"""The file schema in pydantic: constrained values, tables of ``scenario.toml``, CSV rows."""
