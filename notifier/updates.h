/* What people do in the bot's chats, by getUpdates: one long poll after the other, and in between
 * the updates one by one (apply.h). Where the next poll begins is PostgreSQL's to say; what another
 * notifier applied meanwhile, or a webhook brought, is not applied again. Nothing that Telegram
 * says ends this, it only waits; a poll that is open is cut when the shift ends. */
#ifndef PERCH_UPDATES_H
#define PERCH_UPDATES_H

struct notifier;
struct updates;

enum {
    UPDATES_POLL_S = 50,         /* Telegram's limit */
    UPDATES_LIMIT = 100,         /* the same */
    UPDATES_GAP_MS = 1000,       /* after an answer that came too soon to be that of a long poll */
    UPDATES_CUT_MS = 3000,       /* what cuts a poll that was open so long cuts all long ones */
    UPDATES_CONFLICT_LOG_S = 60, /* between two log lines about another poller */
};

/* Part of a shift (notifier.h). */
struct updates *updates_new(struct notifier *notifier);
/* The first poll may begin: what a webhook brought, which is older, is applied. More calls do
 * nothing. */
void updates_go(struct updates *updates);
void updates_free(struct updates *updates);

#endif
