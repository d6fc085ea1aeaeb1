/* A connection to Redis from an event loop. Commands go out when the socket takes them, answers
 * come back one by one in their order; nothing is kept per command, so whoever asks knows what
 * comes next (hiredis' own asynchronous interface keeps 125 bytes for each channel).
 *
 * A connection that is open proves nothing (a stopped Redis keeps its sockets), so the link pings
 * every second and gives up after half a second without an answer; then it connects anew. */
#ifndef PERCH_LOOP_REDIS_H
#define PERCH_LOOP_REDIS_H

#include <stdbool.h>

#include "redis.h"

enum {
    LOOP_REDIS_PING_MS = 1000,
    LOOP_REDIS_PONG_MS = 500,
};

struct event_base;
struct loop_redis;
struct redisReply;

struct loop_redis_calls {
    /* The first answer has come on a new connection. */
    void (*up)(void *argument);
    /* After up() only: no answers come any more, and what was sent may not have arrived. */
    void (*away)(void *argument);
    /* An answer, or a message of a channel; freed afterwards. */
    void (*answer)(void *argument, const struct redisReply *reply);
};

/* Connects now, and again whenever Redis is away. `base` and `calls` must outlive it. The process
 * ignores SIGPIPE. */
struct loop_redis *loop_redis_new(struct event_base *base, const struct redis_address *address,
                                  const struct loop_redis_calls *calls, void *argument);
/* Without a call. */
void loop_redis_free(struct loop_redis *link);

bool loop_redis_is_up(const struct loop_redis *link);

/* One command in hiredis' format ("%s", "%b", "%lld"). Does nothing unless the link is up. */
void loop_redis_send(struct loop_redis *link, const char *format, ...);

#endif
