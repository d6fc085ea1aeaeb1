/* Which devices of somebody are there, by their leases in Redis (common/lease_script.h). */
#ifndef PERCH_PRESENCE_H
#define PERCH_PRESENCE_H

#include <stdint.h>
#include <sys/queue.h>

#include "policy.h"

enum { PRESENCE_DEVICES_MAX = 64 }; /* twice what a user keeps */

struct notifier;
struct presence;

/* What is known of the user; borrowed for the call. */
typedef void presence_done(void *argument, const struct policy_presence *presence);

/* The caller's; must live until done(), or the end of `presence`. */
struct presence_ask {
    int64_t user_id;
    presence_done *done;
    void *argument;
    STAILQ_ENTRY(presence_ask) in_line; /* presence.c's */
};

struct presence *presence_new(struct notifier *notifier);
/* Without calling anybody. */
void presence_free(struct presence *presence);

/* done() is called once; from within this call where Redis is away, with presence unknown. Takes
 * half a second at most. */
void presence_ask(struct presence *presence, struct presence_ask *ask);

#endif
