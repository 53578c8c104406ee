"""The chat archive: the vendor's library in a process of its own, and what comes out of it."""
