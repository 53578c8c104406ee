"""The console of managers and operators: coming in, the pages, and their tables as files."""
