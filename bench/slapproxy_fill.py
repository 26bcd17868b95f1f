"""Fills a database of slapproxy with a fleet as slapload makes it (seed 1, spread, 400 bytes).

    python slapproxy_fill.py DATABASE COMPUTERS PARTITIONS BUSY

PARTITIONS are those of each computer; the first BUSY instances are allocated. Over the protocol
this would take hours: each request looks at all partitions. Start slapproxy once before, so that
the tables exist, and stop it. Run it with the Python that has slapos.core.
"""

import sqlite3
import sys
import time

from slapos.util import dict2xml

SEED = 1
PARAMETER_BYTES = 400
RELEASE = "https://lab.example.com/slapos/raw/1.0.400/software-%d/software.cfg"
WORD = (1 << 64) - 1


def mix(seed, index):
    """splitmix64, as in fleet.rs."""
    z = (seed + (index + 1) * 0x9E3779B97F4A7C15) & WORD
    z = ((z ^ z >> 30) * 0xBF58476D1CE4E5B9) & WORD
    z = ((z ^ z >> 27) * 0x94D049BB133111EB) & WORD
    return z ^ z >> 31


def parameters(instance):
    """The parameters of an instance, byte for byte as slapload sends them."""
    seed, entries, length, number = mix(SEED, instance), [], 1, 0
    while length + 2 < PARAMETER_BYTES:
        letters = "".join(chr(97 + number // place % 26) for place in (1, 26, 676))
        entries.append('"key-%s": "%s"' % (letters, ("%016x" % mix(seed, number))[::-1]))
        length = 1 + len(", ".join(entries))
        number += 1
    return "{%s}" % ", ".join(entries)


def table(connection, name):
    """The name with the number of the schema that this version has."""
    found = connection.execute("select name from sqlite_master where name glob ?", (name + "[0-9]*",))
    return found.fetchone()[0]


def fill(connection, computers, partitions, busy):
    """Adds all rows in one transaction."""
    name = lambda computer: "SLCOMP-%06d" % computer
    everywhere = [(computer, p) for computer in range(computers) for p in range(partitions)]

    def partition(computer, number):
        instance = number * computers + computer
        if instance >= busy:
            return ("slappart%d" % number, name(computer), "free", None, None, None, None, "", None)
        return (
            "slappart%d" % number,
            name(computer),
            "busy",
            RELEASE % (instance % 4),
            dict2xml({"_": parameters(instance)}),
            "default",
            "sl%x-%d" % (SEED, instance),
            "user",
            time.time(),
        )

    def addresses(computer, number):
        place = ("slappart%d" % number, name(computer), "slaptap%d" % number)
        yield (*place, "10.0.%d.%d" % (number >> 8, number & 255), "255.255.255.255")
        yield (*place, "2001:db8:0:%x::%x" % (computer, number + 2), ":".join(["ffff"] * 8))

    with connection:
        connection.executemany(
            "insert into %s (reference, address, netmask) values (?, ?, ?)" % table(connection, "computer"),
            ((name(computer), "10.0.0.1", "255.255.255.0") for computer in range(computers)),
        )
        connection.executemany(
            "insert into %s (url, computer_reference, requested_state) values (?, ?, 'available')"
            % table(connection, "software"),
            ((RELEASE % r, name(computer)) for computer in range(computers) for r in range(4)),
        )
        connection.executemany(
            "insert into %s (reference, computer_reference, slap_state, software_release, xml,"
            " software_type, partition_reference, requester_id, timestamp)"
            " values (?, ?, ?, ?, ?, ?, ?, ?, ?)" % table(connection, "partition"),
            (partition(*place) for place in everywhere),
        )
        connection.executemany(
            "insert into %s (partition_reference, computer_reference, reference, address, netmask)"
            " values (?, ?, ?, ?, ?)" % table(connection, "partition_network"),
            (row for place in everywhere for row in addresses(*place)),
        )


if __name__ == "__main__":
    fill(sqlite3.connect(sys.argv[1]), *map(int, sys.argv[2:5]))
