/* The hub: one event loop that holds every waiting poll of its users, a few hundred bytes each.
 *
 * Register first, look second: a waiter is in the table before the hub asks whether anything is
 * newer, so a message sent at that very moment is either seen by the look or announced after it.
 * Redis announces, PostgreSQL knows: what Redis fails to say is found by a look at all waiting
 * users every few seconds.
 *
 * Files: hub.c the process; hub_table.c users and waiters; hub_wait.c connections and deadlines;
 * hub_ended.c sessions that ended; hub_redis.c wake-ups; hub_verify.c looks; hub_house.c other work
 * for PostgreSQL, such as hub_clean.c; hub_lease.c who is there; hub_announce.c and hub_news.c who
 * is told; hub_reply.c bytes. */
#ifndef PERCH_HUB_H
#define PERCH_HUB_H

#include "child.h"

/* Serves until TERM, answers everybody, and returns the exit code for the process. `socket` is its
 * end of the hand-off. The signals that end it are blocked until its own handlers stand; `mask`
 * holds from then on. */
int hub_main(const struct child *child, int socket, const sigset_t *mask);

#endif
