# slapos.core 1.26.1 hands modules to importlib.resources.files(), which takes packages only before
# Python 3.12. Python reads this file at its start, for this directory is in PYTHONPATH.
import importlib
import importlib.resources
import sys

if sys.version_info < (3, 12):
  of_package = importlib.resources.files

  def files(name):
    name = getattr(name, '__name__', name)
    is_package = hasattr(importlib.import_module(name), '__path__')
    return of_package(name if is_package else name.rpartition('.')[0])

  importlib.resources.files = files
