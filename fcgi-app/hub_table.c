/* Users and waiters: who waits where, and which answer ends the wait. */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/memory.h"
#include "hub_state.h"
#include "stream.h"

enum {
    SWEEP_USERS_EXTRA = 100, /* in each step: few small looks would cost more than one */
    AFTER_SUPERSEDED_MS = 1000,
    AFTER_EVICTED_MS = 1000,
    AFTER_FULL_MS = 2000,
    STREAM_ACTIVE_PINGS = 120000 / STREAM_PING_MS,
    DRAIN_SPREAD_MIN_MS = 1000, /* at least; beyond it one millisecond per waiter */
};

struct hub_user *hub_user_find(struct hub *hub, int64_t user_id)
{
    struct hub_user *user = NULL;
    HASH_FIND(hh, hub->users, &user_id, sizeof user_id, user);
    return user;
}

static struct hub_user *user_new(struct hub *hub, int64_t user_id)
{
    struct hub_user *user = memory_new(sizeof *user);
    user->id = user_id;
    user->known = -1;
    TAILQ_INIT(&user->waiters);
    HASH_ADD(hh, hub->users, id, sizeof user->id, user);
    hub_redis_follow(hub->redis, user);
    return user;
}

void hub_user_free(struct hub *hub, struct hub_user *user)
{
    hub_user_trust(hub, user);
    hub_news_free(hub, user);
    if (hub->rewrite_next == user)
        hub->rewrite_next = user->hh.next;
    if (hub->sweep_next == user)
        hub->sweep_next = user->hh.next;
    HASH_DEL(hub->users, user);
    free(user);
}

void hub_user_doubt(struct hub *hub, struct hub_user *user)
{
    hub_user_trust(hub, user);
    user->unsure = true;
    TAILQ_INSERT_HEAD(&hub->doubted, user, in_doubt);
    hub_verify_kick(hub->verify);
}

/* Ends a wait that has been answered, or that nobody waits for any more. */
static void waiter_free(struct hub *hub, struct waiter *waiter)
{
    struct hub_user *user = waiter->user;
    /* Its next poll has a lease of its own. */
    if (waiter_tab(waiter)[0] == '\0' && !hub->ending)
        hub_lease_cut(hub->lease, waiter);
    hub_wait_remove(hub->wait, waiter);
    close(waiter->fd);
    TAILQ_REMOVE(&user->waiters, waiter, of_user);
    if (--user->waiter_count == 0) {
        user->idle_since = clock_mono_ms();
        hub_news_settle(user);
    }
    hub->waiter_count--;
    free(waiter);
}

static void waiter_answer(struct hub *hub, struct waiter *waiter, enum hub_answer answer,
                          int after_ms)
{
    hub_reply_poll(hub, waiter, answer, after_ms);
    waiter_free(hub, waiter);
}

static void waiter_refuse(struct hub *hub, struct waiter *waiter)
{
    hub_reply_unauthorized(hub, waiter);
    hub_lease_drop(hub->lease, waiter);
    waiter_free(hub, waiter);
}

void hub_waiter_gone(struct hub *hub, struct waiter *waiter)
{
    hub_lease_cut(hub->lease, waiter);
    waiter_free(hub, waiter);
}

/* One event, which ends a poll but not a stream. */
static void waiter_tell(struct hub *hub, struct waiter *waiter, const char *json, bool passing)
{
    if (hub_reply_event(hub, waiter, json, passing)) {
        waiter->seq += !passing;
        waiter->owed = false;
    } else {
        waiter_free(hub, waiter);
    }
}

/* Whoever opened it may have been active then; later it cannot say so. */
static void stream_go_on(struct hub *hub, struct waiter *waiter)
{
    hub_wait_prolong(hub->wait, waiter, clock_mono_ms() + STREAM_PING_MS);
    if (waiter->presence == PRESENCE_ACTIVE && ++waiter->pings >= STREAM_ACTIVE_PINGS)
        waiter->presence = PRESENCE_IDLE;
    hub_lease_put(hub->lease, waiter, STREAM_PING_MS);
}

void hub_waiter_due(struct hub *hub, struct waiter *waiter)
{
    if (!waiter->stream)
        waiter_answer(hub, waiter, HUB_NOTHING, 0);
    else if (hub_reply_ping(hub, waiter))
        stream_go_on(hub, waiter);
    else
        waiter_free(hub, waiter);
}

void hub_user_tell(struct hub *hub, struct hub_user *user)
{
    struct waiter *waiter;
    struct waiter *next;
    for (waiter = TAILQ_FIRST(&user->waiters); waiter != NULL; waiter = next) {
        next = TAILQ_NEXT(waiter, of_user);
        if (hub_reply_news(hub, waiter))
            waiter->owed = false;
        else
            waiter_free(hub, waiter);
    }
    hub_news_settle(user);
}

/* Makes room: an older poll of the same device's tab gives way, and so does the oldest of too many.
 */
static void make_room(struct hub *hub, struct hub_user *user, int64_t session_id, const char *tab)
{
    struct waiter *waiter;
    struct waiter *next;
    for (waiter = TAILQ_FIRST(&user->waiters); tab[0] != '\0' && waiter != NULL; waiter = next) {
        next = TAILQ_NEXT(waiter, of_user);
        if (waiter->session_id == session_id && strcmp(waiter_tab(waiter), tab) == 0)
            waiter_answer(hub, waiter, HUB_SUPERSEDED, AFTER_SUPERSEDED_MS);
    }
    while (user->waiter_count >= hub->conf->polls_per_user)
        waiter_answer(hub, TAILQ_FIRST(&user->waiters), HUB_NOTHING, AFTER_EVICTED_MS);
}

/* NULL: it cannot be watched. */
static struct waiter *waiter_new(struct hub *hub, struct hub_user *user,
                                 const struct handoff_park *park, int fd)
{
    size_t tab_size = strlen(park->tab) + 1;
    size_t id_size = strlen(park->request_id) + 1;
    struct waiter *waiter = memory_new(sizeof *waiter + tab_size + id_size);
    waiter->user = user;
    waiter->session_id = park->session_id;
    waiter->seq = park->cursor.seq;
    waiter->fd = fd;
    waiter->fcgi_id = (uint16_t)park->fcgi_id;
    waiter->presence = (uint8_t)park->presence;
    waiter->tab_size = (uint8_t)tab_size;
    waiter->stream = park->stream;
    memcpy(waiter->texts, park->tab, tab_size);
    memcpy(waiter->texts + tab_size, park->request_id, id_size);
    int64_t deadline = park->stream ? clock_mono_ms() + STREAM_PING_MS : park->deadline_ms;
    if (hub_wait_add(hub->wait, waiter, deadline) != 0) {
        free(waiter);
        return NULL;
    }
    TAILQ_INSERT_TAIL(&user->waiters, waiter, of_user);
    user->waiter_count++;
    hub->waiter_count++;
    return waiter;
}

/* For a poll that cannot wait here: it comes back later. */
static void send_home(struct hub *hub, const struct handoff_park *park, int fd, int after_ms)
{
    struct handoff_lease device = {.user_id = park->user_id,
                                   .session_id = park->session_id,
                                   .seq = park->cursor.seq,
                                   .presence = park->presence};
    memcpy(device.tab, park->tab, sizeof device.tab);
    after_ms += (int)randombytes_uniform(DRAIN_SPREAD_MIN_MS);
    hub_reply_park(hub, park, fd, after_ms);
    close(fd);
    hub_lease_seen(hub->lease, &device, after_ms);
}

void hub_park(struct hub *hub, const struct handoff_park *park, int fd)
{
    if (hub->epoch[0] == '\0')
        memcpy(hub->epoch, park->cursor.epoch, sizeof hub->epoch);
    bool other_epoch = strcmp(hub->epoch, park->cursor.epoch) != 0;
    bool full = hub->waiters_max > 0 && hub->waiter_count >= hub->waiters_max;
    if (hub->ending || other_epoch || full) {
        /* Which of the two epochs is the newer one a look will tell. */
        send_home(hub, park, fd, full ? AFTER_FULL_MS : 1);
        if (other_epoch)
            hub_verify_epoch(hub->verify);
        return;
    }
    struct hub_user *user = hub_user_find(hub, park->user_id);
    if (user == NULL)
        user = user_new(hub, park->user_id);
    make_room(hub, user, park->session_id, park->tab);
    struct waiter *waiter = waiter_new(hub, user, park, fd);
    if (waiter == NULL) {
        send_home(hub, park, fd, AFTER_FULL_MS);
        return;
    }
    hub_lease_put(hub->lease, waiter,
                  park->stream ? STREAM_PING_MS : park->deadline_ms - clock_mono_ms());
    if (hub_ended_has(hub, park->session_id))
        waiter_refuse(hub, waiter);
    else if (user->known >= 0 && user->known <= waiter->seq)
        user->known = waiter->seq; /* PostgreSQL had it, the announcement is still on its way */
    else if (user->follow != FOLLOW_ASKED && user->follow != FOLLOW_LEAVING)
        /* Nothing is known, or more than PostgreSQL said a moment ago: news, or a log put back.
         * When the subscription is not acknowledged yet, the acknowledgement brings the look. */
        hub_user_doubt(hub, user);
    hub_news_tell(hub, user);
}

static void wake_event(struct hub *hub, struct hub_user *user, const struct wake *wake)
{
    struct waiter *waiter;
    struct waiter *next;
    if (strcmp(wake->at.epoch, hub->epoch) != 0) {
        hub_user_doubt(hub, user);
        return;
    }
    if (user->known >= 0 && user->known < wake->at.seq)
        user->known = wake->at.seq;
    for (waiter = TAILQ_FIRST(&user->waiters); waiter != NULL; waiter = next) {
        next = TAILQ_NEXT(waiter, of_user);
        if (waiter->seq >= wake->at.seq)
            continue;
        if (waiter->seq + 1 < wake->at.seq || wake->json == NULL)
            waiter_answer(hub, waiter, HUB_MORE, 0);
        else
            waiter_tell(hub, waiter, wake->json, false);
    }
    hub_news_settle(user);
}

static void wake_passing(struct hub *hub, struct hub_user *user, const char *json)
{
    struct waiter *waiter;
    struct waiter *next;
    for (waiter = TAILQ_FIRST(&user->waiters); waiter != NULL; waiter = next) {
        next = TAILQ_NEXT(waiter, of_user);
        waiter_tell(hub, waiter, json, true);
    }
    hub_news_settle(user);
}

/* Also when nobody waits: a worker's word about the session may come after this. */
static void end_session(struct hub *hub, struct hub_user *user, int64_t session_id)
{
    struct waiter *waiter;
    struct waiter *next;
    hub_ended_add(hub, session_id);
    for (waiter = user ? TAILQ_FIRST(&user->waiters) : NULL; waiter != NULL; waiter = next) {
        next = TAILQ_NEXT(waiter, of_user);
        if (waiter->session_id == session_id)
            waiter_refuse(hub, waiter);
    }
}

void hub_wake(struct hub *hub, int64_t user_id, const char *text)
{
    struct wake wake;
    struct hub_user *user = hub_user_find(hub, user_id);
    if (wake_parse(text, &wake) != 0)
        log_warn("a wake-up of user %lld that is none of ours", (long long)user_id);
    else if (wake.kind == WAKE_SESSION_END)
        end_session(hub, user, wake.session_id);
    else if (user == NULL)
        return;
    else if (wake.kind == WAKE_EVENT)
        wake_event(hub, user, &wake);
    else if (wake.kind == WAKE_PASSING)
        wake_passing(hub, user, wake.json);
    else
        hub_news_add(hub, user, &wake);
}

void hub_verified(struct hub *hub, int64_t user_id, int64_t session_id, int64_t seq, bool alive)
{
    struct waiter *waiter;
    struct waiter *next;
    struct hub_user *user = hub_user_find(hub, user_id);
    if (user == NULL)
        return;
    if (seq >= 0 && seq < user->looked) {
        hub_verify_renew(hub->verify);
        return;
    }
    if (user->follow == FOLLOW_YES && user->known < seq)
        user->known = seq;
    for (waiter = TAILQ_FIRST(&user->waiters); waiter != NULL; waiter = next) {
        next = TAILQ_NEXT(waiter, of_user);
        if (waiter->session_id == session_id && (!alive || seq < 0))
            waiter_refuse(hub, waiter);
        else if (waiter->seq < seq)
            waiter_answer(hub, waiter, HUB_MORE, 0);
    }
}

void hub_epoch_changed(struct hub *hub, const char *epoch)
{
    struct hub_user *user;
    struct hub_user *next;
    if (hub->epoch[0] != '\0')
        log_warn("the database began a new epoch %s: everybody starts again", epoch);
    /* "More" sends every client to a worker, which tells it where to start. */
    HASH_ITER (hh, hub->users, user, next) {
        user->known = -1;
        user->looked = 0;
        while (!TAILQ_EMPTY(&user->waiters))
            waiter_answer(hub, TAILQ_FIRST(&user->waiters), HUB_MORE, 0);
    }
    snprintf(hub->epoch, sizeof hub->epoch, "%s", epoch);
}

static void sweep_user(struct hub *hub, struct hub_user *user, int64_t now)
{
    if (user->waiter_count > 0)
        hub_user_doubt_later(hub, user);
    else if (now - user->idle_since < HUB_FOLLOW_MS)
        return;
    else if (user->follow == FOLLOW_YES)
        hub_redis_leave(hub->redis, user);
    else if (user->follow == FOLLOW_NO)
        hub_user_free(hub, user);
}

void hub_table_sweep(struct hub *hub, int round_ms)
{
    struct hub_user *user;
    int64_t now = clock_mono_ms();
    if (hub->sweep_next == NULL && now - hub->sweep_at < round_ms)
        return;
    if (hub->sweep_next == NULL) {
        hub_ended_expire(hub, now);
        hub->sweep_next = hub->users;
        hub->sweep_at = now;
        hub->sweep_step_at = now - HUB_TICK_MS;
    }
    /* By the time and not by the steps: a loop that is late has missed some. */
    int64_t room =
        SWEEP_USERS_EXTRA + (int64_t)HASH_COUNT(hub->users) * (now - hub->sweep_step_at) / round_ms;
    hub->sweep_step_at = now;
    while (room-- > 0 && (user = hub->sweep_next) != NULL) {
        hub->sweep_next = user->hh.next;
        sweep_user(hub, user, now);
    }
    if (hub->waiter_count > 0)
        hub_verify_kick(hub->verify);
}

void hub_table_sweep_again(struct hub *hub)
{
    hub->sweep_next = NULL;
    hub->sweep_at = INT64_MIN / 2;
}

void hub_table_drain(struct hub *hub)
{
    struct hub_user *user;
    struct hub_user *next;
    uint32_t spread = DRAIN_SPREAD_MIN_MS + (uint32_t)hub->waiter_count;
    HASH_ITER (hh, hub->users, user, next) {
        while (!TAILQ_EMPTY(&user->waiters)) {
            struct waiter *waiter = TAILQ_FIRST(&user->waiters);
            int after_ms = (int)randombytes_uniform(spread);
            hub_lease_put(hub->lease, waiter, after_ms);
            waiter_answer(hub, waiter, HUB_NOTHING, after_ms);
        }
    }
}
