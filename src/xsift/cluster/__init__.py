"""Tasks of one work: done in this process, in others of this machine, or on a Dask cluster."""

from xsift.cluster.workers import Flow, Here, Workers, check, chosen, workers_of

__all__ = ["Flow", "Here", "Workers", "check", "chosen", "workers_of"]
