"""openapi.yaml itself: well formed, its examples true, its codes those of errors.def."""

import pytest

from perchtest.contract import CONTRACT, error_table


def nodes(node, path=""):
    yield path, node
    if isinstance(node, dict):
        for key, value in node.items():
            yield from nodes(value, f"{path}/{key}")
    elif isinstance(node, list):
        for place, value in enumerate(node):
            yield from nodes(value, f"{path}/{place}")


def test_every_reference_leads_somewhere():
    used = set()
    for path, node in nodes(CONTRACT.document):
        if isinstance(node, dict) and "$ref" in node:
            CONTRACT.resolver.resolve(node["$ref"])
            used.add(node["$ref"].removeprefix("#"))
    for kind, parts in CONTRACT.document["components"].items():
        for name in parts:
            if kind != "securitySchemes":
                assert f"/components/{kind}/{name}" in used, f"nothing refers to {kind}/{name}"


def test_every_schema_is_valid():
    for name, schema in CONTRACT.document["components"]["schemas"].items():
        CONTRACT.validator(schema).check_schema(schema)
        for example in schema.get("examples", []):
            CONTRACT.check_schema(name, example)


def test_every_media_example_matches_its_schema():
    count = 0
    for path, node in nodes(CONTRACT.document):
        if isinstance(node, dict) and "schema" in node and "example" in node:
            errors = list(CONTRACT.validator(node["schema"]).iter_errors(node["example"]))
            assert not errors, f"{path}: {errors[0].message}"
            count += 1
    assert count >= 15


def test_codes_are_those_of_the_error_table_and_their_statuses_agree():
    table = error_table()
    for method, template, status, code in CONTRACT.documented():
        if code is not None:
            assert table[code][1] == status, f"{method} {template}: {code} is {table[code][1]}, not {status}"


@pytest.mark.parametrize("method, template", CONTRACT.operations())
def test_operation_states_what_its_kind_needs(method, template):
    operation = CONTRACT.operation(method, template)
    documented = {(status, code) for m, t, status, code in CONTRACT.documented() if (m, t) == (method, template)}
    codes = {code for _, code in documented}
    assert operation["operationId"] and operation["summary"] and operation["tags"]
    assert {"bad_parameter", "too_large"} <= codes
    if template.startswith("/health"):
        return
    assert {"rate_limited", "unavailable"} <= codes
    if "security" not in operation:
        assert "unauthorized" in codes
    if method != "GET":
        assert "csrf" in codes
    if "requestBody" in operation:
        assert "media_type" in codes
        # What Telegram brings is taken, whatever it is: else it would bring it again and again.
        assert template == "/api/v1/telegram/webhook" or {"bad_json", "invalid"} <= codes
    parameters = operation.get("parameters", []) + CONTRACT.document["paths"][template].get("parameters", [])
    named = {
        CONTRACT.resolve(parameter)["name"]
        for parameter in parameters
        if CONTRACT.resolve(parameter)["in"] == "path"
    }
    assert named == {part[1:-1] for part in template.split("/") if part.startswith("{")}
    if named:
        assert "not_found" in codes
