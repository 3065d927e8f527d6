"""Secrets where they must not be: in what git is about to keep, in what it keeps, or in any file.

Three ways to find one: values that environments of this machine use (`known`), shapes (`shapes`, `assignments`,
`vendors`), and files that are never tracked (`private_files`). What is found tells its place, never its value.
"""
