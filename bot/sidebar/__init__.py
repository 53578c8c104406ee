"""The page beside a customer's chat: who opens it, what it may ask for, what it looks like."""
