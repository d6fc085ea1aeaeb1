/* Retention: asks PostgreSQL every minute to remove a batch of what is no longer needed, and more
 * often while there is more. Every hub of every host asks; whoever finds another one at it leaves
 * it at that. */
#include <sodium.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/conf.h"
#include "common/memory.h"
#include "common/store_clean.h"
#include "hub_house.h"
#include "hub_state.h"

enum {
    CLEAN_FIRST_MS = 200, /* after the start, and as long again for the spread */
    CLEAN_EVERY_MS = 45000,
    CLEAN_SPREAD_MS = 30000,
    CLEAN_PAUSE_MS = 100, /* while there is more: this, or CLEAN_REST times what the batch took */
    CLEAN_REST = 9,
};

struct hub_clean {
    struct hub *hub;
    struct hub_job job;
    struct event timer;
    int64_t began; /* monotonic */
};

static void after(struct hub_clean *clean, int64_t ms)
{
    const struct timeval wait = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
    event_add(&clean->timer, &wait);
}

static void on_timer(evutil_socket_t fd, short what, void *argument)
{
    struct hub_clean *clean = argument;
    (void)fd;
    (void)what;
    hub_house_add(clean->hub->house, &clean->job);
}

static int begin(struct pg *pg, void *argument)
{
    struct hub_clean *clean = argument;
    clean->began = clock_mono_ms();
    return store_clean_start(pg, clean->hub->conf->event_days);
}

static void on_done(void *argument, int err, const struct pg_result *result)
{
    struct hub_clean *clean = argument;
    int64_t rest = CLEAN_REST * (clock_mono_ms() - clean->began);
    if (err == 0 && store_clean_more(result))
        after(clean, rest > CLEAN_PAUSE_MS ? rest : CLEAN_PAUSE_MS);
    else
        after(clean, CLEAN_EVERY_MS + (int64_t)randombytes_uniform(CLEAN_SPREAD_MS));
}

struct hub_clean *hub_clean_new(struct hub *hub)
{
    struct hub_clean *clean = memory_new(sizeof *clean);
    clean->hub = hub;
    clean->job = (struct hub_job){.begin = begin, .done = on_done, .argument = clean};
    event_assign(&clean->timer, hub->base, -1, 0, on_timer, clean);
    after(clean, CLEAN_FIRST_MS + (int64_t)randombytes_uniform(CLEAN_FIRST_MS));
    return clean;
}

void hub_clean_free(struct hub_clean *clean)
{
    if (clean == NULL)
        return;
    event_del(&clean->timer);
    free(clean);
}
