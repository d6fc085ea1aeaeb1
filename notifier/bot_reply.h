/* An answer of the Bot API: what a request came to. */
#ifndef PERCH_BOT_REPLY_H
#define PERCH_BOT_REPLY_H

#include <json-c/json_object.h>
#include <stdbool.h>
#include <stddef.h>

enum {
    BOT_REPLY_MAX = 5 * 1024 * 1024, /* bytes of a body; updates may be 4 MiB */
    BOT_REPLY_DEPTH_MAX = 64,        /* a message may quote messages */
    BOT_REPLY_WAIT_MAX_S = 86400,    /* what waits that long is too old to be sent */
};

/* `= {0}` is a request that never left. */
struct bot_reply {
    int status;      /* HTTP status of an answer that came whole; 0: there was none */
    bool sent;       /* bytes of the request may have left, so it may have been carried out */
    bool understood; /* the answer is JSON in the Bot API's shape; the rest is only set then */
    bool ok;
    int retry_after_s;          /* 0: none was given */
    struct json_object *result; /* of what is ok; part of `answer` */
    /* For the log: what the Bot API said, or why there is no answer; never NULL once read. No
     * answer makes it contain the bot's token. */
    const char *description;
    struct json_object *answer; /* owned; all of it */
};

/* Fills in what an answer with this status and body says. `body` need not be NUL-terminated and
 * may be hostile. */
void bot_reply_read(struct bot_reply *reply, int status, const char *body, size_t length);
/* Frees `answer`; json_object_get() what is to be kept. */
void bot_reply_release(struct bot_reply *reply);

#endif
