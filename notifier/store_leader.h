/* The lock of the notifier that works. */
#ifndef PERCH_STORE_LEADER_H
#define PERCH_STORE_LEADER_H

#include <stdbool.h>

#include "common/pg.h"

/* For a connection of the lock's own. A server loses such a connection's client within 5 s, even
 * where its host vanished without a word. */
extern const struct pg_profile store_leader_profile;

/* Takes the lock, or says that this connection has it already; it is held until the connection
 * ends. */
int store_leader_start(struct pg *pg) __attribute__((warn_unused_result));
bool store_leader_has(const struct pg_result *result);

#endif
