"""What exists: the frozen description of grid, roads, stations and vehicles."""
