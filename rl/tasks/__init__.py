"""Tasks: problems with references in three disjoint splits, and the verifier that judges answers to them."""

from rl.config import Config
from rl.tasks.task import Task

__all__ = ["Task", "is_on_hub", "load"]


def is_on_hub(config: Config) -> bool:
    """Whether loading the task accesses the hub."""
    from rl.tasks.sources import is_hub_id

    if config.task.name != "dataset":
        return False
    data = config.task.data
    return any(is_hub_id(source) for source in ([data] if isinstance(data, str) else data.values()))


def load(config: Config) -> Task:
    """Load the task of a config; `config.seed` determines generated rows and the order of all rows.

    Raises:
        UserError: the task's section does not fit its data, or the data is broken.
    """
    task = config.task
    # tasks are imported here because reasoning-gym and datasets take seconds to import
    if task.name == "addition":
        from rl.tasks import addition

        return addition.build(task.digits, task.trace, task.sizes.model_dump(), config.seed)
    if task.name == "chain":
        from rl.tasks import chain

        warm = {"hinted": task.hinted, "told": task.told}
        return chain.build(task.operations, task.sizes.model_dump(), config.seed, **warm)
    if task.name == "facts":
        from rl.tasks import facts

        return facts.build(task.sizes.model_dump(), config.seed)
    if task.name == "stories":
        from rl.tasks import stories

        warm = {"demonstrated": task.demonstrated, "guided": task.guided}
        return stories.build(task.events, task.sizes.model_dump(), config.seed, verifier=task.verifier, **warm)
    if task.name == "zip":
        from rl.tasks import zip

        return zip.build(task.bits, task.deltas, task.demonstrate, config.seed)
    if task.name == "reasoning_gym":
        from rl.tasks import reasoning_gym

        return reasoning_gym.build(task, config.seed)
    from rl.tasks import dataset

    return dataset.build(task, config.seed)
