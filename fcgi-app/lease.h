/* Who is there, as workers ask and tell it. common/lease_script.h says what stands in Redis.
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
