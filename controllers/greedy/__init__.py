"""Rules: buy low or where sun and wind run over, sell high where the load is."""
