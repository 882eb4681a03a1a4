"""An episode of a study again, proved to be the same."""
