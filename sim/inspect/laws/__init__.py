"""The laws that every controller keeps, one module per law, and the check that runs them.

``failures``, ``determinism`` (and memory), ``non_anticipation``, ``limits``, ``energy``, ``money``:
functions that look at episodes and raise `Broken`. `check_controller` runs all of them on anybody's
controller; the tests run the same functions on every bundled controller in every scenario.
"""
