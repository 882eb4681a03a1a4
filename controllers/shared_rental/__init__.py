"""Rental of shared trucks: the owner leads with prices and visits, operators of feeders follow."""
