"""Games: one file each with a `GAME`; a new file is found by itself, the host does the rest."""
