"""The fleet scheduling engine: routes and powers of vehicles that serve a grid."""
