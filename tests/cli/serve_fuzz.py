#!/usr/bin/env python3
"""serve_fuzz.py ATTUNE SECONDS [SEED]: broken requests to `attune serve`, for a build with sanitizers.

Mutates requests that make sense, in content, in how they are cut into packets, and in when the client
leaves. Meanwhile the study goes on. It must live, and end when asked to.
"""
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

attune, arguments = sys.argv[1], sys.argv[2:]
seconds, seed = float(arguments[0]), int(arguments[1]) if len(arguments) > 1 else 0


def seeds(token, port):
    host = f"Host: 127.0.0.1:{port}\r\n".encode()
    query = f"token={token}".encode()
    paths = [b"/?" + query, b"/events?study=s&" + query, b"/events?" + query, b"/report.json?study=s&" + query,
             b"/report.html?study=s&" + query, b"/report.json?study=%ff%00%zz&" + query, b"/nothing?" + query, b"/?token=wrong"]
    more = [b"", b"Connection: keep-alive\r\n", b"Range: bytes=0-9,5-,-7\r\n", b"Expect: 100-continue\r\n",
            b"Accept-Encoding: gzip, br\r\n", b"Content-Length: 10\r\n", b"Transfer-Encoding: chunked\r\n",
            b"Origin: http://127.0.0.1\r\n", b"Authorization: Bearer " + token.encode() + b"\r\n",
            b"Content-Type: multipart/form-data; boundary=x\r\n", b"Content-Type: application/x-www-form-urlencoded\r\n",
            b"Upgrade: h2c\r\n", b"Last-Event-ID: 99\r\n"]
    return paths, more, host


def mutated(rng, data):
    data = bytearray(data)
    for _ in range(rng.choice((0, 1, 1, 2, 5, 20))):
        if not data:
            break
        at = rng.randrange(len(data))
        what = rng.randrange(7)
        if what == 0:
            data[at] = rng.randrange(256)
        elif what == 1:
            del data[at:at + rng.randrange(1, 20)]
        elif what == 2:
            data[at:at] = bytes(rng.randrange(256) for _ in range(rng.randrange(1, 20)))
        elif what == 3:
            data[at:at] = data[at:at + rng.randrange(1, 60)]
        elif what == 4:
            data[at:at] = rng.choice((b"\r\n", b"\n", b"\0", b"%", b"%u", b"%uD800", b"=", b"&", b":", b"ffffffffffffffffff", b"-1"))
        elif what == 5:
            data[at:at] = bytes([rng.randrange(256)]) * rng.choice((100, 3000, 9000, 70000))
        else:
            data = data[:at]
    return bytes(data)


def attack(port, token, number, deadline, counts):
    rng = random.Random(f"{seed} {number}")
    paths, more, host = seeds(token, port)
    while time.monotonic() < deadline:
        method = rng.choice((b"GET", b"GET", b"GET", b"HEAD", b"POST", b"PUT", b"DELETE", b"PRI", b"OPTIONS", b"CONNECT"))
        request = method + b" " + rng.choice(paths) + rng.choice((b" HTTP/1.1\r\n", b" HTTP/1.1\r\n", b" HTTP/1.0\r\n"))
        request += host + b"".join(rng.choice(more) for _ in range(rng.randrange(4))) + b"\r\n"
        if method == b"POST":
            request += rng.choice((b"0123456789", b"5\r\nabcde\r\n0\r\n\r\n", b"--x\r\nContent-Disposition: form-data; name=a\r\n\r\nb\r\n--x--"))
        request = mutated(rng, request)
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=15) as s:
                while request:
                    size = rng.choice((len(request), len(request), rng.randrange(1, len(request) + 1)))
                    s.sendall(request[:size])
                    request = request[size:]
                    if rng.random() < 0.05:
                        break
                if rng.random() < 0.7:
                    if rng.random() < 0.5:
                        s.shutdown(socket.SHUT_WR)
                    s.settimeout(rng.choice((0.05, 0.5, 12 if rng.random() < 0.02 else 0.5)))
                    answer = s.recv(65536)
                    counts["answered"] += bool(answer)
        except OSError:
            pass
        counts["sent"] += 1


def main():
    with tempfile.TemporaryDirectory() as folder:
        storage = f"sqlite:///{folder}/studies.db"
        # Its own process, slowly: a study that goes on.
        space = '{"x": {"type": "float", "low": 0, "high": 1}}'
        study = subprocess.Popen([attune, "ask-tell", "--storage", storage, "--study", "s", "--sampler", "random",
                                  "--trials", "1000000", "--space", space], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        study.stdin.write(b'{"number": 0, "value": 1}\n')
        study.stdin.flush()
        time.sleep(3)
        server = subprocess.Popen([attune, "serve", "--storage", storage, "--port=0", "--quiet"], stdout=subprocess.PIPE)
        url = server.stdout.readline().decode().strip()
        port, token = int(url.split(":")[2].split("/")[0]), url.split("token=")[1]
        counts = {"sent": 0, "answered": 0}
        deadline = time.monotonic() + seconds
        threads = [threading.Thread(target=attack, args=(port, token, k, deadline, counts)) for k in range(6)]
        for thread in threads:
            thread.start()
        number = 1
        while time.monotonic() < deadline and server.poll() is None:
            study.stdin.write(f'{{"number": {number}, "value": {number % 13}}}\n'.encode())
            study.stdin.flush()
            number += 1
            time.sleep(0.3)
        for thread in threads:
            thread.join()
        alive = server.poll() is None
        with open(f"/proc/{server.pid}/status") as status:
            print(next(line.strip() for line in status if line.startswith("VmRSS")))
        server.send_signal(signal.SIGINT)
        code = server.wait(30)
        study.kill()
        study.wait()
        print(f"{counts['sent']} requests, {counts['answered']} answers, {number} trials; "
              f"{'alive' if alive else 'DEAD'} at the end, exit status {code}")
        sys.exit(0 if alive and code == 0 else 1)


os.environ.pop("ATTUNE_STORAGE", None)
main()
