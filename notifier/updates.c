#include "updates.h"

#include <event2/event.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "apply.h"
#include "bot_api.h"
#include "bot_error.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/memory.h"
#include "notifier.h"
#include "update.h"

/* Once it goes, one of three: a poll is open (`call`), a batch is being applied (`batch`), or it
 * waits (`timer`) for the next poll. */
struct updates {
    struct notifier *notifier;
    struct apply *apply;
    struct event *timer;
    bool going; /* updates_go() was called */
    struct bot_call *call;
    struct json_object *batch;
    size_t next; /* of the batch */
    int64_t offset;
    int64_t polled_at; /* monotonic */
    int failures;      /* in a row */
    enum bot_verdict verdict;
    int64_t conflict_logged_at; /* monotonic */
};

static void poll_start(struct updates *updates);
static void batch_go_on(struct updates *updates);

static void wait_for(struct updates *updates, int64_t delay_ms)
{
    const struct timeval delay = {.tv_sec = delay_ms / 1000, .tv_usec = delay_ms % 1000 * 1000};
    evtimer_add(updates->timer, &delay);
}

static void on_timer(evutil_socket_t fd, short what, void *argument)
{
    (void)fd;
    (void)what;
    poll_start(argument);
}

static void log_conflict(struct updates *updates, const struct bot_reply *reply)
{
    int64_t now = clock_mono_ms();
    if (updates->conflict_logged_at != 0 &&
        now - updates->conflict_logged_at < UPDATES_CONFLICT_LOG_S * INT64_C(1000))
        return;
    updates->conflict_logged_at = now;
    log_warn("getUpdates: %s", reply->description);
}

/* Was it only cut, by a router that does not like idle connections, say? */
static bool is_cut(const struct updates *updates, enum bot_verdict verdict)
{
    return verdict == BOT_UNKNOWN && clock_mono_ms() - updates->polled_at >= UPDATES_CUT_MS;
}

/* No updates were had: the next poll is a while later. */
static void poll_failed(struct updates *updates, const struct bot_reply *reply,
                        enum bot_verdict verdict)
{
    enum bot_verdict like = verdict;
    updates->failures = updates->verdict == verdict ? updates->failures + 1 : 0;
    updates->verdict = verdict;
    if (verdict == BOT_TOKEN_BAD)
        notifier_token_bad(updates->notifier);
    else if (verdict == BOT_CONFLICT)
        log_conflict(updates, reply);
    else if (verdict != BOT_WAIT)
        like = BOT_RETRY; /* to ask again does no harm */
    if (like == BOT_RETRY && updates->failures == 0)
        log_warn("getUpdates: %s", reply->description);
    wait_for(updates, bot_error_delay_ms(like, reply, updates->failures, notifier_random()));
}

static void on_polled(void *argument, const struct bot_reply *reply)
{
    struct updates *updates = argument;
    enum bot_verdict verdict = bot_error_classify(reply);
    updates->call = NULL;
    if (is_cut(updates, verdict)) {
        wait_for(updates, UPDATES_GAP_MS);
        return;
    }
    if (verdict == BOT_OK && !json_object_is_type(reply->result, json_type_array))
        verdict = BOT_DEAD_LETTER;
    if (verdict != BOT_OK) {
        poll_failed(updates, reply, verdict);
        return;
    }
    updates->failures = 0;
    updates->verdict = BOT_OK;
    updates->batch = json_object_get(reply->result);
    updates->next = 0;
    batch_go_on(updates);
}

static void poll_start(struct updates *updates)
{
    char body[256];
    snprintf(body, sizeof body,
             "{\"offset\":%" PRId64 ",\"limit\":%d,\"timeout\":%d,\"allowed_updates\":%s}",
             updates->offset, UPDATES_LIMIT, UPDATES_POLL_S, update_kinds);
    updates->polled_at = clock_mono_ms();
    updates->call = bot_api_call(updates->notifier->api, "getUpdates", body, BOT_API_POLL_MS,
                                 on_polled, updates);
}

/* The batch is over. Where nothing of it could be applied, the same will come again. */
static void batch_end(struct updates *updates, bool moved)
{
    int64_t early = updates->polled_at + UPDATES_GAP_MS - clock_mono_ms();
    json_object_put(updates->batch);
    updates->batch = NULL;
    if (moved || early <= 0)
        poll_start(updates);
    else
        wait_for(updates, early);
}

static void on_applied(void *argument, bool astray)
{
    struct updates *updates = argument;
    updates->offset = apply_offset(updates->apply);
    if (!astray) {
        batch_go_on(updates);
        return;
    }
    /* Another notifier was faster; Telegram still has what comes after the offset. */
    json_object_put(updates->batch);
    updates->batch = NULL;
    wait_for(updates, UPDATES_GAP_MS);
}

static void batch_go_on(struct updates *updates)
{
    size_t count = json_object_array_length(updates->batch);
    bool moved = updates->next > 0;
    while (updates->next < count) {
        struct json_object *object = json_object_array_get_idx(updates->batch, updates->next++);
        if (apply_start(updates->apply, object, updates->offset, on_applied, updates) == 0)
            return;
        log_error("getUpdates: an update without an id");
    }
    batch_end(updates, moved);
}

struct updates *updates_new(struct notifier *notifier)
{
    struct updates *updates = memory_new(sizeof *updates);
    updates->notifier = notifier;
    updates->offset = notifier->bot.update_offset;
    updates->apply = apply_new(notifier);
    updates->timer = evtimer_new(notifier->base, on_timer, updates);
    return updates;
}

void updates_go(struct updates *updates)
{
    if (updates->going)
        return;
    updates->going = true;
    poll_start(updates);
}

void updates_free(struct updates *updates)
{
    if (updates == NULL)
        return;
    if (updates->call != NULL)
        bot_call_cancel(updates->call);
    apply_free(updates->apply);
    event_free(updates->timer);
    json_object_put(updates->batch);
    free(updates);
}
