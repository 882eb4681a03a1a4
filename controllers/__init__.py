"""Reference controllers: a package or module each, and the blocks that they share."""
