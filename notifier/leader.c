#include "leader.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdbool.h>
#include <stdlib.h>

#include "common/log.h"
#include "common/loop_pg.h"
#include "common/memory.h"
#include "store_leader.h"

struct leader {
    struct loop_pg *pg;
    const struct leader_calls *calls;
    void *argument;
    bool leads;
    struct event look_event;
};

static void set(struct leader *leader, bool leads)
{
    if (leader->leads == leads)
        return;
    leader->leads = leads;
    if (leads) {
        log_info("this notifier works");
        leader->calls->gained(leader->argument);
    } else {
        log_warn("this notifier stands by: its connection to PostgreSQL broke");
        leader->calls->lost(leader->argument);
    }
}

static void look_in(struct leader *leader, int ms)
{
    const struct timeval delay = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
    event_add(&leader->look_event, &delay);
}

static int begin(struct pg *pg, void *argument)
{
    (void)argument;
    return store_leader_start(pg);
}

static void on_look(void *argument, int err, const struct pg_result *result)
{
    struct leader *leader = argument;
    look_in(leader, LEADER_LOOK_MS);
    set(leader, err == 0 && store_leader_has(result));
}

static void on_time(evutil_socket_t fd, short what, void *argument)
{
    struct leader *leader = argument;
    (void)fd;
    (void)what;
    loop_pg_start(leader->pg, begin, on_look, leader);
}

static void on_broken(void *argument)
{
    set(argument, false);
}

struct leader *leader_new(struct event_base *base, const char *database_url,
                          const struct leader_calls *calls, void *argument)
{
    struct leader *leader = memory_new(sizeof *leader);
    leader->calls = calls;
    leader->argument = argument;
    leader->pg = loop_pg_new(base, database_url, "perch-notifier leader", &store_leader_profile);
    loop_pg_watch(leader->pg, on_broken, leader);
    event_assign(&leader->look_event, base, -1, 0, on_time, leader);
    look_in(leader, 0);
    return leader;
}

void leader_free(struct leader *leader)
{
    if (leader == NULL)
        return;
    event_del(&leader->look_event);
    loop_pg_free(leader->pg);
    free(leader);
}
