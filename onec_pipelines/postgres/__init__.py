"""The embedded PostgreSQL: its programs, the account that runs it, its start and stop. It knows nothing of 1C."""
