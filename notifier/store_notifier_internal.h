/* For the notifier's store files only. */
#ifndef PERCH_STORE_NOTIFIER_INTERNAL_H
#define PERCH_STORE_NOTIFIER_INTERNAL_H

#include "common/store_internal.h"
#include "store_notifier.h"

/* NULL-terminated; store_notifier.c lists them all in store_notifier_profile. */
extern const struct pg_statement *const store_notify_statements[];
extern const struct pg_statement *const store_update_statements[];
extern const struct pg_statement *const store_webhook_statements[];

#endif
