/* A worker's connection to Redis. Redis is a hint, never the truth: it gets REDIS_BUDGET_MS for an
 * exchange, a second try on a fresh connection, and is then left alone for REDIS_REST_MS. Whatever
 * it says or fails to say, the caller can go on. (Event loops have loop_redis.h.)
 *
 * Commands are queued with redis_add() and go out together. */
#ifndef PERCH_REDIS_H
#define PERCH_REDIS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    REDIS_BUDGET_MS = 100,
    REDIS_REST_MS = 1000,
    REDIS_ARGS_MAX = 16,
};

enum redis_type { REDIS_NIL, REDIS_NUMBER, REDIS_TEXT, REDIS_FAULT };

/* The text is whole, NUL-terminated, and the connection's until the next exchange. */
struct redis_value {
    enum redis_type type;
    int64_t number;   /* of REDIS_NUMBER */
    const char *text; /* of REDIS_TEXT and REDIS_FAULT; otherwise "" */
    size_t length;    /* of the text, which may hold NULs of its own */
};

struct redis;

/* "unix:///path", "redis://host" or "redis://host:port" -> host or path; ERR_CONFIG, logged, for
 * anything else. */
struct redis_address {
    char host[108]; /* or the path, as long as sun_path */
    int port;       /* 0: host is a path */
};
int redis_address_parse(const char *url, struct redis_address *ret_address)
    __attribute__((warn_unused_result));

/* Connects to nothing yet. */
struct redis *redis_new(const struct redis_address *address);
void redis_free(struct redis *redis);

/* Queues one command; arguments up to a NULL, copied. */
void redis_add(struct redis *redis, const char *command, ...) __attribute__((sentinel));

/* Sends what is queued and reads the values of the last `count` commands; earlier ones may have
 * been queued by somebody who wants no answer. ERR_NO_REDIS: none of them is valid. */
int redis_exchange(struct redis *redis, struct redis_value *ret_values, int count)
    __attribute__((warn_unused_result));

/* The same in two halves, for commands whose answer is looked at after other work: redis_send()
 * writes, redis_settle() reads the answers away (and repeats all on a fresh connection if need be).
 * ERR_NO_REDIS also when Redis refused a command. */
void redis_send(struct redis *redis);
int redis_settle(struct redis *redis) __attribute__((warn_unused_result));

#endif
