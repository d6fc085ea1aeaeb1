/* What the bot says besides notifications: works off perch.telegram_says, one row of a chat after
 * the other. A row is counted in a commit before its request goes out, so that at most two requests
 * of it may end without an answer; it is gone when Telegram has it, or will never take it. */
#ifndef PERCH_SAYS_H
#define PERCH_SAYS_H

struct notifier;
struct says;

enum {
    SAYS_AT_ONCE = 32,   /* rows under way */
    SAYS_LOOK_MS = 2000, /* rows appear without a hint, too, where Redis is away */
    SAYS_NOTE_MS = 1000, /* before what Telegram said is noted again, where PostgreSQL is away */
};

/* Part of a shift (notifier.h). */
struct says *says_new(struct notifier *notifier);
void says_free(struct says *says);

/* There may be something to say: looks at once. */
void says_wake(struct says *says);

#endif
