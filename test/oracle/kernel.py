"""Sends packets through the ruleset of a network namespace of its own, and tells which hooks they passed.

Start with `unshare --net python3 kernel.py`. Reads one JSON object a line: first the topology, then packets for the ruleset that
somebody has loaded; answers each with one line. The interfaces are TUN devices: what is written to one is received on it, within the
call. A table of our own writes to NFLOG at the end of each hook and then drops the packet, so nothing leaves or is answered.
"""
import fcntl
import ipaddress
import json
import os
import select
import socket
import struct
import subprocess
import sys
import time

TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 1, 0x1000
GROUP = 5
TCP, UDP, SCTP, UDPLITE, ICMP, ICMPV6 = 6, 17, 132, 136, 1, 58
FIRST_ID = 0x7000


def run(*command, text=None):
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=60)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()[:2000]}")


def sysctl(name, value):
    with open(f"/proc/sys/net/{name}", "w", encoding="ascii") as file:
        file.write(str(value))


# Netlink

def attribute(kind, payload, nested=False):
    size = 4 + len(payload)
    return struct.pack("=HH", size, kind | (0x8000 if nested else 0)) + payload + bytes(-size % 4)


def nest(kind, *payloads):
    return attribute(kind, b"".join(payloads), True)


def attributes(data):
    while len(data) >= 4:
        size, kind = struct.unpack_from("=HH", data)
        yield kind & 0x3FFF, data[4:size]
        data = data[(size + 3) & ~3:]


def request(sock, kind, flags, family, res_id, payload):
    body = struct.pack("!BBH", family, 0, res_id) + payload
    sock.send(struct.pack("=IHHII", 16 + len(body), kind, flags | 1 | 4, 1, 0) + body)
    answer = sock.recv(65536)
    error = struct.unpack_from("=i", answer, 16)[0]
    if error:
        raise OSError(-error, f"netlink {kind:#x}: {os.strerror(-error)}")


def netlink():
    sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12)
    sock.bind((0, 0))
    return sock


def follow_log():
    sock = netlink()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
    request(sock, 0x401, 0, 0, GROUP, attribute(1, b"\x01"))
    request(sock, 0x401, 0, 0, GROUP, attribute(2, struct.pack("!IBB", 64, 2, 0)))
    sock.setblocking(False)
    return sock


def logged(sock):
    """(prefix, id of the packet, its addresses) of all that is there."""
    while True:
        try:
            data = sock.recv(65536)
        except BlockingIOError:
            return
        while len(data) >= 20:
            size, kind = struct.unpack_from("=IH", data)
            if kind == 0x400:
                found = dict(attributes(data[20:size]))
                header = found.get(9, b"")
                yield found[10].rstrip(b"\0").decode(), packet_id(header), addresses(header)
            data = data[(size + 3) & ~3:]


def packet_id(header):
    if len(header) >= 40 and header[0] >> 4 == 6:
        return struct.unpack_from("!I", header)[0] & 0xFFFFF, header[6]
    if len(header) >= 20 and header[1] >= 0xC0:
        return None  # An ICMP error of the kernel (precedence "internetwork control"), with an id of its choice.
    return (struct.unpack_from("!H", header, 4)[0], header[9]) if len(header) >= 20 else None


def addresses(header):
    if header[:1] and header[0] >> 4 == 6:
        return tuple(str(ipaddress.ip_address(header[at:at + 16])) for at in (8, 24))
    return tuple(str(ipaddress.ip_address(header[at:at + 4])) for at in (12, 16)) if len(header) >= 20 else None


# Conntrack: an entry that has seen answers makes the next packet established.

def flush_conntrack(sock):
    request(sock, 0x102, 0, 0, 0, b"")


def add_connection(sock, packet):
    inet = socket.AF_INET if packet["family"] == 4 else socket.AF_INET6
    source, destination = (socket.inet_pton(inet, packet[name]) for name in ("source", "destination"))
    v6 = inet == socket.AF_INET6

    def tup(kind, a, b, sport, dport):
        addresses = nest(1, attribute(3 if v6 else 1, a), attribute(4 if v6 else 2, b))
        ports = attribute(2, struct.pack("!H", sport)) + attribute(3, struct.pack("!H", dport))
        return nest(kind, addresses, nest(2, attribute(1, bytes([packet["protocol"]])), ports))

    sport, dport = packet["sport"], packet["dport"]
    message = tup(1, source, destination, sport, dport) + tup(2, destination, source, dport, sport)
    message += attribute(3, struct.pack("!I", 2 | 4 | 8)) + attribute(7, struct.pack("!I", 600))
    if packet["protocol"] == TCP:
        message += nest(4, nest(1, attribute(1, b"\x03")))
    nat = packet.get("dnat")
    if nat:
        address = socket.inet_pton(inet, nat["destination"])
        message += nest(13, *nat_range(v6, address, nat.get("dport", dport)))
    request(sock, 0x100, 0x400 | 0x200, inet, 0, message)


def nat_range(v6, address, port):
    yield attribute(4 if v6 else 1, address)
    yield attribute(5 if v6 else 2, address)
    yield nest(3, attribute(1, struct.pack("!H", port)), attribute(2, struct.pack("!H", port)))


# Packets

def transport(packet):
    sport, dport, state = packet["sport"], packet["dport"], packet["state"]
    ports = struct.pack("!HH", sport, dport)
    protocol = packet["protocol"]
    if protocol == TCP:
        flags = {"invalid": 0x03, "established": 0x10}.get(state, 0x02)
        return ports + struct.pack("!IIBBHHH", 1, 1 if state == "established" else 0, 0x50, flags, 65535, 0, 0)
    if protocol == UDP:
        return ports + struct.pack("!HH", 8, 0)
    if protocol == UDPLITE:
        return ports + struct.pack("!HH", 8, 0x1234)
    if protocol == SCTP:
        return ports + struct.pack("!II", 0, 0) + struct.pack("!BBHIIHHI", 1, 0, 20, 1, 65535, 1, 1, 1)
    return ports + struct.pack("!HH", 1, 1) + bytes(40)


def datagram(packet, identity):
    payload = transport(packet)
    dscp = MARKS.index(packet["mark"]) | (8 if packet["state"] == "untracked" else 0)
    if packet["family"] == 6:
        addresses = socket.inet_pton(socket.AF_INET6, packet["source"]) + socket.inet_pton(
            socket.AF_INET6, packet["destination"])
        first = 6 << 28 | dscp << 22 | identity
        return struct.pack("!IHBB", first, len(payload), packet["protocol"], packet["hopLimit"]) + addresses + payload
    header = struct.pack("!BBHHHBBH4s4s", 0x45, dscp << 2, 20 + len(payload), identity, 0, packet["hopLimit"],
                         packet["protocol"], 0, socket.inet_aton(packet["source"]), socket.inet_aton(packet["destination"]))
    total = sum(struct.unpack("!10H", header))
    total = (total & 0xFFFF) + (total >> 16)
    total = (total & 0xFFFF) + (total >> 16)
    return header[:10] + struct.pack("!H", ~total & 0xFFFF) + header[12:] + payload


# The namespace

HOOKS = ("prerouting", "input", "forward", "output", "postrouting")
MARKS = [0, 0xFFFFFFFF, 0x10000, 0x10, 1]


def probe_table(topology):
    log = f"group {GROUP} queue-threshold 1"
    marks = ", ".join(f"{index} : {mark}" for index, mark in enumerate(MARKS)) + ", " + ", ".join(
        f"{index + 8} : {mark}" for index, mark in enumerate(MARKS))
    prepare = "".join(f"{ip} dscp {{ 8-15 }} notrack\n meta mark set {ip} dscp map {{ {marks} }}\n" for ip in ("ip", "ip6"))
    states = "".join(
        f'ct state {state} log prefix "state {state}" {log}\n'
        for state in ("new", "established", "related", "invalid", "untracked"))
    nat = "".join(nat_rules(entry) for entry in topology["virtual"])
    end = "".join(
        f"chain end-{hook} {{ type filter hook {hook} priority 500; "
        f"log prefix \"{hook}\" {log}\n {rule}\n }}\n"
        for hook, rule in (("prerouting", ""), ("input", "drop"), ("forward", ""), ("output", ""),
                           ("postrouting", 'oifname != "lo" drop')))
    return f"""table inet probe {{
      chain prepare {{ {prepare} }}
      chain states {{ {states} }}
      chain nat {{ {nat} }}
      chain first-prerouting {{ type filter hook prerouting priority -310; iifname != "lo" jump prepare
        iifname "lo" log prefix "lo" {log}
      }}
      chain first-output {{ type filter hook output priority -310; jump prepare
      }}
      chain state-prerouting {{ type filter hook prerouting priority -199; iifname != "lo" jump states
      }}
      chain state-output {{ type filter hook output priority -199; jump states
      }}
      chain nat-prerouting {{ type nat hook prerouting priority -100; jump nat
      }}
      chain nat-output {{ type nat hook output priority -100; jump nat
      }}
      {end}
    }}
    """


def nat_rules(entry):
    ip = "ip6" if ":" in entry["from"] else "ip"
    match, to = f"{ip} daddr {entry['from']}", entry["to"]
    port = entry.get("dport")
    with_port = f"[{to}]:{port}" if ip == "ip6" else f"{to}:{port}"
    first = f"{match} meta l4proto {{ 6, 17, 132 }} dnat {ip} to {with_port}\n" if port else ""
    return f"{first}{match} dnat {ip} to {to}\n"


def build(topology):
    devices = {}
    run("ip", "link", "set", "lo", "up")
    for name in topology["interfaces"]:
        if name == "lo":
            continue
        fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH", name.encode(), IFF_TUN | IFF_NO_PI))
        devices[name] = fd
    for key in ("ipv4/conf/all/forwarding", "ipv6/conf/all/forwarding", "ipv4/conf/all/accept_local"):
        sysctl(key, 1)
    for key in ("ipv6/conf/all/accept_dad", "ipv6/conf/default/accept_dad", "ipv4/conf/all/rp_filter", "ipv4/conf/all/send_redirects"):
        sysctl(key, 0)
    for name, addresses in topology["interfaces"].items():
        sysctl(f"ipv4/conf/{name}/rp_filter", 0)
        sysctl(f"ipv6/conf/{name}/accept_dad", 0)
        run("ip", "link", "set", name, "up")
        for address in addresses:
            if name != "lo":
                run("ip", "address", "add", address, "dev", name, "noprefixroute")
    for cidr, name in topology["routes"]:
        run("ip", "-6" if ":" in cidr else "-4", "route", "replace", cidr, "dev", name)
    run("nft", "-f", "-", text=probe_table(topology))
    # What tests can't have right, and connections that come from nowhere.
    sysctl("netfilter/nf_conntrack_checksum", 0)
    sysctl("netfilter/nf_conntrack_tcp_be_liberal", 1)
    return devices


class Sender:
    def __init__(self, topology):
        self.devices = build(topology)
        self.log = follow_log()
        self.conntrack = netlink()
        self.raw = {
            4: socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW),
            6: socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_RAW),
        }

    def send(self, packet, identity):
        data = datagram(packet, identity)
        if packet.get("iif"):
            os.write(self.devices[packet["iif"]], data)
            return
        try:
            self.raw[packet["family"]].sendto(data, (packet["destination"], 0))
        except PermissionError:
            pass  # So the kernel tells that a rule dropped it.

    def send_all(self, packets):
        events = [[] for _ in packets]
        list(logged(self.log))
        for index, packet in enumerate(packets):
            if packet["state"] == "established":
                add_connection(self.conntrack, packet)
            self.send(packet, FIRST_ID + index)
            if packet["path"] == "loopback":
                self.await_loopback(events, index, packets)
            # Nothing else is confirmed: all is dropped before.
            if packet["state"] == "established" or packet["path"] == "loopback":
                flush_conntrack(self.conntrack)
            self.collect(events, packets)
        return events

    def collect(self, events, packets):
        for prefix, identity, pair in logged(self.log):
            if identity is None or not FIRST_ID <= identity[0] < FIRST_ID + len(packets):
                continue
            index = identity[0] - FIRST_ID
            if packets[index]["protocol"] == identity[1]:
                events[index].append(f"{prefix} {' > '.join(pair)}" if prefix in HOOKS else prefix)

    def await_loopback(self, events, index, packets):
        """What goes over `lo` may wait for its turn while the machine is busy. What is translated goes elsewhere."""
        deadline = time.monotonic() + 5
        self.collect(events, packets)
        sent = f"postrouting {packets[index]['source']} > {packets[index]['destination']}"
        while sent in events[index] and "lo" not in events[index] and time.monotonic() < deadline:
            select.select([self.log], [], [], 0.05)
            self.collect(events, packets)


def main():
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    sender = None
    for line in sys.stdin:
        message = json.loads(line)
        try:
            if sender is None:
                sender = Sender(message)
                answer = {"ready": True}
            else:
                answer = {"events": sender.send_all(message["packets"])}
        except (OSError, RuntimeError, subprocess.SubprocessError) as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


main()
