/* Finished answers, kept in Redis and true all the same: each is kept with the version of the rows
 * it was made from, and given out only where PostgreSQL says, in the one query of that request,
 * that the version has not changed. So nothing has to be dropped, a race or a Redis that comes back
 * with yesterday's memory cannot show anything old, and without Redis every answer is made anew.
 *
 * Redis may forget what is kept whenever it likes. */
#ifndef PERCH_CACHE_H
#define PERCH_CACHE_H

#include "common/buf.h"
#include "request.h"

struct worker;

enum { CACHE_KEY_MAX = 128, CACHE_HISTORY_S = 30 * 60, CACHE_BYTES_MAX = 64 * 1024 };

struct cache_entry {
    char key[CACHE_KEY_MAX]; /* "": this answer is not kept */
    const char *version;     /* "" where nothing was found */
    const char *text;        /* Redis' own, until its next exchange */
};

/* Looks for the newest page of the caller's dialog with the peer, and keeps it for another
 * CACHE_HISTORY_S if it is there. One round trip to Redis; none where PERCH_CACHE is 0. */
void cache_history_find(const struct request *request, int64_t limit,
                        struct cache_entry *ret_entry);

/* Queues the answer to be kept, with the wake-ups; not an answer of more than CACHE_BYTES_MAX. */
void cache_keep(struct worker *worker, const struct cache_entry *entry, const char *version,
                const struct buf *text);

#endif
