/* Finished answers, kept in Redis and true all the same.
 *
 *   "<prefix>h:<user>:<peer>"    the newest page of a dialog, with the version of the rows it was
 *                                made from. It is given out only where PostgreSQL says, in the one
 *                                query of that request, that the version has not changed: so
 *                                nothing has to be dropped, and no race and no Redis with
 *                                yesterday's memory can show anything old. Only a page of the usual
 *                                size, and with something on it: nobody can fill Redis by asking
 *   "<prefix>ul:<sort>:<limit>"  the first page of the list of people (user_page.h), with the
 *                                version of all people from before PostgreSQL was asked
 *   "<prefix>users"              that version: random, and another one after every commit that
 *                                changes whom the list shows or under which names
 *
 * A kept list is given out without asking PostgreSQL. Should a worker or Redis die between the
 * commit and the new version, the list is old for as long as it is kept: CACHE_USERS_S at most.
 * last_seen_at, which changes all the time, may be that old in any case; who is online never is.
 *
 * Redis may forget what is kept whenever it likes; without Redis every answer is made anew. */
#ifndef PERCH_CACHE_H
#define PERCH_CACHE_H

#include "common/buf.h"
#include "common/store_user.h"
#include "request.h"

struct worker;

enum {
    CACHE_KEY_MAX = 128,
    CACHE_HISTORY_S = 30 * 60,
    CACHE_HISTORY_LIMIT = 50, /* messages; what a page has unless it is asked for otherwise */
    CACHE_USERS_S = 10,
    CACHE_BYTES_MAX = 64 * 1024
};

struct cache_entry {
    char key[CACHE_KEY_MAX]; /* "": this answer is not kept */
    int seconds;             /* for how long */
    const char *version; /* history: of the text, "" where there is none; users: the present one */
    const char *text;    /* NULL: nothing was found */
};

/* Looks for the newest page of the caller's dialog with the peer, and keeps it for another
 * CACHE_HISTORY_S if it is there; the text is Redis' own until its next exchange. One round trip to
 * Redis; none where PERCH_CACHE is 0. */
void cache_history_find(const struct request *request, int64_t limit,
                        struct cache_entry *ret_entry);

/* The same for the first page of the list of people; the text is the request's. Before PostgreSQL
 * is asked for it. */
void cache_users_find(const struct request *request, enum store_user_sort sort, int64_t limit,
                      struct cache_entry *ret_entry);

/* Queues the answer to be kept, with the wake-ups; not an answer of more than CACHE_BYTES_MAX. */
void cache_keep(struct worker *worker, const struct cache_entry *entry, const char *version,
                const struct buf *text);

/* Queues that kept lists of people count no more: once somebody has come, gone or changed a name.
 */
void cache_users_change(struct worker *worker);

#endif
