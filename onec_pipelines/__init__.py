"""1C:Enterprise exports (CommerceML) into PostgreSQL and a media store, with Dagster."""
