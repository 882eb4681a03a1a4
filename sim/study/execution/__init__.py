"""Episodes on workers: this process, processes of its own, Dask."""
