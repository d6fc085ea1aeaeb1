#include "hub_query.h"

#include <poll.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/err.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/store.h"
#include "hub_state.h"

struct hub_query {
    struct hub *hub;
    struct pg *pg;
    struct event event; /* the connection is ready, or its time is over */
    bool running;
    int begun; /* what begin() said */
    int64_t deadline;
    hub_query_done *done;
    void *argument;
};

static void on_ready(evutil_socket_t fd, short what, void *argument);

static void await(struct hub_query *query, short events)
{
    int64_t left = query->deadline - clock_mono_ms();
    const struct timeval timeout = {.tv_sec = left > 0 ? left / 1000 : 0,
                                    .tv_usec = left > 0 ? left % 1000 * 1000 : 0};
    short wanted = (short)((events & POLLIN ? EV_READ : 0) | (events & POLLOUT ? EV_WRITE : 0));
    event_assign(&query->event, query->hub->base, pg_socket(query->pg), wanted, on_ready, query);
    event_add(&query->event, &timeout);
}

/* From done() on the next statement may begin. */
static void finish(struct hub_query *query, int err, struct pg_result *result)
{
    query->running = false;
    query->done(query->argument, err, result);
    pg_result_clear(result);
}

static void on_ready(evutil_socket_t fd, short what, void *argument)
{
    struct hub_query *query = argument;
    struct pg_result result = {0};
    short events = 0;
    int err = query->begun;
    (void)fd;
    if (what & EV_TIMEOUT) {
        log_warn("PostgreSQL did not answer the hub in time");
        pg_drop(query->pg);
        err = ERR_UNAVAILABLE;
    }
    if (err == 0)
        err = pg_step(query->pg, &events, &result);
    if (err == ERR_BUSY)
        await(query, events);
    else
        finish(query, err, &result);
}

bool hub_query_is_idle(const struct hub_query *query)
{
    return !query->running;
}

void hub_query_start(struct hub_query *query, hub_query_begin *begin, hub_query_done *done,
                     void *argument)
{
    if (query->running)
        abort();
    query->running = true;
    query->deadline = clock_mono_ms() + PG_CONNECT_MS + PG_QUERY_MS;
    query->done = done;
    query->argument = argument;
    query->begun = begin(query->pg, argument);
    /* Even what failed at once is told from the loop, never from within this call. */
    event_assign(&query->event, query->hub->base, -1, 0, on_ready, query);
    event_active(&query->event, 0, 0);
}

struct hub_query *hub_query_new(struct hub *hub, const char *application)
{
    struct hub_query *query = memory_new(sizeof *query);
    query->hub = hub;
    query->pg = pg_new(hub->conf->database_url, application, &store_profile);
    event_assign(&query->event, hub->base, -1, 0, on_ready, query);
    return query;
}

void hub_query_free(struct hub_query *query)
{
    if (query == NULL)
        return;
    event_del(&query->event);
    pg_free(query->pg);
    free(query);
}
