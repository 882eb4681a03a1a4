"""Statistical inference: paired differences, tail risk, intervals, the stopping rule."""
