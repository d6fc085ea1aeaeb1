"""Holds every reply of the server against fcgi-app/openapi.yaml.

The document is read once. `Contract.check()` fails the test when a reply has a status, error code, header, field or
type that the document does not state for that route. Objects are closed here, although clients must ignore fields
they do not know: a field that nobody documented is a mistake.
"""
import json
import pathlib
import re

import jsonschema
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
METHODS = ("get", "post", "put", "patch", "delete")


def error_table():
    """{code: (symbol, status, title)} from common/errors.def."""
    row = re.compile(r'^ERR\((\w+), (\d+), "(\w+)", "(.*)"\)', re.M)
    text = (ROOT / "common/errors.def").read_text()
    return {code: (symbol, int(status), title) for symbol, status, code, title in row.findall(text)}


def _closed(node):
    """A copy of a schema in which objects with known properties allow no others."""
    if isinstance(node, list):
        return [_closed(item) for item in node]
    if not isinstance(node, dict):
        return node
    result = {key: _closed(value) for key, value in node.items()}
    if result.get("type") == "object" and isinstance(result.get("properties"), dict):
        result.setdefault("additionalProperties", False)
    return result


class Reply:
    """What one call got; `json` is None when the reply is not JSON."""

    def __init__(self, status, headers, raw):
        self.status = status
        self.headers = {name.lower(): value for name, value in headers}
        self.raw = raw
        self.media = self.headers.get("content-type", "").split(";")[0].strip()
        self.json = json.loads(raw) if raw and self.media.endswith("json") else None

    @property
    def code(self):
        """The problem's code; None for a reply that is no problem."""
        return self.json.get("code") if self.media == "application/problem+json" else None

    def __repr__(self):
        return f"<{self.status} {self.raw[:400]!r}>"


class Contract:
    def __init__(self, path=ROOT / "fcgi-app/openapi.yaml"):
        self.document = yaml.safe_load(pathlib.Path(path).read_text())
        closed = _closed(self.document)
        self.resolver = jsonschema.RefResolver("", closed)
        self.seen = set()  # (method, template, status, code)
        self.outside = set()  # statuses of the web server's own that the present test expects
        self.paths = []
        for template in self.document["paths"]:
            pattern = re.sub(r"\\\{\w+\\\}", r"[^/]+", re.escape(template))
            # A fixed path wins over one with a parameter.
            self.paths.append(("{" in template, template, re.compile(pattern + r"\Z")))
        self.paths.sort(key=lambda row: row[0])

    def resolve(self, node):
        while "$ref" in node:
            node = self.resolver.resolve(node["$ref"])[1] | {k: v for k, v in node.items() if k != "$ref"}
        return node

    def operations(self):
        """(METHOD, template) of every documented route."""
        return [
            (method.upper(), template)
            for template, item in self.document["paths"].items()
            for method in item
            if method in METHODS
        ]

    def template_of(self, target):
        path = target.split("?", 1)[0]
        return next((template for _, template, pattern in self.paths if pattern.match(path)), None)

    def operation(self, method, template):
        return self.document["paths"][template].get(method.lower())

    def documented(self):
        """Every (METHOD, template, status, code or None) that the document states."""
        for method, template in self.operations():
            for status, response in self.operation(method, template)["responses"].items():
                codes = [None]
                for media, content in self.resolve(response).get("content", {}).items():
                    if media == "application/problem+json":
                        schema = content["schema"]
                        codes = (schema if "properties" in schema else self.resolve(schema))["properties"]["code"][
                            "enum"
                        ]
                for code in codes:
                    yield method, template, int(status), code

    def validator(self, schema):
        return jsonschema.Draft202012Validator(
            schema, resolver=self.resolver, format_checker=jsonschema.draft202012_format_checker
        )

    def check_schema(self, name, value):
        """`value` against components/schemas/<name>."""
        self._validate({"$ref": f"#/components/schemas/{name}"}, value, name)

    def _validate(self, schema, value, where):
        errors = sorted(self.validator(_closed(schema)).iter_errors(value), key=lambda e: list(e.absolute_path))
        assert not errors, f"{where}: {'; '.join(f'{e.json_path}: {e.message}' for e in errors[:5])}\n{value!r}"

    def check_response(self, response):
        """For perchtest.response_hooks."""
        reply = Reply(response.status_code, response.headers.items(), response.content)
        self.check(response.request.method, response.request.path_url, reply)

    def check(self, method, target, reply):
        template = self.template_of(target)
        where = f"{method} {target} → {reply.status} {reply.raw[:300]!r}"
        if target.startswith("/api/"):
            assert reply.headers.get("x-request-id"), f"{where}: no X-Request-Id"
            assert reply.headers.get("cache-control") == "no-store", f"{where}: Cache-Control is not no-store"
        if reply.status in self.outside:
            assert reply.media == "application/problem+json" and reply.json["status"] == reply.status, where
            return
        if template is None:
            self.check_problem(reply, 404, "not_found", where)
            return
        operation = self.operation(method, template)
        if operation is None:
            self.check_problem(reply, 405, "method_not_allowed", where)
            allow = {name.strip() for name in reply.headers.get("allow", "").split(",")}
            documented = {name for name, path in self.operations() if path == template}
            assert documented <= allow, f"{where}: Allow is {allow}, documented are {documented}"
            return
        self.seen.add((method, template, reply.status, reply.code))
        response = operation["responses"].get(str(reply.status))
        assert response is not None, f"{where}: {reply.status} is not documented for {method} {template}"
        self.check_documented(reply, self.resolve(response), where)

    def check_documented(self, reply, response, where):
        for name, header in response.get("headers", {}).items():
            header = self.resolve(header)
            # An optional header says so by not being required; these two always are.
            if header.get("required") or name in ("X-Request-Id", "Retry-After"):
                assert reply.headers.get(name.lower()), f"{where}: no {name}"
        if "content" not in response:
            assert reply.raw == b"", f"{where}: a body where none is documented"
            return
        content = response["content"].get(reply.media)
        assert content is not None, f"{where}: Content-Type {reply.media!r} is not documented"
        self._validate(content["schema"], reply.json if reply.media.endswith("json") else reply.raw.decode(), where)
        if reply.media == "application/problem+json":
            assert reply.json["status"] == reply.status, where
            self.check_title(reply, where)

    def check_problem(self, reply, status, code, where=""):
        """A problem document of the table, whatever the route."""
        assert (reply.status, reply.code) == (status, code), f"{where}: expected {status} {code}"
        assert reply.media == "application/problem+json", f"{where}: Content-Type {reply.media!r}"
        self._validate({"$ref": "#/components/schemas/Problem"}, reply.json, where)
        assert reply.json["status"] == status, where
        self.check_title(reply, where)

    def check_title(self, reply, where):
        row = error_table().get(reply.code)
        assert row, f"{where}: {reply.code} is not in errors.def"
        assert (reply.status, reply.json["title"]) == row[1:], f"{where}: errors.def says {row}"


CONTRACT = Contract()
