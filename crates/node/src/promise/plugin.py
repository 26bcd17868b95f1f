"""Runs one promise that only exists in Python: senses, tests, tells the outcome, and ends with 1 if it is red.

    plugin.py FILE CONFIG     FILE defines RunPromise and extra_config_dict; CONFIG is JSON
"""
import importlib.util
import json
import os
import queue
import sys

path = sys.argv[1]
spec = importlib.util.spec_from_file_location("promise_plugin", path)
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)

results = queue.Queue()
config = {
    **getattr(module, "extra_config_dict", {}),
    **json.loads(sys.argv[2]),
    "partition-folder": os.getcwd(),
    "log-folder": os.path.join(os.getcwd(), ".slapgrid/promise/log"),
    "name": os.path.basename(path),
    "path": path,
    "queue": results,
}
promise = module.RunPromise(config)
promise.run(False, False)
outcome = results.get_nowait().item
print(outcome.message or "")
sys.exit(1 if outcome.hasFailed() else 0)
