"""What PostgreSQL holds: connections, the embedded server, migrations, staging, merges."""
