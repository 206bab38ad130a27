"""Dagster's machinery where ours replaces it: storage, run coordinator, launcher, executors, the launch of a run."""
