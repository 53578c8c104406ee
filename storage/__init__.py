"""What is remembered: one module a feature, plain SQL over a small port."""
