"""The subcommands of `salesbot`, grouped by what they work on."""
