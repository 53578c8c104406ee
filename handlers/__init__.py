"""What the bot does: plain functions that read the store and yield actions."""
