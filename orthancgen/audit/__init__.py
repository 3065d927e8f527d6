"""Audit: what is dangerous in an environment, or in any set-up of Orthanc, and what to do about it.

One file a rule in `rules/`, one table that names them, findings are values, and one module a form of output.
"""
