"""A complete Bacalhau orchestrator in one process, for tests and local runs. Importing it imports nothing else."""

__version__ = "0.1.0"
