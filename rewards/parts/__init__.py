"""What several rewards share: rationales, steps, units, settings, models and the context of a run."""
