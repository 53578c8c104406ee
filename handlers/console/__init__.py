"""The console of managers and operators: who may open what, and what each page shows, as values."""
