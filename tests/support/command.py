"""The command line as a module, for tests that run it as a program of its own."""

from orthancgen.cli import main

main()
