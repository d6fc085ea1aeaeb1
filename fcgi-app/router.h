/* Finds the route, enforces its row, runs the handler and renders what went wrong. */
#ifndef PERCH_ROUTER_H
#define PERCH_ROUTER_H

#include "request.h"
#include "response.h"

/* Which route of routes.def answers this method and path? Sets *ret_id to what "{id}" matched.
 * ERR_NOT_FOUND; ERR_METHOD_NOT_ALLOWED, with the methods that would do in ret_allowed (bits of 1
 * << enum method). */
int router_find(enum method method, const char *path, const struct route **ret_route,
                int64_t *ret_id, unsigned *ret_allowed) __attribute__((warn_unused_result));

/* Always leaves a complete response. */
void router_serve(struct request *request, struct response *response);

#endif
