"""Distributionally robust chance constraints for laws of which mean and covariance are known."""
