"""Plans for customer groups: what goes into which group on which day, by a person's tap."""
