/* Where updates come from. With PERCH_TELEGRAM_WEBHOOK=1 Telegram sends them to perch-fcgi, which
 * puts them into an inbox in PostgreSQL; here Telegram is told so, and the inbox is worked off, the
 * oldest first (apply.h). Else Telegram is told that nothing is to be sent, for it lets nobody poll
 * before (updates.h); what is left in the inbox is applied all the same.
 *
 * The secret that Telegram sends along is made of the bot's token, so that every notifier tells the
 * same one and there is nothing to configure; PostgreSQL, and so perch-fcgi, knows its hash. */
#ifndef PERCH_WEBHOOK_H
#define PERCH_WEBHOOK_H

struct conf;
struct notifier;
struct webhook;

enum {
    WEBHOOK_LOOK_MS = 2000, /* should a hint get lost */
    WEBHOOK_RETRY_MS = 60 * 1000,
    WEBHOOK_CONNECTIONS = 1, /* that Telegram may open at a time: so updates come in their order */
    WEBHOOK_LIMIT = 100,     /* updates that are read at a time */
};

/* Whether the settings can work; ERR_CONFIG, logged: there is no PERCH_PUBLIC_URL. */
int webhook_check(const struct conf *conf) __attribute__((warn_unused_result));

/* Part of a shift (notifier.h). */
struct webhook *webhook_new(struct notifier *notifier);
void webhook_free(struct webhook *webhook);

/* Something may be in the inbox: a hint. */
void webhook_wake(struct webhook *webhook);

#endif
