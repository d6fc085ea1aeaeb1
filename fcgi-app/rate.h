/* Throttles: so many per window and subject, counted in Redis for all hosts together. With Redis
 * away each worker counts for itself, with a quarter of the limit. */
#ifndef PERCH_RATE_H
#define PERCH_RATE_H

#include <sodium.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/conf.h"
#include "common/redis.h"
#include "route.h"

enum { RATE_SLOTS = 1024, RATE_KEY_MAX = 128 };

/* The local counters: a slot is whoever used it last, so a collision can only be too kind to one of
 * two. */
struct rate_table {
    bool seeded;
    unsigned char seed[crypto_shorthash_KEYBYTES]; /* so that nobody can choose who collides */
    struct rate_slot {
        uint64_t subject; /* hash of the key, so of subject and window */
        int count;
    } slots[RATE_SLOTS];
};

struct rate {
    enum rate_class class;
    int limit;
    int window_s;
    int64_t window; /* number of the present one */
    int left_s;     /* until it ends */
    char key[RATE_KEY_MAX];
};

/* The counter of `subject` (an address, an account's name, a user's id) at wall time `now`. */
void rate_init(struct rate *rate, const struct conf *conf, enum rate_class class,
               const char *subject, int64_t now);

/* Queues RATE_COMMANDS commands; the first one's value is the count. */
enum { RATE_COMMANDS = 2 };
void rate_queue(const struct rate *rate, struct redis *redis);

/* Judges the count. ERR_RATE_LIMITED: wait rate->left_s. */
int rate_judge(const struct rate *rate, const struct redis_value *value)
    __attribute__((warn_unused_result));

/* Judges what Redis answered; where it did not answer (NULL), or with an error (out of memory, a
 * replica, still loading), counts locally instead. */
int rate_settle(const struct rate *rate, const struct redis_value *value, struct rate_table *table)
    __attribute__((warn_unused_result));

/* Queues the undoing of a count that was not the subject's doing. */
void rate_give_back(const struct rate *rate, struct redis *redis);

/* Counts locally. */
int rate_take_local(const struct rate *rate, struct rate_table *table)
    __attribute__((warn_unused_result));

/* All of it in one exchange, for a caller with nothing else to ask. */
int rate_take(const struct rate *rate, struct redis *redis, struct rate_table *table)
    __attribute__((warn_unused_result));

/* The subject of an address: itself, or an IPv6 address's /64. */
enum { RATE_ADDRESS_MAX = 48 };
void rate_address(const char *address, char ret_subject[RATE_ADDRESS_MAX]);

#endif
