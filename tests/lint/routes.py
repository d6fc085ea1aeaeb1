"""routes.def, openapi.yaml, the API tests and nginx's choice of the pool agree about every route.

A row of routes.def: ROUTE(METHOD, "/path/{id}", handler, CALLER_x, body limit, RATE_x, POOL_x)
An API test covers a route when it names it in this form: "METHOD", "/path/{id}"
"""

import re

import yaml

from tree import METHODS, complain, files, finish, read

ROUTES, OPENAPI, NGINX = "fcgi-app/routes.def", "fcgi-app/openapi.yaml", "nginx/http.conf.in"


def paths_without_names(routes):
    """{x} and {id} are the same place in a path."""
    return {(method, re.sub(r"\{\w+\}", "{}", path)) for method, path in routes}


table = {(row[0], row[1]): [cell.strip() for cell in row[2].split(",")]
         for row in re.findall(r'^ROUTE\((\w+),\s*"([^"]+)",\s*([^)]*)\)', read(ROUTES), re.M)}
if not table:
    complain(ROUTES, "no ROUTE(METHOD, \"/path\", ...) row found")

document = yaml.safe_load(read(OPENAPI))
documented = {(method.upper(), path) for path, item in document["paths"].items()
              for method in item if method.upper() in METHODS}
for method, path in sorted(documented - table.keys()):
    complain(OPENAPI, f"{method} {path} is not in {ROUTES}")
for method, path in sorted(table.keys() - documented):
    complain(ROUTES, f"{method} {path} is not in {OPENAPI}")

tested = {pair for name in files("tests/api/*.py")
          for pair in re.findall(rf'"({"|".join(METHODS)})",\s*f?"(/[^"?]*)"', read(name))}
for method, path in sorted(documented):
    if not paths_without_names([(method, path)]) <= paths_without_names(tested):
        complain("tests/api", f'no test names "{method}", "{path}"')

pool = re.search(r'map "\$request_method \$uri" \$perch_pool \{(.*?)\n\}', read(NGINX), re.S)
to_auth = set(re.findall(r'"(\w+) (/\S+)"\s+perch_auth;', pool.group(1) if pool else ""))
wanted = {route for route, cells in table.items() if "POOL_AUTH" in cells}
for method, path in sorted(to_auth ^ wanted):
    complain(NGINX, f"{method} {path} must be in the map of $perch_pool exactly if {ROUTES} says POOL_AUTH")
finish()
