"""What Dagster loads: assets, checks, jobs, the schedule, sensors, resources. `definitions.py` assembles it."""
