/* Who the bot is: asks Telegram (getMe) until it says so, and has PostgreSQL note it, for the page
 * needs the bot's name to link a chat. Asks again when the token is said to be bad, for it may be
 * good again, or Telegram mistaken. */
#ifndef PERCH_IDENTITY_H
#define PERCH_IDENTITY_H

#include "notifier.h"

struct identity;

/* From the loop, each time that Telegram and PostgreSQL know the bot, after a token was bad too. */
typedef void identity_done(void *argument, const struct notifier_bot *bot);

/* Asks now. */
struct identity *identity_new(struct notifier *notifier, identity_done *done, void *argument);
void identity_free(struct identity *identity);

/* Telegram does not know the token: asks again in NOTIFIER_PROBE_MS, unless it is at it already. */
void identity_doubt(struct identity *identity);

#endif
