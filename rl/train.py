"""`accelerate launch -m rl.train CONFIG key=value …` does exactly what `whetstone train CONFIG key=value …` does."""

import sys

from rl.cli import run

if __name__ == "__main__":
    run(["train", *sys.argv[1:]])
