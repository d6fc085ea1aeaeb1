#include "loop_redis.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <hiredis/hiredis.h>
#include <stdarg.h>
#include <stdlib.h>
#include <strings.h>

#include "clock.h"
#include "memory.h"

struct loop_redis {
    struct event_base *base;
    struct redis_address address;
    const struct loop_redis_calls *calls;
    void *argument;
    redisContext *context; /* NULL while away */
    bool up;               /* an answer has come on this connection */
    bool waiting_for_pong;
    unsigned tick;
    int64_t ticked_at; /* monotonic */
    struct event read_event;
    struct event write_event;
    struct event tick_event;
};

bool loop_redis_is_up(const struct loop_redis *link)
{
    return link->up;
}

static void disconnect(struct loop_redis *link)
{
    bool was_up = link->up;
    if (link->context == NULL)
        return;
    event_del(&link->read_event);
    event_del(&link->write_event);
    redisFree(link->context);
    link->context = NULL;
    link->up = false;
    link->waiting_for_pong = false;
    if (was_up)
        link->calls->away(link->argument);
}

static void on_writable(evutil_socket_t fd, short what, void *argument)
{
    struct loop_redis *link = argument;
    int done = 0;
    (void)fd;
    (void)what;
    if (redisBufferWrite(link->context, &done) != REDIS_OK)
        disconnect(link);
    else if (!done)
        event_add(&link->write_event, NULL);
}

/* Its form depends on whether the connection is subscribed to anything. */
static bool is_pong(const redisReply *reply)
{
    if (reply->type == REDIS_REPLY_ARRAY && reply->elements == 2)
        reply = reply->element[0];
    return (reply->type == REDIS_REPLY_STATUS || reply->type == REDIS_REPLY_STRING) &&
           strcasecmp(reply->str, "pong") == 0;
}

/* Whatever it says, it lives: a pong may stand in line behind many answers. */
static void take(struct loop_redis *link, const redisReply *reply)
{
    bool pong = is_pong(reply);
    if (!pong && !link->up)
        return; /* an error: it is loading, say */
    link->waiting_for_pong = false;
    if (!link->up) {
        link->up = true;
        link->calls->up(link->argument);
    } else if (!pong) {
        link->calls->answer(link->argument, reply);
    }
}

static void on_readable(evutil_socket_t fd, short what, void *argument)
{
    struct loop_redis *link = argument;
    void *reply = NULL;
    int status = redisBufferRead(link->context);
    (void)fd;
    (void)what;
    while (status == REDIS_OK &&
           (status = redisReaderGetReply(link->context->reader, &reply)) == REDIS_OK &&
           reply != NULL) {
        take(link, reply);
        freeReplyObject(reply);
    }
    if (status != REDIS_OK)
        disconnect(link);
}

static void ping(struct loop_redis *link)
{
    link->waiting_for_pong = true;
    if (redisAppendCommand(link->context, "PING") == REDIS_OK)
        event_add(&link->write_event, NULL);
}

static void connect_now(struct loop_redis *link)
{
    redisContext *context = link->address.port == 0
                                ? redisConnectUnixNonBlock(link->address.host)
                                : redisConnectNonBlock(link->address.host, link->address.port);
    if (context == NULL || context->err != 0) {
        redisFree(context);
        return;
    }
    link->context = context;
    event_assign(&link->read_event, link->base, context->fd, EV_READ | EV_PERSIST, on_readable,
                 link);
    event_assign(&link->write_event, link->base, context->fd, EV_WRITE, on_writable, link);
    event_add(&link->read_event, NULL);
    ping(link);
}

/* Every LOOP_REDIS_PONG_MS: a ping that has no answer by the next tick means that Redis is away; a
 * quiet tick lies between an answer and the next ping. A tick that is itself late proves nothing:
 * the answer may lie in the socket, or the ping has not left yet. */
static void on_tick(evutil_socket_t fd, short what, void *argument)
{
    struct loop_redis *link = argument;
    (void)fd;
    (void)what;
    int64_t now = clock_mono_ms();
    bool late = now - link->ticked_at >= 2 * LOOP_REDIS_PONG_MS;
    link->ticked_at = now;
    link->tick++;
    if (link->waiting_for_pong && late)
        return;
    if (link->waiting_for_pong)
        disconnect(link);
    if (link->context == NULL)
        connect_now(link);
    else if (link->tick % (LOOP_REDIS_PING_MS / LOOP_REDIS_PONG_MS) == 0)
        ping(link);
}

void loop_redis_send(struct loop_redis *link, const char *format, ...)
{
    va_list arguments;
    if (!link->up)
        return;
    va_start(arguments, format);
    if (redisvAppendCommand(link->context, format, arguments) != REDIS_OK)
        memory_out("a command for Redis");
    va_end(arguments);
    event_add(&link->write_event, NULL);
}

struct loop_redis *loop_redis_new(struct event_base *base, const struct redis_address *address,
                                  const struct loop_redis_calls *calls, void *argument)
{
    static const struct timeval every = {.tv_usec = LOOP_REDIS_PONG_MS * 1000};
    struct loop_redis *link = memory_new(sizeof *link);
    link->base = base;
    link->address = *address;
    link->calls = calls;
    link->argument = argument;
    event_assign(&link->tick_event, base, -1, EV_PERSIST, on_tick, link);
    event_add(&link->tick_event, &every);
    link->ticked_at = clock_mono_ms();
    connect_now(link);
    return link;
}

void loop_redis_free(struct loop_redis *link)
{
    if (link == NULL)
        return;
    event_del(&link->tick_event);
    link->up = false;
    disconnect(link);
    free(link);
}
