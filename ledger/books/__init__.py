"""The database: models, columns, engine, writer, migrations, views and triggers."""
