/* Retention: what is no longer needed goes, a batch at a time. */
#ifndef PERCH_STORE_CLEAN_H
#define PERCH_STORE_CLEAN_H

#include "store.h"

/* For the hub, without blocking: begins a statement that removes some events older than this, some
 * sessions that have ended and some old notifications. */
int store_clean_start(struct pg *pg, int event_days) __attribute__((warn_unused_result));

/* Is there more to do at once? */
bool store_clean_more(const struct pg_result *result);

#endif
