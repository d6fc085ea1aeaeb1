/* The hub's connection to Redis: one asynchronous subscription per user it follows.
 *
 * A connection that is open proves nothing (a stopped Redis keeps its sockets), so the hub asks
 * every second for an answer and gives up after half a second without one. PING cannot be used:
 * hiredis 0.14 keeps a record of every command other than (UN)SUBSCRIBE sent on a subscribed
 * connection until it closes; subscribing anew to the same channel is answered like a ping and
 * replaces its own record. That channel also keeps the connection in subscribed state for good. */
#include <hiredis/adapters/libevent.h>
#include <hiredis/async.h>
#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "common/log.h"
#include "hub_state.h"

struct hub_redis {
    struct hub *hub;
    struct redis_address address;
    redisAsyncContext *context; /* NULL while away */
    bool up;                    /* an answer has come on this connection */
    bool waiting_for_pong;
    struct event tick_event;
    unsigned tick;
    char prefix[64]; /* of users' channels */
    char ping_channel[64];
};

bool hub_redis_is_up(const struct hub_redis *redis)
{
    return redis->up;
}

/* Nobody is followed any more; what was known may have grown since. */
static void forget_all(struct hub *hub)
{
    struct hub_user *user;
    struct hub_user *next;
    HASH_ITER (hh, hub->users, user, next) {
        user->follow = FOLLOW_NO;
        user->known = -1;
    }
}

static void went_away(struct hub_redis *redis)
{
    if (redis->up && !redis->hub->ending)
        log_warn("Redis is away; looking at PostgreSQL every %d ms instead", HUB_SWEEP_ALONE_MS);
    redis->context = NULL;
    redis->up = false;
    redis->waiting_for_pong = false;
    forget_all(redis->hub);
}

static void on_connect(const redisAsyncContext *context, int status)
{
    struct hub_redis *redis = context->data;
    if (status != REDIS_OK && redis->context == context)
        went_away(redis);
}

static void on_disconnect(const redisAsyncContext *context, int status)
{
    struct hub_redis *redis = context->data;
    (void)status;
    if (redis->context == context)
        went_away(redis);
}

static void came_back(struct hub_redis *redis)
{
    struct hub_user *user;
    struct hub_user *next;
    redis->up = true;
    log_info("Redis answers");
    HASH_ITER (hh, redis->hub->users, user, next)
        hub_redis_follow(redis, user);
}

static void on_pong(redisAsyncContext *context, void *reply, void *argument)
{
    struct hub_redis *redis = argument;
    if (reply == NULL || redis->context != context)
        return;
    redis->waiting_for_pong = false;
    if (!redis->up)
        came_back(redis);
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
static void on_channel(redisAsyncContext *context, void *answer, void *argument)
{
    struct hub_redis *redis = argument;
    const redisReply *reply = answer;
    if (reply == NULL || redis->context != context || reply->type != REDIS_REPLY_ARRAY ||
        reply->elements != 3 || reply->element[1]->str == NULL ||
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
    if (!redis->up || user->follow == FOLLOW_LEAVING)
        return;
    if (redisAsyncCommand(redis->context, on_channel, redis, "SUBSCRIBE %s%lld", redis->prefix,
                          (long long)user->id) == REDIS_OK)
        user->follow = FOLLOW_ASKED;
}

void hub_redis_leave(struct hub_redis *redis, struct hub_user *user)
{
    if (redisAsyncCommand(redis->context, NULL, NULL, "UNSUBSCRIBE %s%lld", redis->prefix,
                          (long long)user->id) == REDIS_OK)
        user->follow = FOLLOW_LEAVING;
}

static void connect_now(struct hub_redis *redis)
{
    redisAsyncContext *context = redis->address.port == 0
                                     ? redisAsyncConnectUnix(redis->address.host)
                                     : redisAsyncConnect(redis->address.host, redis->address.port);
    if (context == NULL || context->err != 0 ||
        redisLibeventAttach(context, redis->hub->base) != REDIS_OK) {
        if (context != NULL)
            redisAsyncFree(context);
        return;
    }
    context->data = redis;
    redis->context = context;
    redisAsyncSetConnectCallback(context, on_connect);
    redisAsyncSetDisconnectCallback(context, on_disconnect);
}

static void drop(struct hub_redis *redis)
{
    redisAsyncContext *context = redis->context;
    went_away(redis);
    if (context != NULL)
        redisAsyncFree(context);
}

/* Every HUB_PONG_MS: a question that has no answer by the next tick means that Redis is away; a
 * quiet tick lies between an answer and the next question. */
static void on_tick(evutil_socket_t fd, short what, void *argument)
{
    struct hub_redis *redis = argument;
    (void)fd;
    (void)what;
    redis->tick++;
    if (redis->waiting_for_pong)
        drop(redis);
    if (redis->context == NULL)
        connect_now(redis);
    else if (redis->tick % (HUB_PING_MS / HUB_PONG_MS) != 0)
        return;
    if (redis->context != NULL && redisAsyncCommand(redis->context, on_pong, redis, "SUBSCRIBE %s",
                                                    redis->ping_channel) == REDIS_OK)
        redis->waiting_for_pong = true;
}

struct hub_redis *hub_redis_new(struct hub *hub, const struct redis_address *address)
{
    const struct timeval every = {.tv_usec = HUB_PONG_MS * 1000};
    struct hub_redis *redis = calloc(1, sizeof *redis);
    if (redis == NULL)
        abort();
    redis->hub = hub;
    redis->address = *address;
    snprintf(redis->prefix, sizeof redis->prefix, "%.40su:", hub->conf->redis_prefix);
    snprintf(redis->ping_channel, sizeof redis->ping_channel, "%.40sping", hub->conf->redis_prefix);
    event_assign(&redis->tick_event, hub->base, -1, EV_PERSIST, on_tick, redis);
    event_add(&redis->tick_event, &every);
    on_tick(-1, 0, redis);
    return redis;
}

void hub_redis_free(struct hub_redis *redis)
{
    event_del(&redis->tick_event);
    drop(redis);
    free(redis);
}
