/* Who is there: leases in Redis that end by themselves unless they are renewed.
 *
 *   "<prefix>l:<user>"   a hash. "<session>:<tab>": "<expiry> <0|1 active> <acked seq> <poll>" for
 *                        each device that polls (without a tab, for each poll by its id), where
 *                        acked seq is the position up to which it has everything; "on", "act":
 *                        until when the user is online, active; "seen": the last sign of life;
 *                        "told": the state announced last, "at" when
 *   "<prefix>leases"     a sorted set of "<user>:<session>:<tab>" by expiry
 *   "<prefix>changed"    a sorted set of users whose state is not what was told, by when to tell it
 *   "<prefix>presence"   a hash. "since": from when on all leases were kept; "beat": when a hub
 * last looked after them
 *
 * Times are milliseconds since 1970 by Redis' clock. Leases are to be believed when `since` is
 * older than 60 s, in which every device has polled again (a poll waits for 50 at most), and `beat`
 * not older than 5; otherwise presence is unknown, and nobody is taken to be offline because of it.
 *
 * Only hubs write leases (hub_lease.c), so that what one poll brings about stays in order; here is
 * what workers ask, and what they tell their hub. None of it fails: it is only a hint. */
#ifndef PERCH_LEASE_H
#define PERCH_LEASE_H

#include <stdint.h>

#include "handoff.h"

struct worker;

enum lease_state { LEASE_UNKNOWN, LEASE_OFFLINE, LEASE_IDLE, LEASE_ACTIVE };

/* Asks Redis, in one exchange. While presence is unknown only those with a live lease are known. */
void lease_look(struct worker *worker, const int64_t *ids, int count, enum lease_state *ret_states);

/* Tells the user's hub what became of a device or session. */
void lease_tell(struct worker *worker, const struct handoff_lease *lease);

#endif
