"""A request to perch-fcgi's socket itself, past nginx: for what nginx would never send."""

import select
import socket
import struct

from perchtest.contract import Reply

BEGIN, END, PARAMS, STDIN, STDOUT = 1, 3, 4, 5, 6


def record(kind, content=b"", request=1):
    return struct.pack(">BBHHBx", 1, kind, request, len(content), 0) + content


def length(number):
    return bytes([number]) if number < 128 else struct.pack(">I", number | 1 << 31)


def stream(kind, data):
    pieces = [data[place : place + 65000] for place in range(0, len(data), 65000)]
    return b"".join(record(kind, piece) for piece in pieces) + record(kind)


def read_exactly(connection, count):
    data = b""
    while len(data) < count:
        piece = connection.recv(count - len(data))
        if not piece:
            raise EOFError(f"closed after {data!r}")
        data += piece
    return data


def call(path, params, body=b"", end_late=False):
    """One request over the unix socket at `path`; the reply as nginx would have passed it on. `end_late`: the record
    that ends the body goes out when the reply has begun, or was waited for in vain."""
    pairs = [
        (name.encode(), value.encode() if isinstance(value, str) else value) for name, value in params.items()
    ]
    encoded = b"".join(length(len(name)) + length(len(value)) + name + value for name, value in pairs)
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(20)
        connection.connect(path)
        whole = record(BEGIN, struct.pack(">HB5x", 1, 0)) + stream(PARAMS, encoded) + stream(STDIN, body)
        rest = record(STDIN) if end_late else b""
        connection.sendall(whole.removesuffix(rest) if rest else whole)
        if end_late:
            select.select([connection], [], [], 0.3)
            connection.sendall(rest)
        output = b""
        while True:
            _, kind, _, size, padding = struct.unpack(">BBHHBx", read_exactly(connection, 8))
            content = read_exactly(connection, size + padding)[:size]
            if kind == STDOUT:
                output += content
            elif kind == END:
                break
    head, _, raw = output.partition(b"\r\n\r\n")
    headers = [tuple(part.strip() for part in line.split(":", 1)) for line in head.decode().split("\r\n")]
    status = next((value for name, value in headers if name.lower() == "status"), "200")
    return Reply(int(status.split()[0]), headers, raw)


def params(method, path, query="", body=b"", **headers):
    """What nginx/fastcgi.conf sends."""
    return {
        "REQUEST_METHOD": method,
        "REQUEST_URI": path,
        "DOCUMENT_URI": path,
        "QUERY_STRING": query,
        "REQUEST_SCHEME": "http",
        "REQUEST_ID": "0123456789abcdef0123456789abcdef",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "CONTENT_LENGTH": str(len(body)) if body else "",
        "CONTENT_TYPE": "application/json" if body else "",
        "HTTP_HOST": "localhost",
        "HTTP_PROXY": "",
        **headers,
    }
