"""Games: one file each with `name`, `rules`, `setup` and `play`; the host does the rest."""
