"""`whetstone smoke`: a config at its smallest, every stage of it, before a GPU is paid for."""
