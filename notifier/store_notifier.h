/* What the notifier's connections have in common: their statements, the bot, the wake-ups that its
 * mutations bring, and what an operator wants to know. No function of notifier/store_*.h blocks:
 * `_start` begins a statement for loop_pg_start(), and what reads its result comes after. Times are
 * milliseconds since 1970 by the notifier's own clock, 0 where nothing happened yet, INT64_MAX for
 * ever. */
#ifndef PERCH_STORE_NOTIFIER_H
#define PERCH_STORE_NOTIFIER_H

#include "common/store.h"

/* For pg_new() and loop_pg_new(), as the role perch_notifier. */
extern const struct pg_profile store_notifier_profile;

/* Notes what getMe said (0 and NULL: there is no bot any more), and tells where getUpdates goes on.
 * Another bot begins at 0. `username` without "@". */
int store_notifier_bot_start(struct pg *pg, int64_t bot_id, const char *username)
    __attribute__((warn_unused_result));
int64_t store_notifier_bot_offset(const struct pg_result *result);

/* The status of what returns SETOF perch.change ("" without a row), borrowed from the result. */
const char *store_notifier_status(const struct pg_result *result);

/* A wake-up that the mutation brings. Borrowed from the result. */
struct store_notifier_wake {
    const char *epoch;
    struct store_wake wake;
};

/* False: the row has none. */
bool store_notifier_wake(const struct pg_result *result, int row,
                         struct store_notifier_wake *ret_wake);

/* How much there is, and since when the oldest of it. */
struct store_notifier_counts {
    int64_t outbox;
    int64_t outbox_oldest_at;
    int64_t says;
    int64_t says_oldest_at;
    int64_t dead;
    int64_t updates; /* in the webhook's inbox, not applied yet */
};

int store_notifier_counts_start(struct pg *pg) __attribute__((warn_unused_result));
void store_notifier_counted(const struct pg_result *result,
                            struct store_notifier_counts *ret_counts);

/* A notification that Telegram would refuse every time. Names are NULL for accounts that are gone.
 */
struct store_notifier_dead {
    int64_t id;
    int64_t message_id;
    int64_t sender_id;
    const char *sender;
    int64_t recipient_id;
    const char *recipient;
    int64_t created_at; /* when the message was sent */
    int64_t died_at;
    const char *reason; /* what Telegram said */
};

/* Newest first, with an id below `before` (INT64_MAX: from the newest). Texts are borrowed from the
 * result. */
int store_notifier_dead_start(struct pg *pg, int64_t before, int limit)
    __attribute__((warn_unused_result));
void store_notifier_dead(const struct pg_result *result, int row,
                         struct store_notifier_dead *ret_dead);

/* Puts a dead letter (0: all of them) back into the outbox, as if its message were sent now; what
 * was read or deleted since, or has no live link, is only removed. Tells how many were put back and
 * how many removed; both 0: there is none of this id. */
int store_notifier_redrive_start(struct pg *pg, int64_t id, int64_t now)
    __attribute__((warn_unused_result));
void store_notifier_redriven(const struct pg_result *result, int64_t *ret_queued,
                             int64_t *ret_removed);

#endif
