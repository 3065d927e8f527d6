"""Kubernetes manifests of an environment: a Kustomize base and the overlay of the environment. Built as data; pure."""
