"""The model layer: loads models and tokenizers and runs them, for the rewards and for everything in `rl`.

    load          a model under any head with its tokenizer; frozen models are shared; adapter folders go on from there
    state         where a model is, whether it is in evaluation mode, and what tells its weights from others
    prompts       a prompt as text and as token ids: the one rendering and the one tokenisation
    generate      completions of token ids, by transformers or by an engine, under one set of sampling parameters
    stopping      where a completion ends
    logprobs      log-probabilities of given tokens
    likelihoods   how likely answers are after contexts that share their beginnings
    heads         what classification heads say at chosen tokens, or of a whole text
    batches       rows of similar length together, and their padding
    types         what a model and a tokenizer are called
    adapters      where an adapter's base model is
    room          how many tokens a model can read

It knows nothing of rewards, tasks or training.
"""
