/* Notifications: from rows of the outbox to messages in people's chats, as policy.h describes it.
 *
 * Each recipient with rows that are due is a job: read what is kept, ask for presence, decide, and
 * then either note until when to wait, or stand in the pace's line, claim, send and note the
 * answer. At most OUTBOX_JOBS_MAX at a time, so it does not matter how many rows wait. Whatever
 * fails or is cut short leaves rows that a later look finds again. */
#ifndef PERCH_OUTBOX_H
#define PERCH_OUTBOX_H

enum {
    OUTBOX_JOBS_MAX = 64,
    OUTBOX_LOOK_MS = 1000,  /* between looks, when nobody says that there is news */
    OUTBOX_GATHER_MS = 20,  /* between two looks in any case */
    OUTBOX_STALE_MS = 5000, /* a decision that waited so long for its turn, or whose clock was set
                                back, is made anew */
};

struct notifier;
struct outbox;

struct outbox *outbox_new(struct notifier *notifier);
void outbox_free(struct outbox *outbox);

/* There may be news: looks soon. */
void outbox_wake(struct outbox *outbox);

#endif
