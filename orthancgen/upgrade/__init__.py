"""Upgrade: what a change of Orthanc's version means for one environment, in either direction.

What changed is data (``changes.json``, ``images.json``, ``mongo.json``, and the tables of `orthancgen.orthanc`), each
with its source. `advise` is pure: settings and two versions in, a report out. `environment` says what concerns one of
ours, `text` how it is shown.
"""
