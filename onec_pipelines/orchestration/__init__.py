"""The only room that knows Dagster: assets, jobs, schedule, sensor, resources, run tags and metadata."""
