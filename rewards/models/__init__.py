"""The model layer: loads models and tokenizers and runs them, for the rewards and for everything in `rl`.

    load          a model with any head and its tokenizer; frozen models are shared; adapters can be trained further
    state         a model's device, evaluation mode, and a fingerprint of its weights
    prompts       a prompt as text and as token ids: the only place that renders and tokenizes prompts
    generate      completions of token ids, by transformers or by an engine, under one set of sampling parameters
    stopping      where a completion ends
    logprobs      log-probabilities of given tokens
    likelihoods   likelihoods of answers after contexts that share their beginnings
    heads         scores of classification heads, at chosen tokens or for a whole text
    batches       batches of rows of similar length, and their padding
    types         the types of models and tokenizers
    adapters      the base model of an adapter
    room          the number of tokens that a model can read

It knows nothing of rewards, tasks or training.
"""
