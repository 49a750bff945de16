"""Makes Debian's azure-cli 2.45 usable with the newer SDK packages that Debian ships beside it.

Debian 12 pairs az 2.45.0 with SDK packages that are newer than it was made for. Two faults follow; both happen before
anything is sent to a server, on the public cloud as well as here:

1. azure-mgmt-authorization 3.0.0: clients and operation groups keep their configuration in `_config`; up to 0.61 they
   had it in `config`, where az reads the subscription ("'RoleDefinitionsOperations' object has no attribute 'config'").
2. azure-mgmt-apimanagement 3.1.0b1: about 40 operations serialize their body with is_xml=True and send the result as
   JSON ("Object of type Element is not JSON serializable").

Python imports a module of this name at start when its directory is on PYTHONPATH. Nothing is written to the system, and
nothing happens with another az: each repair looks for its fault first. Microsoft's own packages run
Python in isolated mode and never read PYTHONPATH.
"""

import importlib.machinery
import sys


def give_operations_their_config(module):
    """Fault 1: public name for `_config` on every client and operation group that lacks it."""
    for name, thing in vars(module).items():
        if isinstance(thing, type) and name.endswith(("Operations", "Client")) and not hasattr(thing, "config"):
            thing.config = property(lambda self: self._config)


def serialize_bodies_as_json(module):
    """Fault 2: this API has JSON bodies only, so the wish for XML is dropped."""
    body = module.Serializer.body

    def json_body(self, data, data_type, **kwargs):
        kwargs.pop("is_xml", None)
        return body(self, data, data_type, **kwargs)

    module.Serializer.body = json_body


def repair_for(fullname):
    if fullname == "azure.mgmt.apimanagement._serialization":
        return serialize_bodies_as_json
    if fullname.startswith("azure.mgmt.authorization.v") and fullname.count(".") == 4:
        if fullname.endswith((".operations", "._authorization_management_client")):
            return give_operations_their_config
    return None


class RepairOnImport:
    """A meta path finder: finds modules as usual and runs the repair right after the module has run."""

    @staticmethod
    def find_spec(fullname, path=None, target=None):
        repair = repair_for(fullname)
        if repair is None:
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is None or spec.loader is None:
            return spec
        run = spec.loader.exec_module

        def exec_module(module):
            run(module)
            repair(module)

        spec.loader.exec_module = exec_module
        return spec


sys.meta_path.insert(0, RepairOnImport)
