/* The leases of those who wait here (lease.h): written when a poll arrives, cut when its connection
 * closes. Changes of one turn of the loop go out together, in their order, over a connection of
 * their own. A lease that was not written because Redis was away, or is gone with Redis' memory, is
 * written again as soon as Redis says that something was lost. */
#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/lease_script.h"
#include "common/log.h"
#include "common/loop_redis.h"
#include "common/memory.h"
#include "hub_state.h"

enum {
    CHANGES_PER_CALL = 256,
    TURN_LEAST_MS = 20,
    REWRITE_TTL_MS = 50000, /* the longest wait: how long each has left is not kept */
    SETTLE_MS = 3000,       /* a drain puts as many leases as there are waiters */
};

struct hub_lease {
    struct hub *hub;
    struct loop_redis *link;
    struct event send_event; /* there are changes */
    struct event turn_event; /* the next turn; not while one is under way */
    int64_t turn_at;
    bool turning;
    int unanswered;
    int step_unanswered; /* until the last step of a rewrite is answered; 0: none is under way */
    int64_t since;       /* as Redis says: another one means that it lost something. 0: not known */
    struct buf changes;
    int count;
};

static void change_send(struct hub_lease *lease)
{
    if (lease->count > 0 && loop_redis_is_up(lease->link)) {
        loop_redis_send(lease->link, "EVAL %s 0 %s %b", lease_script_change,
                        lease->hub->conf->redis_prefix, lease->changes.data, lease->changes.length);
        lease->unanswered++;
    }
    buf_clear(&lease->changes);
    lease->count = 0;
}

static void on_send(evutil_socket_t fd, short what, void *argument)
{
    (void)fd;
    (void)what;
    change_send(argument);
}

/* Ends the change whose text was added last. */
static void change_end(struct hub_lease *lease)
{
    static const struct timeval at_once = {0};
    buf_add(&lease->changes, "", 1);
    if (++lease->count == CHANGES_PER_CALL)
        change_send(lease);
    else if (lease->count == 1)
        event_add(&lease->send_event, &at_once);
}

static void put(struct hub_lease *lease, const struct handoff_lease *device, int64_t ttl_ms,
                uint32_t poll_id, bool quiet)
{
    if (ttl_ms < 0)
        ttl_ms = 0; /* handed over late */
    buf_addf(&lease->changes,
             "p %" PRId64 " %" PRId64 " %d %" PRId64 " %" PRIu32 " %d %" PRId64 ":%s",
             device->user_id, ttl_ms, device->presence == PRESENCE_ACTIVE, device->seq, poll_id,
             quiet, device->session_id, device->tab);
    change_end(lease);
}

/* Polls that name no tab do not share a lease: the end of one would cut that of the others. */
static void device_of(const struct waiter *waiter, struct handoff_lease *ret_device)
{
    *ret_device = (struct handoff_lease){.user_id = waiter->user->id,
                                         .session_id = waiter->session_id,
                                         .seq = waiter->seq,
                                         .presence = waiter->presence};
    memcpy(ret_device->tab, waiter_tab(waiter), waiter->tab_size);
    if (ret_device->tab[0] == '\0')
        snprintf(ret_device->tab, sizeof ret_device->tab, "%" PRIu32, waiter->poll_id);
}

static void put_waiter(struct hub_lease *lease, const struct waiter *waiter, int64_t ttl_ms,
                       bool quiet)
{
    struct handoff_lease device;
    device_of(waiter, &device);
    if (waiter->presence != PRESENCE_NONE)
        put(lease, &device, ttl_ms, waiter->poll_id, quiet);
}

void hub_lease_put(struct hub_lease *lease, struct waiter *waiter, int64_t wait_ms)
{
    while (waiter->poll_id == 0)
        waiter->poll_id = randombytes_random();
    put_waiter(lease, waiter, wait_ms + LEASE_GRACE_MS, false);
}

void hub_lease_seen(struct hub_lease *lease, const struct handoff_lease *device, int64_t after_ms)
{
    if (device->presence != PRESENCE_NONE)
        put(lease, device, after_ms + LEASE_GRACE_MS, 0, false);
}

void hub_lease_cut(struct hub_lease *lease, const struct waiter *waiter)
{
    struct handoff_lease device;
    if (waiter->presence == PRESENCE_NONE)
        return;
    device_of(waiter, &device);
    buf_addf(&lease->changes, "c %" PRId64 " %d %" PRIu32 " %" PRId64 ":%s", waiter->user->id,
             LEASE_GRACE_MS, waiter->poll_id, waiter->session_id, device.tab);
    change_end(lease);
}

void hub_lease_drop(struct hub_lease *lease, const struct waiter *waiter)
{
    struct handoff_lease device;
    if (waiter->presence == PRESENCE_NONE)
        return;
    device_of(waiter, &device);
    buf_addf(&lease->changes, "d %" PRId64 " %" PRIu32 " %" PRId64 ":%s", waiter->user->id,
             waiter->poll_id, waiter->session_id, device.tab);
    change_end(lease);
}

/* Its poll may still wait here for a moment: it is nobody's presence any more. */
static void bye(struct hub_lease *lease, const struct handoff_lease *device)
{
    struct hub_user *user = hub_user_find(lease->hub, device->user_id);
    struct waiter *waiter;
    if (user != NULL)
        TAILQ_FOREACH (waiter, &user->waiters, of_user)
            if (waiter->session_id == device->session_id &&
                strcmp(waiter_tab(waiter), device->tab) == 0)
                waiter->presence = PRESENCE_NONE;
    buf_addf(&lease->changes, "d %" PRId64 " 0 %" PRId64 ":%s", device->user_id, device->session_id,
             device->tab);
    change_end(lease);
}

void hub_lease_take(struct hub_lease *lease, const struct handoff_lease *device)
{
    if (device->change == LEASE_SEEN) {
        if (!hub_ended_has(lease->hub, device->session_id))
            hub_lease_seen(lease, device, 0);
    } else if (device->change == LEASE_BYE) {
        bye(lease, device);
    } else {
        hub_ended_add(lease->hub, device->session_id);
        buf_addf(&lease->changes, "e %" PRId64 " %" PRId64, device->user_id, device->session_id);
        change_end(lease);
    }
}

/* One call at a time, the next when it is answered: all at once would keep Redis busy for longer
 * than a ping may take, and everybody else waiting. */
static void rewrite_step(struct hub_lease *lease)
{
    struct hub_user **next = &lease->hub->rewrite_next;
    struct waiter *waiter;
    int room = CHANGES_PER_CALL;
    change_send(lease);
    while (*next != NULL && (room == CHANGES_PER_CALL || (*next)->waiter_count <= room)) {
        room -= (*next)->waiter_count;
        TAILQ_FOREACH (waiter, &(*next)->waiters, of_user)
            put_waiter(lease, waiter, REWRITE_TTL_MS + LEASE_GRACE_MS, true);
        *next = (*next)->hh.next;
    }
    change_send(lease);
    lease->step_unanswered = *next != NULL ? lease->unanswered : 0;
}

/* All leases, from the first one on. */
static void rewrite_begin(struct hub_lease *lease)
{
    lease->hub->rewrite_next = lease->hub->users;
    rewrite_step(lease);
}

static void rewrite_end(struct hub_lease *lease)
{
    lease->hub->rewrite_next = NULL;
    lease->step_unanswered = 0;
}

void hub_lease_announce(struct hub_lease *lease, int64_t user_id, const char *state, int64_t claim,
                        const char *partners)
{
    if (!loop_redis_is_up(lease->link))
        return;
    loop_redis_send(lease->link, "EVAL %s 0 %s %lld %s %lld %s", lease_script_announce,
                    lease->hub->conf->redis_prefix, (long long)user_id, state, (long long)claim,
                    partners);
    lease->unanswered++;
}

void hub_lease_turn(struct hub_lease *lease, int after_ms)
{
    int64_t at = clock_mono_ms() + after_ms;
    const struct timeval after = {.tv_sec = after_ms / 1000, .tv_usec = after_ms % 1000 * 1000};
    if (lease->turning ||
        (event_pending(&lease->turn_event, EV_TIMEOUT, NULL) && lease->turn_at <= at))
        return;
    lease->turn_at = at;
    event_add(&lease->turn_event, &after);
}

static void on_turn(evutil_socket_t fd, short what, void *argument)
{
    struct hub_lease *lease = argument;
    (void)fd;
    (void)what;
    if (!loop_redis_is_up(lease->link) || lease->hub->ending)
        return;
    loop_redis_send(lease->link, "EVAL %s 0 %s %d", lease_script_turn,
                    lease->hub->conf->redis_prefix,
                    hub_announce_is_idle(lease->hub->announce) ? HUB_CLAIMS_MAX : 0);
    lease->unanswered++;
    lease->turning = true;
}

static void turn_done(struct hub_lease *lease, const char *text)
{
    char *rest = NULL;
    int64_t since = strtoll(text, &rest, 10);
    long after_ms = strtol(rest, NULL, 10);
    const char *lines = strchr(text, '\n');
    lease->turning = false;
    if (since != lease->since)
        rewrite_begin(lease);
    lease->since = since;
    hub_announce_claims(lease->hub->announce, lines ? lines + 1 : NULL);
    /* With claims in hand the next turn brings no others: it comes when they are announced. */
    if (!hub_announce_is_idle(lease->hub->announce) || after_ms > HUB_TURN_MS)
        after_ms = HUB_TURN_MS;
    hub_lease_turn(lease, after_ms > TURN_LEAST_MS ? (int)after_ms : TURN_LEAST_MS);
}

/* A text from a turn; from all else, how soon one is due. An error (Redis is loading, or out of
 * memory) means that something is not kept. */
static void on_answer(void *argument, const redisReply *reply)
{
    struct hub_lease *lease = argument;
    lease->unanswered--;
    bool next_step = lease->step_unanswered > 0 && --lease->step_unanswered == 0;
    if (reply->type == REDIS_REPLY_STRING) {
        turn_done(lease, reply->str);
    } else if (reply->type == REDIS_REPLY_INTEGER) {
        if (reply->integer >= 0 && reply->integer < HUB_TURN_MS)
            hub_lease_turn(lease, (int)reply->integer);
        if (next_step)
            rewrite_step(lease);
    } else if (reply->type == REDIS_REPLY_ERROR) {
        if (lease->since != 0)
            log_warn("Redis keeps no leases: %s", reply->str);
        lease->since = 0;
        lease->turning = false;
        rewrite_end(lease);
        hub_lease_turn(lease, HUB_TURN_MS);
    }
}

static void on_up(void *argument)
{
    struct hub_lease *lease = argument;
    lease->unanswered = 0;
    hub_lease_turn(lease, 0);
}

static void on_away(void *argument)
{
    struct hub_lease *lease = argument;
    lease->since = 0;
    lease->turning = false;
    lease->unanswered = 0;
    rewrite_end(lease);
    log_warn("leases are not kept: their connection to Redis is gone");
}

void hub_lease_settle(struct hub_lease *lease)
{
    int64_t until = clock_mono_ms() + SETTLE_MS;
    change_send(lease);
    while (lease->unanswered > 0 && clock_mono_ms() < until)
        if (event_base_loop(lease->hub->base, EVLOOP_ONCE) != 0)
            break;
}

struct hub_lease *hub_lease_new(struct hub *hub, const struct redis_address *address)
{
    static const struct loop_redis_calls calls = {on_up, on_away, on_answer};
    struct hub_lease *lease = memory_new(sizeof *lease);
    lease->hub = hub;
    event_assign(&lease->send_event, hub->base, -1, 0, on_send, lease);
    event_assign(&lease->turn_event, hub->base, -1, 0, on_turn, lease);
    lease->link = loop_redis_new(hub->base, address, &calls, lease);
    return lease;
}

void hub_lease_free(struct hub_lease *lease)
{
    event_del(&lease->send_event);
    event_del(&lease->turn_event);
    loop_redis_free(lease->link);
    buf_release(&lease->changes);
    free(lease);
}
