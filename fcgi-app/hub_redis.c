/* Wake-ups: one subscription per user the hub follows. */
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/loop_redis.h"
#include "common/memory.h"
#include "hub_state.h"

struct hub_redis {
    struct hub *hub;
    struct loop_redis *link;
    char prefix[64]; /* of users' channels */
};

bool hub_redis_is_up(const struct hub_redis *redis)
{
    return loop_redis_is_up(redis->link);
}

/* Nobody is followed any more; what was known may have grown since. */
static void on_away(void *argument)
{
    struct hub_redis *redis = argument;
    struct hub_user *user;
    struct hub_user *next;
    log_warn("Redis is away; looking at PostgreSQL every %d ms instead", HUB_SWEEP_ALONE_MS);
    HASH_ITER (hh, redis->hub->users, user, next) {
        user->follow = FOLLOW_NO;
        user->known = -1;
    }
    hub_table_sweep_again(redis->hub); /* not at the pace it had */
}

static void on_up(void *argument)
{
    struct hub_redis *redis = argument;
    struct hub_user *user;
    struct hub_user *next;
    log_info("Redis answers");
    HASH_ITER (hh, redis->hub->users, user, next)
        hub_redis_follow(redis, user);
}

static void on_left(struct hub_redis *redis, struct hub_user *user)
{
    user->follow = FOLLOW_NO;
    user->known = -1;
    if (user->waiter_count > 0)
        hub_redis_follow(redis, user);
    else
        hub_user_free(redis->hub, user);
}

/* ["subscribe", channel, n], ["message", channel, text] or ["unsubscribe", channel, n]. */
static void on_answer(void *argument, const redisReply *reply)
{
    struct hub_redis *redis = argument;
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 3 ||
        reply->element[0]->str == NULL || reply->element[1]->str == NULL ||
        strncmp(reply->element[1]->str, redis->prefix, strlen(redis->prefix)) != 0)
        return;
    const char *kind = reply->element[0]->str;
    int64_t user_id = strtoll(reply->element[1]->str + strlen(redis->prefix), NULL, 10);
    struct hub_user *user = hub_user_find(redis->hub, user_id);
    if (user == NULL)
        return;
    if (strcmp(kind, "message") == 0 && reply->element[2]->str != NULL) {
        hub_wake(redis->hub, user_id, reply->element[2]->str);
    } else if (strcmp(kind, "subscribe") == 0) {
        user->follow = FOLLOW_YES;
        hub_user_doubt(redis->hub, user);
    } else if (strcmp(kind, "unsubscribe") == 0) {
        on_left(redis, user);
    }
}

void hub_redis_follow(struct hub_redis *redis, struct hub_user *user)
{
    if (!loop_redis_is_up(redis->link) || user->follow == FOLLOW_LEAVING)
        return;
    loop_redis_send(redis->link, "SUBSCRIBE %s%lld", redis->prefix, (long long)user->id);
    user->follow = FOLLOW_ASKED;
}

void hub_redis_leave(struct hub_redis *redis, struct hub_user *user)
{
    loop_redis_send(redis->link, "UNSUBSCRIBE %s%lld", redis->prefix, (long long)user->id);
    user->follow = FOLLOW_LEAVING;
}

struct hub_redis *hub_redis_new(struct hub *hub, const struct redis_address *address)
{
    static const struct loop_redis_calls calls = {on_up, on_away, on_answer};
    struct hub_redis *redis = memory_new(sizeof *redis);
    redis->hub = hub;
    snprintf(redis->prefix, sizeof redis->prefix, "%su:", hub->conf->redis_prefix);
    redis->link = loop_redis_new(hub->base, address, &calls, redis);
    return redis;
}

void hub_redis_free(struct hub_redis *redis)
{
    loop_redis_free(redis->link);
    free(redis);
}
