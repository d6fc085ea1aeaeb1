/* Answers whoever watches: GET /metrics with metrics_write(), over HTTP on this host.
 *
 * What waits is asked of PostgreSQL when somebody asks, on a connection of its own, so that the
 * answer is there while the others are busy, and a notifier that stands by answers, too. Whoever
 * asks meanwhile gets the same answer. Nothing blocks. */
#ifndef PERCH_METRICS_SERVER_H
#define PERCH_METRICS_SERVER_H

#include "metrics.h"

struct event_base;
struct metrics_server;

/* Listens at `place`: "127.0.0.1:9464", "[::1]:9464" or the "/path" of a unix socket (0660; a stale
 * one is replaced). ERR_CONFIG, logged, where that is not of this host or cannot be listened at.
 * Connects to `database_url` when somebody asks. Everything given must outlive it. */
int metrics_server_new(struct event_base *base, const char *place, const char *database_url,
                       const struct metrics *metrics, struct metrics_server **ret_server)
    __attribute__((warn_unused_result));
/* Closes all connections, and removes the socket's path. NULL is fine. */
void metrics_server_free(struct metrics_server *server);

#endif
