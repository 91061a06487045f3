"""What a policy can do and what a run has shown: evaluation, intervals, reward hacking, the report, scores."""
