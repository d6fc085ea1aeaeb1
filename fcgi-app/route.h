/* The routes as routes.def declares them. */
#ifndef PERCH_ROUTE_H
#define PERCH_ROUTE_H

#include <stddef.h>

struct request;
struct response;

enum method { METHOD_GET, METHOD_POST, METHOD_PUT, METHOD_PATCH, METHOD_DELETE, METHOD_OTHER };
enum { BODY_BEACON = 1 << 30, BODY_RAW = 1 << 29 }; /* flags in body_limit */
enum caller_rule { CALLER_ANYONE, CALLER_SESSION };
enum rate_class { RATE_NONE, RATE_REGISTER, RATE_LOGIN, RATE_ACCOUNT, RATE_SEND, RATE_COSTLY };
enum pool { POOL_APP, POOL_AUTH };

/* Returns 0 with the response filled in, or an error that the router renders. */
typedef int route_handler(struct request *request, struct response *response);

struct route {
    enum method method;
    const char *path;
    route_handler *handler;
    enum caller_rule caller;
    size_t body_limit;
    enum rate_class rate;
    enum pool pool;
};

#define ROUTE(method, path, handler, caller, body_limit, rate, pool) route_handler handler;
#include "routes.def"
#undef ROUTE

#endif
