/* Hears at once that there is something new to tell: perch-fcgi publishes on "<prefix>n", with an
 * empty text, when it has written to the outbox or to what the bot has to say. Only a hint: whoever
 * waits for it looks from time to time, too. */
#ifndef PERCH_HINT_H
#define PERCH_HINT_H

struct hint;
struct notifier;

/* heard() comes from the loop, also when Redis is back, and what was published meanwhile is lost.
 */
struct hint *hint_new(struct notifier *notifier, void (*heard)(void *argument), void *argument);
void hint_free(struct hint *hint);

#endif
