"""The pages that are made from run folders alone: of one run, of several beside each other, of a run in stages."""
