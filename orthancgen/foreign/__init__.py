"""What others wrote: configurations of Orthanc, compose files, scripts, rules; read with places, judged by nobody here.

``read`` (module `read`) turns paths into a `model.Target`; each kind of file has a module of its own.
"""
