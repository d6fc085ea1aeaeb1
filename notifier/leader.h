/* Which notifier works: the one that holds an advisory lock of PostgreSQL, on a connection of its
 * own. All others stand by and try every LEADER_LOOK_MS.
 *
 * The lock is the connection's: it is gone when the holder dies or its connection breaks, and the
 * holder hears of that from the socket, at once. It also looks every LEADER_LOOK_MS, so that a
 * server that says nothing any more is noticed. For a moment, between the server's letting go and
 * the socket's telling, two may believe that they lead; every claim of a row is a transaction, so
 * they cannot send one twice. */
#ifndef PERCH_LEADER_H
#define PERCH_LEADER_H

enum { LEADER_LOOK_MS = 2000 };

struct event_base;
struct leader;

/* In turns, beginning with gained(). */
struct leader_calls {
    void (*gained)(void *argument);
    void (*lost)(void *argument);
};

/* Both calls come from the loop. Everything given must outlive it. */
struct leader *leader_new(struct event_base *base, const char *database_url,
                          const struct leader_calls *calls, void *argument);
/* Gives the lock back, without a call. */
void leader_free(struct leader *leader);

#endif
