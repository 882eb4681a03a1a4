"""Reference controllers. Each module is one policy."""
