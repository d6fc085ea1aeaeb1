#include "presence.h"

#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/conf.h"
#include "common/lease_script.h"
#include "common/log.h"
#include "common/loop_redis.h"
#include "common/memory.h"
#include "notifier.h"

struct presence {
    const char *prefix;
    struct loop_redis *redis;
    int64_t known_at;                 /* when Redis last said that its leases are to be believed */
    STAILQ_HEAD(, presence_ask) asks; /* in the order of the answers to come */
};

/* "<ms left> <0|1 active> <acked seq>", one line for each device. */
static int devices_read(const char *text, int64_t now, struct policy_device *devices)
{
    int count = 0;
    while (text != NULL && count < PRESENCE_DEVICES_MAX) {
        int64_t left;
        int64_t acked;
        int active;
        if (sscanf(text, "\n%" SCNd64 " %d %" SCNd64, &left, &active, &acked) != 3)
            break;
        devices[count++] = (struct policy_device){
            .active = active != 0, .acked_seq = acked, .expires_at = now + left};
        text = strchr(text + 1, '\n');
    }
    return count;
}

/* `text`: what Redis said, NULL for nothing. */
static void tell(struct presence *presence, struct presence_ask *ask, const char *text)
{
    struct policy_device devices[PRESENCE_DEVICES_MAX];
    struct policy_presence found = {.unknown_since = presence->known_at, .devices = devices};
    int64_t now = notifier_now();
    if (text != NULL) {
        found.known = text[0] == 'k';
        found.device_count = devices_read(strchr(text, '\n'), now, devices);
    }
    if (found.known)
        presence->known_at = now;
    ask->done(ask->argument, &found);
}

static void on_up(void *argument)
{
    (void)argument;
    log_info("Redis answers");
}

/* Whoever is told may ask again, and is told at once; so only those go who stand here now. */
static void on_away(void *argument)
{
    struct presence *presence = argument;
    struct presence_ask *ask;
    log_warn("Redis is away: nobody knows who is online");
    while ((ask = STAILQ_FIRST(&presence->asks)) != NULL) {
        STAILQ_REMOVE_HEAD(&presence->asks, in_line);
        tell(presence, ask, NULL);
    }
}

static void on_answer(void *argument, const redisReply *reply)
{
    struct presence *presence = argument;
    struct presence_ask *ask = STAILQ_FIRST(&presence->asks);
    if (ask == NULL)
        return;
    STAILQ_REMOVE_HEAD(&presence->asks, in_line);
    if (reply->type == REDIS_REPLY_ERROR)
        log_warn("Redis does not tell who is online: %s", reply->str);
    tell(presence, ask, reply->type == REDIS_REPLY_STRING ? reply->str : NULL);
}

void presence_ask(struct presence *presence, struct presence_ask *ask)
{
    if (!loop_redis_is_up(presence->redis)) {
        tell(presence, ask, NULL);
        return;
    }
    STAILQ_INSERT_TAIL(&presence->asks, ask, in_line);
    loop_redis_send(presence->redis, "EVAL %s 0 %s %lld", lease_script_devices, presence->prefix,
                    (long long)ask->user_id);
}

struct presence *presence_new(struct notifier *notifier)
{
    static const struct loop_redis_calls calls = {on_up, on_away, on_answer};
    struct presence *presence = memory_new(sizeof *presence);
    presence->prefix = notifier->conf->redis_prefix;
    presence->known_at = notifier_now();
    STAILQ_INIT(&presence->asks);
    presence->redis = loop_redis_new(notifier->base, &notifier->redis, &calls, presence);
    return presence;
}

void presence_free(struct presence *presence)
{
    if (presence == NULL)
        return;
    loop_redis_free(presence->redis);
    free(presence);
}
