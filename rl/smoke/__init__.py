"""`whetstone smoke`: runs every stage of a config at its smallest, before you pay for a GPU."""
