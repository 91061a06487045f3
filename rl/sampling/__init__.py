"""How completions are drawn: prompts by solve rate, refills by signal, and what generates."""
