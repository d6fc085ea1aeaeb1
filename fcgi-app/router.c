#include "router.h"

#include <string.h>

#include "common/err.h"
#include "common/log.h"
#include "gate.h"
#include "worker.h"

static const struct route routes[] = {
#define ROUTE(method, path, handler, caller, body_limit, rate, pool) \
    {METHOD_##method, path, handler, caller, body_limit, rate, pool},
#include "routes.def"
#undef ROUTE
};

static const char *const method_names[] = {"GET", "POST", "PUT", "PATCH", "DELETE"};

/* Does `path` fit the pattern, "{...}" standing for an id? A segment that is no id fits nothing. */
static bool path_fits(const char *pattern, const char *path, int64_t *ret_id)
{
    while (*pattern != '\0' && *path != '\0') {
        if (*pattern == '{') {
            char digits[20] = "";
            size_t length = strcspn(path, "/");
            if (length >= sizeof digits)
                return false;
            memcpy(digits, path, length);
            if (id_parse(digits, ret_id) != 0)
                return false;
            pattern += strcspn(pattern, "}") + 1;
            path += length;
        } else if (*pattern++ != *path++) {
            return false;
        }
    }
    return *pattern == *path;
}

int router_find(enum method method, const char *path, const struct route **ret_route,
                int64_t *ret_id, unsigned *ret_allowed)
{
    unsigned allowed = 0;
    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++) {
        int64_t id = 0;
        if (!path_fits(routes[i].path, path, &id))
            continue;
        if (routes[i].method == method) {
            *ret_route = &routes[i];
            *ret_id = id;
            return 0;
        }
        allowed |= 1U << routes[i].method;
    }
    *ret_allowed = allowed;
    return allowed != 0 ? ERR_METHOD_NOT_ALLOWED : ERR_NOT_FOUND;
}

static void add_allow(struct response *response, unsigned allowed)
{
    const char *separator = "Allow: ";
    for (int i = 0; i < METHOD_OTHER; i++) {
        if (allowed & (1U << i)) {
            buf_addf(&response->headers, "%s%s", separator, method_names[i]);
            separator = ", ";
        }
    }
    buf_adds(&response->headers, "\r\n");
}

static int serve(struct request *request, struct response *response)
{
    unsigned allowed = 0;
    int err =
        router_find(request->method, request->path, &request->route, &request->path_id, &allowed);
    if (err == ERR_METHOD_NOT_ALLOWED)
        add_allow(response, allowed);
    if (err == 0 && request->route->pool != request->worker->pool)
        err = ERR_MISDIRECTED;
    /* What is wrong with the query is told only to those who may pass. */
    int query_err = err == 0 ? request_parse_query(request) : 0;
    if (err == 0)
        err = gate_pass(request, response);
    if (err == 0)
        err = query_err;
    if (err == 0)
        err = request_read_body(request, request->route->body_limit);
    if (err == 0)
        err = request->route->handler(request, response);
    return err;
}

void router_serve(struct request *request, struct response *response)
{
    int err = serve(request, response);
    if (err != 0) {
        if (err_info(err)->status >= 500)
            log_warn("%s %s: %s",
                     request->method < METHOD_OTHER ? method_names[request->method] : "?",
                     request->path, err_info(err)->code);
        response_problem(response, err);
    }
}
