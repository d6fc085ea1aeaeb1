/* Looks at PostgreSQL for all users in doubt at once, one query at a time, never blocking the loop.
 */
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/loop_pg.h"
#include "common/memory.h"
#include "common/store.h"
#include "common/store_event.h"
#include "hub_state.h"

enum { LOOK_USERS_MAX = 500 };

struct hub_verify {
    struct hub *hub;
    struct loop_pg *pg;
    struct event retry;  /* after a failure, or soon after a kick */
    bool epoch_doubt;    /* wants a look even if nobody waits */
    bool renew;          /* wants a new epoch first */
    bool renewing;       /* that statement is running */
    struct buf user_ids; /* of the running query */
    struct buf session_ids;
};

static void again_after(struct hub_verify *verify, int after_ms)
{
    const struct timeval after = {.tv_sec = after_ms / 1000, .tv_usec = after_ms % 1000 * 1000};
    if (!event_pending(&verify->retry, EV_TIMEOUT, NULL))
        event_add(&verify->retry, &after);
}

static void add_pair(struct hub_verify *verify, int64_t user_id, int64_t session_id)
{
    const char *separator = verify->user_ids.length == 0 ? "{" : ",";
    buf_adds(&verify->user_ids, separator);
    buf_addi(&verify->user_ids, user_id);
    buf_adds(&verify->session_ids, separator);
    buf_addi(&verify->session_ids, session_id);
}

/* The user's waiting sessions. */
static void add_user(struct hub_verify *verify, struct hub_user *user)
{
    struct waiter *waiter;
    int64_t last_session = 0;
    user->looked = user->known;
    TAILQ_FOREACH (waiter, &user->waiters, of_user) {
        if (user->looked < waiter->seq)
            user->looked = waiter->seq;
        if (waiter->session_id != last_session)
            add_pair(verify, user->id, waiter->session_id);
        last_session = waiter->session_id;
    }
}

/* Writes down who is in doubt and takes the doubt from them: whoever comes later is a later look's,
 * and so are those beyond LOOK_USERS_MAX, or a look at tens of thousands would take megabytes. */
static bool collect(struct hub_verify *verify)
{
    struct hub *hub = verify->hub;
    buf_clear(&verify->user_ids);
    buf_clear(&verify->session_ids);
    for (int count = 0; count < LOOK_USERS_MAX && !TAILQ_EMPTY(&hub->doubted);) {
        struct hub_user *user = TAILQ_FIRST(&hub->doubted);
        hub_user_trust(hub, user);
        add_user(verify, user);
        count += user->waiter_count > 0;
    }
    /* Nobody has id 0, but every answer carries the epoch. */
    if (verify->epoch_doubt && verify->user_ids.length == 0)
        add_pair(verify, 0, 0);
    verify->epoch_doubt = false;
    buf_adds(&verify->user_ids, "}");
    buf_adds(&verify->session_ids, "}");
    return verify->user_ids.length > 1;
}

/* The answers did not come: everybody who waits is in doubt again. */
static void failed(struct hub_verify *verify)
{
    struct hub_user *user;
    struct hub_user *next;
    HASH_ITER (hh, verify->hub->users, user, next)
        if (user->waiter_count > 0)
            hub_user_doubt_later(verify->hub, user);
    again_after(verify, HUB_SWEEP_ALONE_MS);
}

static void take(struct hub_verify *verify, const struct pg_result *result)
{
    for (int row = 0; row < result->rows; row++) {
        struct store_verified seen;
        store_event_verified(result, row, &seen);
        if (strcmp(seen.epoch, verify->hub->epoch) != 0)
            hub_epoch_changed(verify->hub, seen.epoch);
        hub_verified(verify->hub, seen.user_id, seen.session_id, seen.seq, seen.alive);
    }
}

static void on_done(void *argument, int err, const struct pg_result *result)
{
    struct hub_verify *verify = argument;
    if (err != 0) {
        failed(verify);
        return;
    }
    if (verify->renewing)
        hub_verify_epoch(verify);
    else
        take(verify, result);
    hub_verify_kick(verify);
}

static int begin(struct pg *pg, void *argument)
{
    const struct hub_verify *verify = argument;
    if (verify->renewing)
        return store_event_renew_start(pg, verify->hub->epoch);
    return store_event_verify_start(pg, verify->user_ids.data, verify->session_ids.data);
}

static void start(struct hub_verify *verify)
{
    if (!loop_pg_is_idle(verify->pg) || verify->hub->ending || !(verify->renew || collect(verify)))
        return;
    verify->renewing = verify->renew;
    verify->renew = false;
    loop_pg_start(verify->pg, begin, on_done, verify);
}

static void on_retry(evutil_socket_t fd, short what, void *argument)
{
    (void)fd;
    (void)what;
    start(argument);
}

/* From the loop's next turn, so that doubts that come together go into one query. */
void hub_verify_kick(struct hub_verify *verify)
{
    if (loop_pg_is_idle(verify->pg))
        again_after(verify, 0);
}

void hub_verify_epoch(struct hub_verify *verify)
{
    verify->epoch_doubt = true;
    hub_verify_kick(verify);
}

void hub_verify_renew(struct hub_verify *verify)
{
    if (!verify->renew)
        log_warn("the log went back behind what was known: asking for a new epoch");
    verify->renew = true;
    hub_verify_kick(verify);
}

struct hub_verify *hub_verify_new(struct hub *hub)
{
    struct hub_verify *verify = memory_new(sizeof *verify);
    verify->hub = hub;
    verify->pg = loop_pg_new(hub->base, hub->conf->database_url, "perch-hub", &store_profile);
    event_assign(&verify->retry, hub->base, -1, 0, on_retry, verify);
    return verify;
}

void hub_verify_free(struct hub_verify *verify)
{
    event_del(&verify->retry);
    loop_pg_free(verify->pg);
    buf_release(&verify->user_ids);
    buf_release(&verify->session_ids);
    free(verify);
}
