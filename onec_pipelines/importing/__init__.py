"""One function a dataset: read, stage, merge, report. No Dagster; callable from a script."""
