#include "loop_pg.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <poll.h>
#include <stdlib.h>

#include "clock.h"
#include "err.h"
#include "log.h"
#include "memory.h"

struct loop_pg {
    struct event_base *base;
    struct pg *pg;
    struct event event; /* the connection is ready, or its time is over; idle: it broke */
    bool running;
    int begun; /* what begin() said */
    int64_t deadline;
    loop_pg_done *done;
    void *argument;
    loop_pg_lost *lost; /* NULL: nobody watches */
    void *watcher;
};

static void on_ready(evutil_socket_t fd, short what, void *argument);

static void await(struct loop_pg *link, short events)
{
    int64_t left = link->deadline - clock_mono_ms();
    const struct timeval timeout = {.tv_sec = left > 0 ? left / 1000 : 0,
                                    .tv_usec = left > 0 ? left % 1000 * 1000 : 0};
    short wanted = (short)((events & POLLIN ? EV_READ : 0) | (events & POLLOUT ? EV_WRITE : 0));
    event_assign(&link->event, link->base, pg_socket(link->pg), wanted, on_ready, link);
    event_add(&link->event, &timeout);
}

static void on_lost(evutil_socket_t fd, short what, void *argument)
{
    struct loop_pg *link = argument;
    (void)fd;
    (void)what;
    pg_drop(link->pg);
    link->lost(link->watcher);
}

/* Nothing is to be read from an idle connection but its end. */
static void watch(struct loop_pg *link)
{
    if (link->lost == NULL || link->running || pg_socket(link->pg) < 0)
        return;
    event_assign(&link->event, link->base, pg_socket(link->pg), EV_READ, on_lost, link);
    event_add(&link->event, NULL);
}

/* From done() on the next statement may begin. */
static void finish(struct loop_pg *link, int err, struct pg_result *result)
{
    link->running = false;
    link->done(link->argument, err, result);
    pg_result_clear(result);
    watch(link);
}

static void on_ready(evutil_socket_t fd, short what, void *argument)
{
    struct loop_pg *link = argument;
    struct pg_result result = {0};
    short events = 0;
    int err = link->begun;
    (void)fd;
    if (what & EV_TIMEOUT) {
        log_warn("PostgreSQL did not answer in time");
        pg_drop(link->pg);
        err = ERR_UNAVAILABLE;
    }
    if (err == 0)
        err = pg_step(link->pg, &events, &result);
    if (err == ERR_BUSY)
        await(link, events);
    else
        finish(link, err, &result);
}

void loop_pg_watch(struct loop_pg *link, loop_pg_lost *lost, void *argument)
{
    link->lost = lost;
    link->watcher = argument;
}

bool loop_pg_is_cancelled(const struct loop_pg *link)
{
    return pg_is_cancelled(link->pg);
}

bool loop_pg_is_idle(const struct loop_pg *link)
{
    return !link->running;
}

void loop_pg_start(struct loop_pg *link, loop_pg_begin *begin, loop_pg_done *done, void *argument)
{
    if (link->running)
        abort();
    event_del(&link->event);
    link->running = true;
    link->deadline = clock_mono_ms() + PG_CONNECT_MS + PG_QUERY_MS;
    link->done = done;
    link->argument = argument;
    link->begun = begin(link->pg, argument);
    /* Even what failed at once is told from the loop, never from within this call. */
    event_assign(&link->event, link->base, -1, 0, on_ready, link);
    event_active(&link->event, 0, 0);
}

struct loop_pg *loop_pg_new(struct event_base *base, const char *url, const char *application,
                            const struct pg_profile *profile)
{
    struct loop_pg *link = memory_new(sizeof *link);
    link->base = base;
    link->pg = pg_new(url, application, profile);
    event_assign(&link->event, base, -1, 0, on_ready, link);
    return link;
}

void loop_pg_free(struct loop_pg *link)
{
    if (link == NULL)
        return;
    event_del(&link->event);
    pg_free(link->pg);
    free(link);
}
