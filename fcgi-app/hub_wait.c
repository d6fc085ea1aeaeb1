/* Waiting: whose connection closes, and whose time is over.
 *
 * Thousands wait and few of them are due, so a waiter has neither an event nor a timer of its own
 * (128 bytes and more each): the connections stand in an epoll that the loop watches as one
 * descriptor, and the deadlines in a wheel of lists that turns ten times a second. A deadline is
 * never early and at most one turn late. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/err.h"
#include "common/log.h"
#include "common/memory.h"
#include "hub_state.h"

enum {
    TURN_MS = 100,
    SLOTS = 1024, /* of a turn each: further than any deadline */
    READY_PER_CALL = 64,
};

struct hub_wait {
    struct hub *hub;
    int epoll;
    struct event ready_event; /* something in the epoll is ready */
    struct event turn_event;  /* only while somebody waits */
    int count;
    int64_t turn; /* up to which all lists have been looked at, in TURN_MS of the clock */
    LIST_HEAD(slot, waiter) slots[SLOTS];
};

static int64_t turn_now(void)
{
    return clock_mono_ms() / TURN_MS;
}

/* Readable means read and discard (an unread body); only the end or an error means that the browser
 * has gone. */
static bool connection_is_open(int fd)
{
    char discarded[4096];
    ssize_t length;
    while ((length = recv(fd, discarded, sizeof discarded, MSG_DONTWAIT)) > 0)
        ;
    return length < 0 && (errno == EAGAIN || errno == EINTR);
}

/* What is still ready after these is reported again. The later ones must not be freed by what the
 * earlier ones bring about: hub_waiter_gone() ends no other wait. */
static void on_ready(evutil_socket_t fd, short what, void *argument)
{
    struct hub_wait *wait = argument;
    struct epoll_event events[READY_PER_CALL];
    (void)what;
    int count = epoll_wait(fd, events, READY_PER_CALL, 0);
    for (int i = 0; i < count; i++) {
        struct waiter *waiter = events[i].data.ptr;
        if (!connection_is_open(waiter->fd))
            hub_waiter_gone(wait->hub, waiter);
    }
}

/* hub_waiter_due() takes each from its list, for good or into one that is not due yet. */
static void on_turn(evutil_socket_t fd, short what, void *argument)
{
    struct hub_wait *wait = argument;
    struct waiter *waiter;
    int64_t now = turn_now();
    (void)fd;
    (void)what;
    /* A clock that leapt: a whole round answers everybody. */
    if (now < wait->turn || now - wait->turn > SLOTS)
        wait->turn = now - SLOTS;
    while (wait->turn < now) {
        struct slot *slot = &wait->slots[++wait->turn % SLOTS];
        while ((waiter = LIST_FIRST(slot)) != NULL)
            hub_waiter_due(wait->hub, waiter);
    }
}

static void put(struct hub_wait *wait, struct waiter *waiter, int64_t deadline_ms)
{
    int64_t turn = (deadline_ms + TURN_MS - 1) / TURN_MS;
    if (turn <= wait->turn)
        turn = wait->turn + 1;
    if (turn >= wait->turn + SLOTS)
        turn = wait->turn + SLOTS - 1;
    LIST_INSERT_HEAD(&wait->slots[turn % SLOTS], waiter, of_slot);
}

int hub_wait_add(struct hub_wait *wait, struct waiter *waiter, int64_t deadline_ms)
{
    static const struct timeval every = {.tv_usec = TURN_MS * 1000};
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = waiter};
    if (epoll_ctl(wait->epoll, EPOLL_CTL_ADD, waiter->fd, &event) != 0) {
        log_warn("cannot watch a waiting poll: %s", strerror(errno));
        return ERR_BUSY;
    }
    if (wait->count++ == 0) {
        wait->turn = turn_now();
        event_add(&wait->turn_event, &every);
    }
    put(wait, waiter, deadline_ms);
    return 0;
}

void hub_wait_prolong(struct hub_wait *wait, struct waiter *waiter, int64_t deadline_ms)
{
    LIST_REMOVE(waiter, of_slot);
    put(wait, waiter, deadline_ms);
}

/* Taken out by name: the worker that handed it over may still have the connection open, and then
 * closing ours would leave it in the epoll. */
void hub_wait_remove(struct hub_wait *wait, struct waiter *waiter)
{
    (void)epoll_ctl(wait->epoll, EPOLL_CTL_DEL, waiter->fd, NULL);
    LIST_REMOVE(waiter, of_slot);
    if (--wait->count == 0)
        event_del(&wait->turn_event);
}

struct hub_wait *hub_wait_new(struct hub *hub)
{
    struct hub_wait *wait = memory_new(sizeof *wait);
    if ((wait->epoll = epoll_create1(EPOLL_CLOEXEC)) < 0)
        abort();
    wait->hub = hub;
    for (int i = 0; i < SLOTS; i++)
        LIST_INIT(&wait->slots[i]);
    event_assign(&wait->turn_event, hub->base, -1, EV_PERSIST, on_turn, wait);
    event_assign(&wait->ready_event, hub->base, wait->epoll, EV_READ | EV_PERSIST, on_ready, wait);
    event_add(&wait->ready_event, NULL);
    return wait;
}

void hub_wait_free(struct hub_wait *wait)
{
    event_del(&wait->ready_event);
    close(wait->epoll);
    free(wait);
}
