"""One browser or program that talks to Perch through nginx."""

import time
import uuid

import requests

API = "/api/v1"

# Functions called with every requests.Response that any Client receives, e.g. the check against openapi.yaml.
response_hooks = []

class Client:
    """A requests.Session that knows Perch's base path, its CSRF rule and its main calls.

    `get`, `post`, `put`, `patch`, `delete` take the path as the protocol writes it ("/me", "/dialogs/3/messages")
    and return the requests.Response, whatever its status. A path that starts with "/api/", "/health" or
    "/openapi.yaml" is used as it stands. The named calls below (register, send, poll …) assert success and
    return what the reply holds. After register() or login() `user` is the user object, `id` its id.
    """

    def __init__(self, url, *, token=None, origin=True):
        """`origin`: send the site's Origin with unsafe methods, as a browser does; a string: send that one."""
        self.url = url
        self.origin = url if origin is True else origin
        self.token = token
        self.user = None
        self.username = None
        self.password = None
        self.session = requests.Session()
        self.session.trust_env = False

    @property
    def id(self):
        return self.user["id"]

    # Plain requests.

    def request(self, method, path, **kwargs):
        """One request, never redirected. Keywords are those of requests; `json=` is the usual body."""
        if not path.startswith((API + "/", "/health", "/openapi.yaml")):
            path = API + path
        headers = {}
        if self.origin and method not in ("GET", "HEAD"):
            headers["Origin"] = self.origin
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        headers.update(kwargs.pop("headers", None) or {})
        kwargs.setdefault("timeout", 70)
        kwargs.setdefault("allow_redirects", False)
        response = self.session.request(method, self.url + path, headers=headers, **kwargs)
        for hook in response_hooks:
            hook(response)
        return response

    def get(self, path, **kwargs):
        return self.request("GET", path, **kwargs)

    def post(self, path, json=None, **kwargs):
        return self.request("POST", path, json=json, **kwargs)

    def put(self, path, json=None, **kwargs):
        return self.request("PUT", path, json=json, **kwargs)

    def patch(self, path, json=None, **kwargs):
        return self.request("PATCH", path, json=json, **kwargs)

    def delete(self, path, json=None, **kwargs):
        return self.request("DELETE", path, json=json, **kwargs)

    # Calls that must succeed.

    def register(self, username=None, password="correct horse", **fields):
        """Create an account (a unique name unless one is given) and keep its cookie. Returns the user."""
        username = username or f"person-{uuid.uuid4().hex[:12]}"
        response = self.post("/accounts", {"username": username, "password": password, **fields})
        assert response.status_code == 201, response.text
        self.user, self.username, self.password = response.json()["user"], username, password
        return self.user

    def login(self, username, password="correct horse", *, bearer=False):
        """Log in; with `bearer` the token is kept and sent instead of a cookie. Returns the user."""
        body = {"username": username, "password": password}
        if bearer:
            body["bearer"] = True
        response = self.post("/sessions", body)
        assert response.status_code == 201, response.text
        reply = response.json()
        self.user, self.username, self.password = reply["user"], username, password
        self.token = reply["token"] if bearer else None
        return self.user

    def another_device(self, *, bearer=False):
        """The same person in a fresh session of its own."""
        other = Client(self.url, origin=self.origin)
        other.login(self.username, self.password, bearer=bearer)
        return other

    def send(self, peer, body, *, client_id=None):
        """Send to `peer` (a Client or an id); returns the stored message (a repeat returns the first one)."""
        peer = getattr(peer, "id", peer)
        client_id = client_id or str(uuid.uuid4())
        response = self.post(f"/dialogs/{peer}/messages", {"client_id": client_id, "body": body})
        assert response.status_code in (200, 201), response.text
        return response.json()["message"]

    def cursor(self):
        """The present position in this person's log."""
        response = self.get("/events")
        assert response.status_code == 200, response.text
        return response.json()["cursor"]

    def poll(self, cursor, wait=25, **params):
        """One long poll from `cursor`; returns the whole reply."""
        response = self.get("/events", params={"cursor": cursor, "wait": wait, **params})
        assert response.status_code == 200, response.text
        return response.json()

    def events(self, cursor, count, timeout=30):
        """Poll until `count` durable events have come after `cursor`; returns (events, cursor)."""

        deadline = time.monotonic() + timeout
        found = []
        while len(found) < count:
            left = deadline - time.monotonic()
            assert left > 0, f"{len(found)} of {count} events after {timeout} s"
            reply = self.poll(cursor, wait=max(1, min(25, int(left))))
            assert reply["from"] == cursor
            found += [event for event in reply["events"] if "seq" in event]
            cursor = reply["cursor"]
        return found, cursor

    def history(self, peer, **params):
        peer = getattr(peer, "id", peer)
        response = self.get(f"/dialogs/{peer}/messages", params=params)
        assert response.status_code == 200, response.text
        return response.json()

    def dialogs(self, **params):
        response = self.get("/dialogs", params=params)
        assert response.status_code == 200, response.text
        return response.json()
