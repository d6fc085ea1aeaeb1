/* The webhook's secret, as perch-fcgi recognises it. */
#ifndef PERCH_STORE_WEBHOOK_H
#define PERCH_STORE_WEBHOOK_H

#include "common/pg.h"

/* From now on updates are taken that come with the secret of this hash (store_telegram_hash()), and
 * none that getUpdates brought; NULL: the other way round. Tells where getUpdates went on last. */
int store_webhook_set_start(struct pg *pg, const char *hash) __attribute__((warn_unused_result));
int64_t store_webhook_offset(const struct pg_result *result);

#endif
