"""What a run keeps on disk: the run folder, its checkpoints, and the pool of judged samples."""
