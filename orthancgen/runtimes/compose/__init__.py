"""The runtime that runs the services as containers of one engine, by Docker Compose."""
