#include "notify.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/wake.h"
#include "lease.h"
#include "render.h"
#include "worker.h"

struct notify_item {
    int64_t user_id;
    size_t offset; /* of its text */
};

void session_key(const struct worker *worker, int64_t session_id, char ret_key[SESSION_KEY_MAX])
{
    snprintf(ret_key, SESSION_KEY_MAX, "%ss:%" PRId64, worker->conf->redis_prefix, session_id);
}

/* Begins a text for `user_id`; the caller appends it to notify->texts, then calls publish(). */
static void begin(struct worker *worker, int64_t user_id)
{
    struct notify_item item = {.user_id = user_id, .offset = worker->notify.texts.length};
    buf_add(&worker->notify.items, &item, sizeof item);
    worker->notify.count++;
}

static struct notify_item item_at(const struct notify *notify, int index)
{
    struct notify_item item;
    memcpy(&item, notify->items.data + (size_t)index * sizeof item, sizeof item);
    return item;
}

static void channel_of(const struct worker *worker, int64_t user_id,
                       char ret_channel[SESSION_KEY_MAX])
{
    snprintf(ret_channel, SESSION_KEY_MAX, "%su:%" PRId64, worker->conf->redis_prefix, user_id);
}

/* Ends the text that was begun last. */
static void publish(struct worker *worker)
{
    struct notify *notify = &worker->notify;
    struct notify_item item = item_at(notify, notify->count - 1);
    char channel[SESSION_KEY_MAX];
    buf_add(&notify->texts, "", 1);
    channel_of(worker, item.user_id, channel);
    redis_add(worker->redis, "PUBLISH", channel, notify->texts.data + item.offset, NULL);
}

/* Where Redis does not take it: only the hub of this host hears it. Did it? */
static bool tell_hub(const struct worker *worker, int64_t user_id, const char *text)
{
    int hub = worker->hub_fds[user_id % worker->hub_count];
    return handoff_wake(hub, user_id, text, strlen(text)) == 0;
}

void notify_change(struct worker *worker, const struct store_change *change)
{
    for (int i = 0; i < change->wake_count; i++) {
        begin(worker, change->wakes[i].user_id);
        wake_format_event(&worker->notify.texts, change->epoch, change->wakes[i].seq,
                          change->wakes[i].event);
        publish(worker);
    }
    if (change->notify)
        notify_notifier(worker);
}

void notify_notifier(struct worker *worker)
{
    char channel[SESSION_KEY_MAX];
    snprintf(channel, sizeof channel, "%sn", worker->conf->redis_prefix);
    redis_add(worker->redis, "PUBLISH", channel, "", NULL);
}

void notify_passing(struct worker *worker, int64_t user_id, const char *json)
{
    begin(worker, user_id);
    wake_format_passing(&worker->notify.texts, json);
    publish(worker);
}

/* Where this worker notes that it told the peer. Two dialogs that share a slot forget each other;
 * Redis still knows. */
static struct notify_typing *typing_slot(struct notify *notify, int64_t user_id, int64_t peer_id)
{
    uint64_t slot = ((uint64_t)user_id * 31 + (uint64_t)peer_id) % NOTIFY_TYPING_SLOTS;
    return &notify->typing[slot];
}

/* By whom else it was told lately Redis knows: while the key is there. Where no hub hears it nobody
 * was told. */
static bool typing_publish(struct worker *worker, int64_t user_id, int64_t peer_id)
{
    static const char script[] = "if redis.call('SET', KEYS[1], '', 'PX', ARGV[1], 'NX') then "
                                 "if redis.call('PUBLISH', KEYS[2], ARGV[2]) > 0 then return 1 end "
                                 "redis.call('DEL', KEYS[1]) end";
    struct redis_value told = {0};
    struct buf text = {0};
    char key[SESSION_KEY_MAX];
    char channel[SESSION_KEY_MAX];
    char json[64];
    char ms[8];
    snprintf(json, sizeof json, "{\"type\":\"typing\",\"peer_id\":%" PRId64 "}", user_id);
    wake_format_passing(&text, json);
    snprintf(key, sizeof key, "%st:%" PRId64 ":%" PRId64, worker->conf->redis_prefix, user_id,
             peer_id);
    channel_of(worker, peer_id, channel);
    snprintf(ms, sizeof ms, "%d", NOTIFY_TYPING_MS);
    redis_add(worker->redis, "EVAL", script, "2", key, channel, ms, text.data, NULL);
    bool is_told;
    if (redis_exchange(worker->redis, &told, 1) == 0 && told.type != REDIS_FAULT)
        is_told = told.type == REDIS_NUMBER;
    else
        is_told = tell_hub(worker, peer_id, text.data);
    buf_release(&text);
    return is_told;
}

void notify_typing(struct worker *worker, int64_t user_id, int64_t peer_id)
{
    struct notify_typing *last = typing_slot(&worker->notify, user_id, peer_id);
    int64_t now = clock_mono_ms();
    if (last->user_id == user_id && last->peer_id == peer_id && now - last->at < NOTIFY_TYPING_MS)
        return;
    /* Not when it told nobody, because another worker just had: else the peer would wait for that
     * one's 3 s and for this one's. */
    if (typing_publish(worker, user_id, peer_id))
        *last = (struct notify_typing){.user_id = user_id, .peer_id = peer_id, .at = now};
}

static void session_end_one(struct worker *worker, int64_t user_id, int64_t session_id)
{
    char key[SESSION_KEY_MAX];
    char seconds[8];
    session_key(worker, session_id, key);
    snprintf(seconds, sizeof seconds, "%d", SESSION_CACHE_S);
    redis_add(worker->redis, "SET", key, SESSION_ENDED, "EX", seconds, NULL);
    begin(worker, user_id);
    wake_format_session_end(&worker->notify.texts, session_id);
    publish(worker);
    lease_tell(worker, &(struct handoff_lease){
                           .change = LEASE_END, .user_id = user_id, .session_id = session_id});
}

void notify_sessions_end(struct worker *worker, int64_t user_id, const struct store_ids *sessions)
{
    for (int i = 0; i < sessions->count; i++)
        session_end_one(worker, user_id, sessions->ids[i]);
    /* Before the reply: the caller's next request must not find the session in the cache. */
    notify_settle(worker);
}

void notify_partners(struct worker *worker, const struct store_ids *partners,
                     const struct store_user *user)
{
    struct buf event = {0};
    render_user_event(&event, user);
    for (int i = 0; i < partners->count; i++)
        notify_passing(worker, partners->ids[i], event.data);
    buf_release(&event);
}

void notify_session_alive(struct worker *worker, int64_t user_id, int64_t session_id)
{
    char key[SESSION_KEY_MAX];
    char seconds[8];
    char user[24];
    session_key(worker, session_id, key);
    snprintf(seconds, sizeof seconds, "%d", SESSION_CACHE_S);
    snprintf(user, sizeof user, "%" PRId64, user_id);
    /* NX: a fill that raced with a log-out must not cover its tombstone. */
    redis_add(worker->redis, "SET", key, user, "EX", seconds, "NX", NULL);
}

void notify_send(struct worker *worker)
{
    redis_send(worker->redis);
}

void notify_settle(struct worker *worker)
{
    struct notify *notify = &worker->notify;
    if (redis_settle(worker->redis) != 0) {
        for (int i = 0; i < notify->count; i++) {
            struct notify_item item = item_at(notify, i);
            if (!tell_hub(worker, item.user_id, notify->texts.data + item.offset))
                log_debug("a wake-up found no way; the sweep will do");
        }
    }
    buf_clear(&notify->texts);
    buf_clear(&notify->items);
    notify->count = 0;
}

void notify_release(struct notify *notify)
{
    buf_release(&notify->texts);
    buf_release(&notify->items);
}
