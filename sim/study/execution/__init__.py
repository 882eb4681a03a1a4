"""Run episodes on worker pools: this process, several processes, Dask."""
