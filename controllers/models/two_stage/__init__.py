"""A day of a radial grid and its trucks: a mixed-integer cone model, then a swarm under AC flow."""
