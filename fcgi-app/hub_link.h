/* A connection to Redis from the hub's loop. Commands go out when the socket takes them, answers
 * come back one by one in their order; nothing is kept per command, so whoever asks knows what
 * comes next (hiredis' own asynchronous interface keeps 125 bytes for each channel).
 *
 * A connection that is open proves nothing (a stopped Redis keeps its sockets), so the link pings
 * every second and gives up after half a second without an answer; then it connects anew. */
#ifndef PERCH_HUB_LINK_H
#define PERCH_HUB_LINK_H

#include <stdbool.h>

#include "common/redis.h"

struct hub;
struct hub_link;
struct redisReply;

struct hub_link_calls {
    /* The first answer has come on a new connection. */
    void (*up)(void *argument);
    /* After up() only: no answers come any more, and what was sent may not have arrived. */
    void (*away)(void *argument);
    /* An answer, or a message of a channel; freed afterwards. */
    void (*answer)(void *argument, const struct redisReply *reply);
};

/* Connects now, and again whenever Redis is away. `calls` live as long as the link. */
struct hub_link *hub_link_new(struct hub *hub, const struct redis_address *address,
                              const struct hub_link_calls *calls, void *argument);
/* Without a call. */
void hub_link_free(struct hub_link *link);

bool hub_link_is_up(const struct hub_link *link);

/* One command in hiredis' format ("%s", "%b", "%lld"). Does nothing unless the link is up. */
void hub_link_send(struct hub_link *link, const char *format, ...);

#endif
