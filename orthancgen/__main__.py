"""``python -m orthancgen``."""

from orthancgen.cli import main

main()
