/* The outbox, as the notifier works it off: the SQL side of the life of a request in policy.h.
 *
 *   store_notify_look       who has rows that are due
 *   store_notify_pending    what is kept about one of them, in the form that policy_decide() takes
 *   store_notify_wait       the decision was POLICY_WAIT or POLICY_DROP
 *   store_notify_claim      it was another one: counted before the bytes go out
 *   store_notify_told, store_notify_failed, store_notify_block      what the answer was
 *
 * A decision holds for what it was made from: a link, its settings and mutes have a `revision`, and
 * a wait or a claim decided by another one does nothing (the rows are due again at once). What is
 * given to a _start must live until the statement has ended; what it needs besides is put into
 * `arena`. What is read from a result is in the arena, too, and independent of the result. */
#ifndef PERCH_STORE_NOTIFY_H
#define PERCH_STORE_NOTIFY_H

#include "common/store.h"
#include "compose.h"
#include "policy.h"
#include "texts.h"

/* Users with rows due at `now`, whose turn is longest ago first; not those in `busy`. */
int store_notify_look_start(struct pg *pg, struct arena *arena, int64_t now,
                            const struct store_ids *busy, int limit)
    __attribute__((warn_unused_result));

struct store_notify_look {
    struct store_ids users;
    int64_t next_at; /* when somebody else's row is due (now or before: the limit cut some off),
                        INT64_MAX: there is none */
};
void store_notify_looked(struct arena *arena, const struct pg_result *result,
                         struct store_notify_look *ret_look);

struct store_notify_sender {
    int64_t user_id;
    int64_t read_upto; /* this and the next: of the window, to put it back */
    int64_t first_id;
};

struct store_notify_row {
    int64_t id;
    int failures; /* for bot_error_delay_ms() */
    bool plain;   /* Telegram found the text at fault: the short form now, or a dead letter */
};

enum { STORE_NOTIFY_ROWS_MAX = 1000 };

/* The oldest rows, by sender. */
struct store_notify_pending {
    int64_t user_id;
    int64_t revision;
    int64_t chat_id; /* 0: no link */
    int64_t chat_sent_at;
    enum texts_locale locale;
    enum compose_preview preview;
    struct policy_settings settings;
    struct policy_pending policy;              /* with rows and senders in the arena */
    const struct store_notify_sender *senders; /* as many as policy.senders */
    const struct store_notify_row *rows;       /* as many as policy.rows */
};
int store_notify_pending_start(struct pg *pg, int64_t user_id, int64_t now)
    __attribute__((warn_unused_result));
void store_notify_pending(struct arena *arena, const struct pg_result *result,
                          struct store_notify_pending *ret_pending);

/* Deletes the rows with POLICY_REMOVE; the others are not due before `at` (0: leave that). Nothing
 * is to be read from the result, here and below where no reader follows. */
int store_notify_wait_start(struct pg *pg, struct arena *arena,
                            const struct store_notify_pending *pending,
                            const enum policy_fate *fates, int64_t at)
    __attribute__((warn_unused_result));

/* Takes the rows with POLICY_TAKE, deletes those with POLICY_REMOVE and those that were read or
 * deleted meanwhile. The request has to begin as soon as the result is in, or store_notify_failed()
 * has to say STORE_NOTIFY_BACK. */
int store_notify_claim_start(struct pg *pg, struct arena *arena,
                             const struct store_notify_pending *pending,
                             const enum policy_fate *fates, const struct policy_decision *decision,
                             int64_t now) __attribute__((warn_unused_result));

struct store_notify_claim {
    int sender_count;                     /* 0: nothing is to be sent */
    const struct compose_sender *senders; /* for compose_write(); the oldest row's first */
    const int64_t *sender_ids;
    const char *rows; /* what was claimed, for the calls below */
    int failures;     /* the most of its rows */
    bool plain;       /* one of its rows is */
};
void store_notify_claim(struct arena *arena, const struct pg_result *result,
                        struct store_notify_claim *ret_claim);

/* Telegram has it, as `message_id` (an edit: the window's). */
int store_notify_told_start(struct pg *pg, const struct store_notify_pending *pending,
                            const struct store_notify_claim *claim, int64_t message_id, int64_t now)
    __attribute__((warn_unused_result));

enum store_notify_outcome {
    STORE_NOTIFY_BACK,  /* as if it had never been claimed: nothing went out, or the token is bad */
    STORE_NOTIFY_AGAIN, /* once more at retry_at; a failure is counted */
    STORE_NOTIFY_SHORTEN, /* once more at once, plain */
    STORE_NOTIFY_WAIT,    /* 429: nothing to this chat before retry_at; no failure */
    STORE_NOTIFY_DEAD,    /* a dead letter, for `reason` */
};

struct store_notify_failure {
    enum store_notify_outcome outcome;
    int64_t retry_at;     /* AGAIN, WAIT */
    int64_t bot_retry_at; /* WAIT: nothing to anybody before; 0: others go on */
    bool edit_gone;       /* the message to edit is not there any more: the next one is a new one */
    const char *reason;   /* DEAD: for whoever looks at it, without the token */
};

/* There was an answer, and not a good one: the windows are what they were before the claim. No
 * answer at all needs no call. */
int store_notify_failed_start(struct pg *pg, struct arena *arena,
                              const struct store_notify_pending *pending,
                              const struct store_notify_claim *claim,
                              const struct store_notify_failure *failure, int64_t now)
    __attribute__((warn_unused_result));

/* The chat takes nothing any more: its link is marked, and nothing waits for it. The result has
 * wake-ups (store_notifier.h). */
int store_notify_block_start(struct pg *pg, int64_t chat_id, int64_t now)
    __attribute__((warn_unused_result));

#endif
