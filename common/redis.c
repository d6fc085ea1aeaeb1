#include "redis.h"

#include <hiredis/hiredis.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "buf.h"
#include "clock.h"
#include "err.h"
#include "log.h"
#include "memory.h"

struct redis {
    struct redis_address address;
    redisContext *context;
    int64_t rest_until; /* monotonic */
    struct buf queue;   /* commands in wire form, kept until they were answered */
    struct arena texts; /* of the last exchange's values */
    int queued;
    bool written; /* the queue has been written to `context` */
    bool refused; /* one of the last answers was an error */
};

int redis_address_parse(const char *url, struct redis_address *ret_address)
{
    struct redis_address address = {.port = 6379};
    if (strncmp(url, "unix://", 7) == 0 && url[7] == '/' && strlen(url + 7) < sizeof address.host) {
        snprintf(address.host, sizeof address.host, "%s", url + 7);
        address.port = 0;
    } else {
        int used = 0;
        int fields =
            sscanf(url, "redis://%100[^:/@]%n:%d%n", address.host, &used, &address.port, &used);
        if (fields < 1 || url[used] != '\0' || address.port < 1 || address.port > 65535) {
            log_error("PERCH_REDIS_URL: use unix:///path or redis://host:port");
            return ERR_CONFIG;
        }
    }
    *ret_address = address;
    return 0;
}

struct redis *redis_new(const struct redis_address *address)
{
    struct redis *redis = memory_new(sizeof *redis);
    redis->address = *address;
    arena_init(&redis->texts);
    return redis;
}

void redis_free(struct redis *redis)
{
    if (redis == NULL)
        return;
    redisFree(redis->context);
    buf_release(&redis->queue);
    arena_release(&redis->texts);
    free(redis);
}

void redis_add(struct redis *redis, const char *command, ...)
{
    const char *argv[REDIS_ARGS_MAX] = {command};
    int argc = 1;
    va_list arguments;
    va_start(arguments, command);
    for (const char *argument;
         argc < REDIS_ARGS_MAX && (argument = va_arg(arguments, const char *)) != NULL;)
        argv[argc++] = argument;
    va_end(arguments);
    char *wire = NULL;
    long long length = redisFormatCommandArgv(&wire, argc, argv, NULL);
    if (length < 0)
        memory_out("a command for Redis");
    buf_add(&redis->queue, wire, (size_t)length);
    redisFreeCommand(wire);
    redis->queued++;
}

static void redis_drop(struct redis *redis)
{
    redisFree(redis->context);
    redis->context = NULL;
    redis->written = false;
}

static bool redis_connect(struct redis *redis)
{
    const struct timeval budget = {.tv_usec = REDIS_BUDGET_MS * 1000};
    redis->context =
        redis->address.port == 0
            ? redisConnectUnixWithTimeout(redis->address.host, budget)
            : redisConnectWithTimeout(redis->address.host, redis->address.port, budget);
    if (redis->context != NULL && redis->context->err == 0 &&
        redisSetTimeout(redis->context, budget) == REDIS_OK)
        return true;
    redis_drop(redis);
    return false;
}

static bool redis_write(struct redis *redis)
{
    int done = 0;
    if (redis->context == NULL && !redis_connect(redis))
        return false;
    if (redisAppendFormattedCommand(redis->context, redis->queue.data, redis->queue.length) !=
        REDIS_OK)
        return false;
    while (!done)
        if (redisBufferWrite(redis->context, &done) != REDIS_OK)
            return false;
    redis->written = true;
    return true;
}

static struct redis_value redis_value_of(struct redis *redis, const redisReply *reply)
{
    struct redis_value value = {.type = REDIS_NIL, .text = ""};
    if (reply->type == REDIS_REPLY_INTEGER) {
        value.type = REDIS_NUMBER;
        value.number = reply->integer;
    } else if (reply->type != REDIS_REPLY_NIL && reply->str != NULL) {
        value.type = reply->type == REDIS_REPLY_ERROR ? REDIS_FAULT : REDIS_TEXT;
        value.length = (size_t)reply->len;
        value.text = arena_copy(&redis->texts, reply->str, value.length);
    }
    return value;
}

static bool redis_read(struct redis *redis, struct redis_value *ret_values, int count)
{
    redis->refused = false;
    arena_reset(&redis->texts);
    for (int i = 0; i < redis->queued; i++) {
        void *reply = NULL;
        if (redisGetReply(redis->context, &reply) != REDIS_OK || reply == NULL)
            return false;
        redis->refused |= ((redisReply *)reply)->type == REDIS_REPLY_ERROR;
        int place = i - (redis->queued - count);
        if (place >= 0)
            ret_values[place] = redis_value_of(redis, reply);
        freeReplyObject(reply);
    }
    return true;
}

void redis_send(struct redis *redis)
{
    if (redis->queued > 0 && !redis->written && clock_mono_ms() >= redis->rest_until &&
        !redis_write(redis))
        redis_drop(redis);
}

int redis_exchange(struct redis *redis, struct redis_value *ret_values, int count)
{
    bool done = redis->queued == 0;
    if (!done && clock_mono_ms() >= redis->rest_until) {
        for (int attempt = 0; attempt < 2 && !done; attempt++) {
            done = (redis->written || redis_write(redis)) && redis_read(redis, ret_values, count);
            if (!done)
                redis_drop(redis);
        }
        if (!done) {
            log_warn("Redis does not answer; going on without it");
            redis->rest_until = clock_mono_ms() + REDIS_REST_MS;
        }
    }
    buf_clear(&redis->queue);
    redis->queued = 0;
    redis->written = false;
    return done ? 0 : ERR_NO_REDIS;
}

int redis_settle(struct redis *redis)
{
    redis->refused = false;
    int err = redis_exchange(redis, NULL, 0);
    if (err == 0 && redis->refused) {
        /* Loading, out of memory, or a replica now: another connection may find another Redis. */
        log_warn("Redis refused a command; going on without it");
        redis_drop(redis);
        err = ERR_NO_REDIS;
    }
    return err;
}
