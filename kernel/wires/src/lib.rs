//! The SQL wires: Arrow Flight SQL and PostgreSQL.
