"""Tells of each commit to nf_tables in this network namespace: monotonic time in ns, pid and name of the process.

A socket filter passes NEWGEN messages only, so that the observer is not slower than what it observes.
"""
import ctypes
import socket
import struct
import sys
import time

NETLINK_NETFILTER = 12
NFNLGRP_NFTABLES = 7
NEWGEN = (10 << 8) | 15
SOL_NETLINK, ADD_MEMBERSHIP = 270, 1
SO_ATTACH_FILTER = 26
GEN_PID, GEN_NAME = 2, 3


def only_newgen(sock):
    """The type of the first message is at offset 4, in host order, and the filter loads in network order."""
    wanted = struct.unpack(">H", struct.pack("=H", NEWGEN))[0]
    code = [
        struct.pack("HBBI", 0x28, 0, 0, 4),
        struct.pack("HBBI", 0x15, 0, 1, wanted),
        struct.pack("HBBI", 0x06, 0, 0, 0xFFFFFFFF),
        struct.pack("HBBI", 0x06, 0, 0, 0),
    ]
    program = ctypes.create_string_buffer(b"".join(code))
    sock.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HP", len(code), ctypes.addressof(program)))


def attributes(data):
    while len(data) >= 4:
        length, kind = struct.unpack("=HH", data[:4])
        yield kind & 0x3FFF, data[4:length]
        data = data[(length + 3) & ~3:]


sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER)
only_newgen(sock)
sock.bind((0, 0))
sock.setsockopt(SOL_NETLINK, ADD_MEMBERSHIP, NFNLGRP_NFTABLES)
print("ready", flush=True)
while True:
    message = sock.recv(65536)
    at = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
    found = dict(attributes(message[20:]))
    pid = struct.unpack(">I", found[GEN_PID])[0]
    name = found[GEN_NAME].rstrip(b"\0").decode()
    sys.stdout.write(f"{at} {pid} {name}\n")
    sys.stdout.flush()
