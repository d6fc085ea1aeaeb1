/* Who is online, as users are shown: by the leases in Redis; whom they do not know, PostgreSQL is
 * asked about. Blocks, and never fails: nobody is online of whom nobody knows. */
#ifndef PERCH_ONLINE_H
#define PERCH_ONLINE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/store_user.h"

struct worker;

/* Each id once. */
void online_look(struct worker *worker, struct arena *arena, const int64_t *ids, int count,
                 bool *ret_online);

/* Sets `online` of each user. */
void online_look_users(struct worker *worker, struct arena *arena, struct store_user *const *users,
                       int count);
void online_look_user(struct worker *worker, struct store_user *user);

#endif
