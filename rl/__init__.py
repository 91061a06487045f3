"""Everything that trains and measures: the part of Whetstone that the commands run."""

from whetstone_rl import check_packages

check_packages()
