"""flood.py INTERFACE MAC SOURCE DESTINATION PORT CHUNKS: UDP packets, each of a new flow, by AF_PACKET into a veth.

All that the far end does with a packet happens in the softirq inside of the send, so the time of the send is the time of the
whole path. Prints the ns per packet of each chunk. A ring of frames is handed over with one system call, so that the time of
Python is not measured.
"""
import mmap
import os
import socket
import struct
import sys
import time

CHUNK, FRAME, DATA = 2000, 256, 32
SOL_PACKET, PACKET_VERSION, PACKET_TX_RING, PACKET_QDISC_BYPASS = 263, 10, 13, 20
TPACKET_V2 = 1
AVAILABLE, SEND_REQUEST = 0, 1


def checksum(data):
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def packet(mac, source, destination, source_port, port):
    udp = struct.pack(">HHHH", source_port, port, 8 + 18, 0) + bytes(18)
    header = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0x4000, 64, 17, 0, source, destination)
    header = header[:10] + struct.pack(">H", checksum(header)) + header[12:]
    return mac + b"\x02\x00\x00\x00\x00\x01" + b"\x08\x00" + header + udp


def steady():
    """Nothing else may run on this CPU: the last one, which interrupts use least."""
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(10))
    except PermissionError:
        pass


interface, mac, source, destination, port, chunks = sys.argv[1:]
mac = bytes.fromhex(mac.replace(":", ""))
source, destination = socket.inet_aton(source), socket.inet_aton(destination)
sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
sock.setsockopt(SOL_PACKET, PACKET_VERSION, TPACKET_V2)
sock.setsockopt(SOL_PACKET, PACKET_QDISC_BYPASS, 1)
block = 65536
frames = block // FRAME
blocks = -(-CHUNK // frames)
sock.setsockopt(SOL_PACKET, PACKET_TX_RING, struct.pack("IIII", block, blocks, FRAME, blocks * frames))
ring = mmap.mmap(sock.fileno(), blocks * block)
sock.bind((interface, 0))
steady()
count = blocks * frames
sent = 0
for chunk in range(int(chunks)):
    for frame in range(count):
        data = packet(mac, source, destination, 1024 + (sent + frame) % 60000, int(port))
        at = frame * FRAME
        ring[at + DATA : at + DATA + len(data)] = data
        struct.pack_into("=II", ring, at, SEND_REQUEST, len(data))
    began = time.perf_counter_ns()
    sock.send(b"")
    took = time.perf_counter_ns() - began
    for frame in range(count):
        if struct.unpack_from("=I", ring, frame * FRAME)[0] != AVAILABLE:
            sys.exit("not all frames were sent")
    sent += count
    print(took / count)
