"""From a config to rewards: the mix that it names, and functions of the user's own as rewards."""
