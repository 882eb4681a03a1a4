"""A day of a radial grid: a mixed-integer cone model, then a particle swarm under AC flow."""
