"""Facts, rules and questions in controlled English, as logic."""
