"""Economic dispatch on fixed routes: a linear programme with row generation."""
