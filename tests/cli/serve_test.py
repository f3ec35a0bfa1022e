#!/usr/bin/env python3
"""serve_test.py ATTUNE: starts `attune serve` and talks to it, as browsers do and as nobody should.

Only Python's standard library. Prints what is wrong; exit status 1 if anything is.
"""
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

attune = sys.argv[1]
failures = []


def check(fine, what):
    if not fine:
        failures.append(what)
        print("FAILED:", what, flush=True)


class Server:
    def __init__(self, *arguments):
        self.process = subprocess.Popen([attune, "serve", *arguments, "--port=0", "--json"],
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        told = json.loads(self.process.stdout.readline())
        self.port, self.token, self.url = told["port"], told["token"], told["url"]

    def end(self, how=signal.SIGINT):
        """Seconds until it has ended, and its exit status."""
        begin = time.monotonic()
        self.process.send_signal(how)
        status = self.process.wait(20)
        return time.monotonic() - begin, status

    def resident(self):
        with open(f"/proc/{self.process.pid}/status") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))

    def processor_seconds(self):
        with open(f"/proc/{self.process.pid}/stat") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def get(self, path, method="GET", token=True, headers=(), body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        if token:
            path += ("&" if "?" in path else "?") + "token=" + self.token
        connection.request(method, path, body=body, headers=dict(headers))
        response = connection.getresponse()
        text = response.read()
        connection.close()
        return response, text

    def raw(self, data, wait=30):
        """Everything that is answered to these bytes."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=wait) as s:
            try:
                s.sendall(data)
            except OSError:
                pass  # the server has heard enough
            answer = b""
            try:
                while more := s.recv(65536):
                    answer += more
            except OSError:
                pass
            return answer


class Stream(threading.Thread):
    """A page: keeps the state and value of each trial as the events tell."""

    def __init__(self, server, study):
        super().__init__(daemon=True)
        self.server, self.study = server, study
        self.trials, self.events, self.best, self.ended = {}, [], None, False
        self.start()

    def run(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=120)
        query = {"token": self.server.token}
        if self.study:
            query["study"] = self.study
        connection.request("GET", "/events?" + urllib.parse.urlencode(query))
        response, event = connection.getresponse(), None
        try:
            while line := response.readline():
                if line.startswith(b"event: "):
                    event = line[7:].strip().decode()
                elif line.startswith(b"data: "):
                    self.hear(event, json.loads(line[6:]))
        except (OSError, http.client.HTTPException):
            pass
        self.ended = True

    def hear(self, event, data):
        self.events.append(event)
        if event == "studies":
            self.best = data
        if event == "report":
            self.trials = {}
        if event in ("report", "trials"):
            columns = data["trials"]
            for number, state, value in zip(columns["number"], columns["state"], columns["values"][0]):
                self.trials[number] = (state, value)


def until(condition, seconds=90):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def who_may_ask(server):
    for path in ("/", "/events", "/report.json?study=s", "/nothing"):
        response, _ = server.get(path, token=False)
        check(response.status == 401, f"{path} without the token: {response.status}")
    for wrong in ("", server.token[:-1], server.token + "0", "0" * len(server.token)):
        response, _ = server.get("/?token=" + wrong, token=False)
        check(response.status == 401, f"token {wrong!r}: {response.status}")
    response, page = server.get("/", token=False, headers={"Authorization": "Bearer " + server.token})
    check(response.status == 200, f"the token as bearer: {response.status}")
    check(b"connect-src 'self'" in page, "the page's security policy")
    check(response.getheader("Referrer-Policy") == "no-referrer", "the token leaves by the referrer")
    for host in ("evil.example", "evil.example:80", f"127.0.0.1.evil.example:{server.port}", "",
                 "[::1", "localhost.evil.example"):
        response, _ = server.get("/", headers={"Host": host})
        check(response.status == 403, f"host {host!r}: {response.status}")
    for host in (f"localhost:{server.port}", f"127.0.0.1:{server.port}", f"LOCALHOST:{server.port}", "[::1]:1"):
        response, _ = server.get("/", headers={"Host": host})
        check(response.status == 200, f"host {host!r}: {response.status}")
    for origin in ("http://evil.example", "null", f"https://127.0.0.1:{server.port}"):
        response, _ = server.get("/", headers={"Origin": origin})
        check(response.status == 403, f"origin {origin}: {response.status}")
    response, _ = server.get("/", headers={"Origin": f"http://127.0.0.1:{server.port}"})
    check(response.status == 200, f"its own origin: {response.status}")
    for method in ("POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"):
        response, _ = server.get("/", method=method, body="x")
        check(response.status in (400, 405), f"{method}: {response.status}")
    for path in ("/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "//etc/passwd", "/report.json/..", "/events/",
                 "/%00", "/report.html%00"):
        response, _ = server.get(path)
        check(response.status in (400, 404), f"{path}: {response.status}")
    response, text = server.get("/report.json?study=nobody")
    check(response.status == 404 and b"no study" in text, f"a study that is not there: {response.status} {text[:80]}")
    response, _ = server.get("/report.json")
    check(response.status == 400, f"a report of no study: {response.status}")
    response, text = server.get("/report.json?study=s")
    check(response.status == 200 and json.loads(text)["study"] == "s", "report.json")
    response, text = server.get("/report.html?study=s")
    check(response.status == 200 and b'"study":"s"' in text, "report.html")


def broken_requests(server):
    query = f"/?token={server.token}".encode()
    host = f"Host: 127.0.0.1:{server.port}\r\n".encode()

    def status(answer):
        return answer.split(b" ", 2)[1].decode() if answer.startswith(b"HTTP/1.1 ") else repr(answer[:40])

    for name, data, fine in (
            ("no request at all", b"\x00\x01\x02\xff\r\n\r\n", ("400",)),
            ("a line without an end", b"GET / HTT\r\n\r\n", ("400",)),
            ("bare newlines", b"GET / HTTP/1.1\n\n\r\n\r\n", ("400",)),
            ("a long address", b"GET /" + b"a" * 20000 + b" HTTP/1.1\r\n" + host + b"\r\n", ("414",)),
            ("an endless line", b"GET /" + b"a" * 300000, ("400", "414")),
            ("a long header", b"GET " + query + b" HTTP/1.1\r\n" + host + b"X: " + b"a" * 20000 + b"\r\n\r\n", ("400", "431")),
            ("endless headers", b"GET " + query + b" HTTP/1.1\r\n" + host + b"X: y\r\n" * 100000, ("431",)),
            ("two hosts", b"GET " + query + b" HTTP/1.1\r\n" + host + host + b"\r\n", ("403",)),
            ("no host", b"GET " + query + b" HTTP/1.1\r\n\r\n", ("403",)),
            ("a body of a terabyte", b"POST " + query + b" HTTP/1.1\r\n" + host + b"Content-Length: 1099511627776\r\n\r\n" + b"x" * 100000, ("405",)),
            ("chunks of nonsense", b"POST " + query + b" HTTP/1.1\r\n" + host + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n", ("405",)),
            ("ranges", b"GET " + query + b" HTTP/1.1\r\n" + host + b"Range: bytes=0-1,5-9,-3\r\n\r\n", ("200",)),
            ("broken ranges", b"GET " + query + b" HTTP/1.1\r\n" + host + b"Range: bytes=9-1\r\n\r\n", ("200", "416"))):
        answer = server.raw(data)
        check(status(answer) in fine, f"{name}: {status(answer)}")

    # Slow ones: they are answered after 10 seconds, and hold up nobody meanwhile.
    answers = {}

    def slowly(name, data):
        answers[name] = server.raw(data)

    slow = [threading.Thread(target=slowly, args=(name, data), daemon=True) for name, data in (
        ("half a line", b"GET / HT"), ("half a request", b"GET " + query + b" HTTP/1.1\r\n" + host))]
    for thread in slow:
        thread.start()
    silent = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(50)]
    begin = time.monotonic()
    response, _ = server.get("/")
    check(response.status == 200 and time.monotonic() - begin < 5, "slow clients hold up others")
    for thread in slow:
        thread.join(40)
    check(status(answers.get("half a line", b"")) == "400", f"half a line: {answers.get('half a line', b'')[:60]}")
    check(status(answers.get("half a request", b"")) == "408", f"half a request: {answers.get('half a request', b'')[:60]}")
    for s in silent:
        s.close()


def many_pages(server, storage, folder):
    """50 pages and a study that goes on: nobody misses anything, and nothing is left behind."""
    pages = [Stream(server, "s") for _ in range(50)]
    listing = Stream(server, "")
    check(until(lambda: all(p.trials for p in pages)), "pages do not get a report")
    before = server.resident()
    leaving = [Stream(server, "s") for _ in range(10)]  # daemon threads: they go on, and are counted too
    run = subprocess.run([attune, "ask-tell", "--storage", storage, "--study", "s", "--sampler", "random", "--trials", "200",
                          "--space", '{"x": {"type": "float", "low": 0, "high": 1}}'],
                         input="".join(f'{{"number": {k}, "value": {k % 17}}}\n' for k in range(20, 220)), text=True,
                         capture_output=True)
    check(run.returncode == 0, f"ask-tell: {run.stderr[-200:]}")
    kept = json.loads(subprocess.run([attune, "trials", "--study", "s", "--storage", storage, "--json"],
                                     capture_output=True, text=True, check=True).stdout)
    truth = {t["number"]: (3, t["value"]) for t in kept}
    check(len(truth) == 220, f"{len(truth)} trials are kept")
    for k, page in enumerate(pages + leaving):
        check(until(lambda p=page: p.trials == truth), f"page {k} knows {len(page.trials)} of {len(truth)} trials, or wrong ones")
    check(until(lambda: listing.best and listing.best[0]["trials"] == 220), "the list is behind")
    grown = server.resident() - before
    check(grown < 60000, f"memory grew by {grown} kB")


def closed_clients_cost_nothing(server):
    for _ in range(200):
        s = socket.create_connection(("127.0.0.1", server.port))
        s.sendall(f"GET /events?study=s&token={server.token} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        s.close()
    before = server.resident()
    for _ in range(400):
        s = socket.create_connection(("127.0.0.1", server.port))
        s.sendall(f"GET /events?study=s&token={server.token} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        s.recv(100)
        s.close()
    time.sleep(1)
    check(server.resident() - before < 30000, f"clients that left cost {server.resident() - before} kB")
    files = len(os.listdir(f"/proc/{server.process.pid}/fd"))
    check(files < 40, f"{files} files are open after clients have left")
    used = server.processor_seconds()
    time.sleep(1.5)
    check(server.processor_seconds() - used < 0.1, "with nobody there the server works")


def main():
    with tempfile.TemporaryDirectory() as folder:
        storage = f"sqlite:///{folder}/studies.db"
        os.environ.pop("ATTUNE_STORAGE", None)
        run = subprocess.run([attune, "ask-tell", "--storage", storage, "--study", "s", "--sampler", "random", "--trials", "20",
                              "--space", '{"x": {"type": "float", "low": 0, "high": 1}}'],
                             input="".join(f'{{"number": {k}, "value": {k}}}\n' for k in range(20)), text=True, capture_output=True)
        check(run.returncode == 0, f"ask-tell: {run.stderr}")
        for arguments, status in ((["nobody", "--storage", storage], 2), (["--storage", "sqlite:///nowhere.db"], 2),
                                  (["s", "--storage", storage, "--host", "nosuchhost.invalid"], 1)):
            run = subprocess.run([attune, "serve", *arguments], capture_output=True, text=True, timeout=60)
            check(run.returncode == status and run.stderr.startswith("attune: "), f"serve {arguments}: {run.returncode} {run.stderr}")

        server = Server("s", "--storage", storage)
        check(f"/?study=s&token={server.token}" in server.url, server.url)
        check(len(server.token) == 32, "the token is short")
        who_may_ask(server)
        broken_requests(server)
        closed_clients_cost_nothing(server)
        took, status = server.end()
        check(took < 2 and status == 0, f"Ctrl-C with nobody there: {took:.2f} s, status {status}")

        server = Server(f"{folder}/studies.db")  # a file, as a storage
        port = server.port
        run = subprocess.run([attune, "serve", "s", "--storage", storage, f"--port={port}"], capture_output=True, text=True, timeout=60)
        check(run.returncode == 1 and "cannot listen" in run.stderr, f"a port that is taken: {run.returncode} {run.stderr}")
        many_pages(server, storage, folder)
        took, status = server.end(signal.SIGTERM)
        check(took < 2 and status == 0, f"Ctrl-C with 60 pages open: {took:.2f} s, status {status}")


main()
sys.exit(1 if failures else 0)
