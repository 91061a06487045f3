"""What several rewards share: where a rationale ends, where steps lie, units, settings, what a run offers."""
