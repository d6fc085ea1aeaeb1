/* The webhook's secret, as perch-fcgi recognises it. */
#ifndef PERCH_STORE_WEBHOOK_H
#define PERCH_STORE_WEBHOOK_H

#include "common/pg.h"

/* Updates that come with the secret of this hash (store_telegram_hash()) are taken from now on;
 * NULL: none are. The result is empty. */
int store_webhook_set_start(struct pg *pg, const char *hash) __attribute__((warn_unused_result));

#endif
