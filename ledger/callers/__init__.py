"""Who is calling: detection, chain, config files and where the key is; no database here."""
