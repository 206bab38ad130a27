"""What 1C writes: export layouts, the preflight, streaming readers. No SQL, no Dagster."""
