/* What an answer of the Bot API means for the request, and how soon to ask again. Pure. */
#ifndef PERCH_BOT_ERROR_H
#define PERCH_BOT_ERROR_H

#include <stdint.h>

struct bot_reply;

enum bot_verdict {
    BOT_OK,
    BOT_WAIT,      /* too many: wait as long as it says; no attempt is spent */
    BOT_TOKEN_BAD, /* stop sending, keep the queue, say so loudly, probe getMe */
    BOT_LINK_DEAD, /* the chat will take nothing more: mark the link, drop what waits for it */
    BOT_SHORTEN,   /* what we wrote is at fault: once more, shorter and plain; then a dead letter */
    BOT_DEAD_LETTER, /* would be refused every time */
    BOT_CONFLICT,    /* somebody else polls, or a webhook is set */
    BOT_RETRY,       /* nothing was done, as far as anybody can tell */
    BOT_UNKNOWN,     /* sent, and no answer: it may have been carried out */
};

/* By status and parameters; the description only tells the kinds of 400 and 403 apart. An answer
 * that is not the Bot API's own (a proxy's page, say) proves nothing, whatever its status. */
enum bot_verdict bot_error_classify(const struct bot_reply *reply);

/* Milliseconds until the same may be asked again; 0 where that does not depend on time.
 * `failures`: how many answers in a row had the same verdict before this one. `random` is any
 * number, so that not all who were refused together come back together. */
int64_t bot_error_delay_ms(enum bot_verdict verdict, const struct bot_reply *reply, int failures,
                           uint32_t random);

#endif
