"""The pages of a customer group: who opens them, what they may ask for, what they look like."""
