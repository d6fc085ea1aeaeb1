#include "hub.h"

#include <limits.h>
#include <signal.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/err.h"
#include "common/log.h"
#include "common/memory.h"
#include "hub_house.h"
#include "hub_state.h"

enum { HANDOFFS_PER_TURN = 64 };

/* The descriptor of a parked poll got lost at the limit: the kernel has hung up on the browser,
 * which asks again. */
static void take_handoff(struct hub *hub, int fd)
{
    if (hub->message.kind == HANDOFF_WAKE)
        hub_wake(hub, hub->message.wake.head.user_id, hub->message.wake.text);
    else if (hub->message.kind == HANDOFF_LEASE)
        hub_lease_take(hub->lease, &hub->message.lease);
    else if (fd >= 0)
        hub_park(hub, &hub->message.park, fd);
    else
        log_warn("no descriptor left for a waiting poll: raise the limit (LimitNOFILE)");
}

/* Some at a time, so that a flood of new polls does not keep the loop from the waiting ones. */
static int take_handoffs(struct hub *hub, int most)
{
    int fd = -1;
    int err = 0;
    while (most-- > 0) {
        err = handoff_receive(hub->socket, &hub->message, &fd);
        if (err == ERR_BUSY || err == ERR_GONE)
            break;
        if (err == 0)
            take_handoff(hub, fd);
    }
    return err;
}

static void on_handoff(evutil_socket_t fd, short what, void *argument)
{
    (void)fd;
    (void)what;
    struct hub *hub = argument;
    if (take_handoffs(hub, HANDOFFS_PER_TURN) == ERR_GONE)
        event_base_loopbreak(hub->base); /* no worker is left */
}

static void on_tick(evutil_socket_t fd, short what, void *argument)
{
    struct hub *hub = argument;
    (void)fd;
    (void)what;
    hub_news_sweep(hub);
    hub_table_sweep(hub, hub_redis_is_up(hub->redis) ? HUB_SWEEP_MS : HUB_SWEEP_ALONE_MS);
}

static void on_end(evutil_socket_t fd, short what, void *argument)
{
    (void)fd;
    (void)what;
    event_base_loopbreak(argument);
}

/* How many polls may wait; at the limit itself the kernel would drop theirs and everybody's. */
static int waiters_max(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur > INT_MAX)
        return 0;
    return limit.rlim_cur > 2 * HUB_DESCRIPTORS ? (int)limit.rlim_cur - HUB_DESCRIPTORS
                                                : HUB_DESCRIPTORS;
}

static void hub_init(struct hub *hub, const struct child *child, int socket)
{
    static const int ends[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT};
    const struct sigaction ignore = {.sa_handler = SIG_IGN};
    const struct timeval tick = {.tv_usec = HUB_TICK_MS * 1000};
    hub->conf = child->conf;
    hub->waiters_max = waiters_max();
    hub->socket = socket;
    hub->base = event_base_new();
    if (hub->base == NULL)
        abort();
    sigaction(SIGPIPE, &ignore, NULL);
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        event_assign(&hub->end_events[i], hub->base, ends[i], EV_SIGNAL | EV_PERSIST, on_end,
                     hub->base);
        event_add(&hub->end_events[i], NULL);
    }
    TAILQ_INIT(&hub->doubted);
    TAILQ_INIT(&hub->news);
    hub->wait = hub_wait_new(hub);
    hub->verify = hub_verify_new(hub);
    hub->house = hub_house_new(hub);
    hub->clean = hub_clean_new(hub);
    hub->announce = hub_announce_new(hub);
    hub->lease = hub_lease_new(hub, &child->redis_address);
    hub->redis = hub_redis_new(hub, &child->redis_address);
    event_assign(&hub->handoff_event, hub->base, socket, EV_READ | EV_PERSIST, on_handoff, hub);
    event_add(&hub->handoff_event, NULL);
    event_assign(&hub->tick_event, hub->base, -1, EV_PERSIST, on_tick, hub);
    event_add(&hub->tick_event, &tick);
}

static void hub_release(struct hub *hub)
{
    struct hub_user *user;
    struct hub_user *next;
    event_del(&hub->handoff_event);
    event_del(&hub->tick_event);
    hub_redis_free(hub->redis);
    hub_lease_free(hub->lease);
    hub_verify_free(hub->verify);
    hub_house_free(hub->house);
    hub_clean_free(hub->clean);
    hub_announce_free(hub->announce);
    HASH_ITER (hh, hub->users, user, next)
        hub_user_free(hub, user);
    hub_ended_expire(hub, INT64_MAX);
    hub_wait_free(hub->wait);
    for (int i = 0; i < HUB_END_SIGNALS; i++)
        event_del(&hub->end_events[i]);
    event_base_free(hub->base);
    buf_release(&hub->reply);
}

int hub_main(const struct child *child, int socket, const sigset_t *mask)
{
    struct hub *hub = memory_new(sizeof *hub);
    if (sodium_init() < 0)
        abort();
    hub_init(hub, child, socket);
    sigprocmask(SIG_SETMASK, mask, NULL);
    child_ready(child);
    event_base_dispatch(hub->base);

    /* Whoever waits, and whoever is still in the socket, is told to come back, not all at once. */
    hub->ending = true;
    hub_table_drain(hub);
    int err;
    do
        err = take_handoffs(hub, HANDOFFS_PER_TURN);
    while (err != ERR_BUSY && err != ERR_GONE);
    if (err == ERR_GONE) /* its end would be reported for ever */
        event_del(&hub->handoff_event);
    hub_lease_settle(hub->lease);
    hub_release(hub);
    free(hub);
    return 0;
}
