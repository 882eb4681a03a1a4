"""Who injects what: topology, meters, injections, balancing, what is paid as import."""
