"""A report as one HTML page: charts, the tables under them, no script and no network."""
