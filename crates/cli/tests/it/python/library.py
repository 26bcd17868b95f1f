"""What slapos.slap, the unmodified Python library, sees of a master. One line for each look.

    library.py MASTER_URL
"""

import sys

from slapos.slap import NotFoundError, ResourceNotReady, slap
from xml_marshaller import xml_marshaller

RELEASE = "http://releases.invalid/db/software.cfg"
TAP = "name ipv4_addr ipv4_netmask ipv4_gateway ipv4_network " \
      "ipv6_addr ipv6_netmask ipv6_gateway ipv6_network".split()


def partition(number):
    return {
        "reference": f"slappart{number}",
        "path": "/nowhere",
        "address_list": [{"addr": f"10.0.0.{number + 1}", "netmask": "255.255.255.255"}],
        "ipv6_range": {},
        "tap": dict(dict.fromkeys(TAP, ""), name=f"slaptap{number}"),
        "tun": None,
        "user": {"name": "u", "path": "/nowhere", "shell": "/bin/sh", "additional_group_list": []},
        "external_storage_list": [],
    }


def shown(call, *arguments):
    try:
        return call(*arguments)
    except (NotFoundError, ResourceNotReady) as error:
        return type(error).__name__


master = slap()
master.initializeConnection(sys.argv[1])
computer = master.registerComputer("COMP-1")
print("unknown computer:", shown(computer.getComputerPartitionList))
computer.updateConfiguration(xml_marshaller.dumps({
    "reference": "COMP-1", "address": None, "netmask": None,
    "partition_list": [partition(number) for number in range(3)],
}))
person = master.registerOpenOrder()
waiting = person.request(RELEASE, "app", partition_parameter_kw={"a": "\u00e9<&>"})
print("not supplied:", shown(waiting.getId))
master.registerSupply().supply(RELEASE, "COMP-1")
app = person.request(RELEASE, "app", partition_parameter_kw={"a": "\u00e9<&>"})
print("placed:", app.getId(), app.getState(), app.getInstanceParameterDict())
again = person.request(RELEASE, "app", partition_parameter_kw={"a": "\u00e9<&>"})
print("the same again:", again.getId(), again.getInstanceGuid() == app.getInstanceGuid())
child = app.request(RELEASE, "default", "db")
print("child:", child.getId(), child.getConnectionParameterDict())
child.setConnectionDict({"url": "mysql://10.0.0.2:3306"})
child = app.request(RELEASE, "default", "db")
print("published:", child.getConnectionParameterDict())
tenant = app.request(RELEASE, "default", "tenant", shared=True, partition_parameter_kw={"s": "1"})
host = master.registerComputerPartition("COMP-1", tenant.getId())
served, = host.getInstanceParameterDict()["slave_instance_list"]
print("shared:", tenant.getState(), served["slave_title"], served["s"],
      served["slave_reference"] == tenant.getInstanceGuid())
host.setConnectionDict({"url": "for the tenant"}, served["slave_reference"])
tenant = app.request(RELEASE, "default", "tenant", shared=True, partition_parameter_kw={"s": "1"})
print("published for it:", tenant.getConnectionParameterDict())
guid = child.getInstanceGuid()
child.rename("database")
child = app.request(RELEASE, "default", "database")
print("renamed:", child.getId(), child.getInstanceGuid() == guid)
app.started()
child.error("line 7: no such key")
computer = master.registerComputer("COMP-1")
for one in computer.getComputerPartitionList():
    print("status:", one.getId(), one.getState(), getattr(one, "_access_status", None))
own = master.registerComputerPartition("COMP-1", app.getId())
parameters = own.getInstanceParameterDict()
print("own:", parameters["instance_title"], parameters["ip_list"], type(parameters["timestamp"]).__name__)
person.request(RELEASE, "app", state="stopped")
print("stop reaches:", [one.getState() for one in master.registerComputer("COMP-1").getComputerPartitionList()])
nowhere = master.registerComputerPartition("COMP-1", "slappart9")
print("unknown partition:", shown(nowhere.getState))
person.request(RELEASE, "app", state="destroyed")
for place in (child, app):
    place.destroyed()
print("freed:", [one.getState() for one in master.registerComputer("COMP-1").getComputerPartitionList()])
