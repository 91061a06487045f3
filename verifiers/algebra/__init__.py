"""Whether two answers are equal: by structure, by number, and by algebra."""
