"""`accelerate launch -m rl.train CONFIG key=value …` does exactly what `whetstone train CONFIG key=value …` does."""

import sys

from rl.cli import main

if __name__ == "__main__":
    main(["train", *sys.argv[1:]])
