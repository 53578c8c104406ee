"""The page that walks an operator through connecting WeCom, and the link that opens it."""
