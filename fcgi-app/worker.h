/* A worker: accepts, routes, handles and answers one request at a time, blocking. It never waits
 * for news: polls that have nothing to say go to the hub. */
#ifndef PERCH_WORKER_H
#define PERCH_WORKER_H

#include "child.h"
#include "common/arena.h"
#include "common/conf.h"
#include "common/pg.h"
#include "common/redis.h"
#include "notify.h"
#include "password.h"
#include "rate.h"
#include "route.h"
#include "token.h"

struct worker {
    const struct conf *conf;
    const struct token_keys *keys;
    enum pool pool;
    struct password_cost cost;
    struct pg *pg;
    struct redis *redis;
    struct rate_table rates; /* while Redis is away */
    struct notify notify;
    int hub_count;
    const int *hub_fds;
    struct arena arena; /* of the request */
};

/* Serves until TERM, then returns the exit code for the process. `mask` is the signal mask while it
 * waits. */
int worker_main(const struct child *child, enum pool pool, int listen_fd, const sigset_t *mask);

#endif
