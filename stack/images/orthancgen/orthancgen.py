#!/usr/bin/env python3
"""The command in its container image."""

from orthancgen.cli import main

main()
