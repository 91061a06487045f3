def always(completions, **columns):
    return [None] * len(completions)
