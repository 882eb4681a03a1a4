"""What looks at things without studying them: checks, calibration, the catalogue."""
