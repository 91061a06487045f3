"""The model layer: loads models and tokenizers and runs them, for the rewards and for everything in `rl`.

    load          a model under any head with its tokenizer; frozen models are shared; adapter folders go on from there
    state         a model's device, evaluation mode, and a fingerprint of its weights
    prompts       a prompt as text and as token ids: the one rendering and the one tokenisation
    generate      completions of token ids, by transformers or by an engine, under one set of sampling parameters
    stopping      where a completion ends
    logprobs      log-probabilities of given tokens
    likelihoods   how likely answers are after contexts that share their beginnings
    heads         scores of classification heads, at chosen tokens or for a whole text
    batches       batches of rows of similar length, and their padding
    types         the types of models and tokenizers
    adapters      where an adapter's base model is
    room          how many tokens a model can read

It knows nothing of rewards, tasks or training.
"""
