"""The stack of an environment for Docker Swarm. Built as data; pure."""
