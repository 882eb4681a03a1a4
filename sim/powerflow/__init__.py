"""AC power flow: one protocol, two engines.

`sim.powerflow.pgm` (power-grid-model) computes; `sim.powerflow.pandapower` verifies.
"""
