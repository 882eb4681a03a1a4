"""What many days say: paired differences, risk, intervals, when to stop."""
