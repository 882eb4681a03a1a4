"""What happens: the SimPy world and the tables it leaves behind."""
