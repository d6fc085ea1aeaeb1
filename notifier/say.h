/* What the bot says besides notifications (rows of telegram_says), as requests of the Bot API. The
 * texts are says.def's. Two kinds have none there, for what was deleted after it was told: "delete"
 * deletes Telegram's message, "recall" leaves of it who wrote and how many messages there are.
 * Pure; names in the arguments come from strangers and go through sanitize.h. Where nothing may be
 * shown, no other person is named: not in a recall, nor in an offer or when a reply was sent. */
#ifndef PERCH_SAY_H
#define PERCH_SAY_H

#include <stdint.h>

#include "common/buf.h"
#include "compose.h"

enum {
    SAY_TAP_UNITS_MAX = 200, /* of an answer to a tap */
    SAY_LABEL_UNITS = 32,    /* of a name on a button */
};

struct say {
    int64_t chat_id;
    const char *kind;
    const char *arguments;        /* a JSON object */
    const char *locale;           /* a language tag or NULL */
    const char *tap_id;           /* the answer to a tap: a note that passes; NULL: a message */
    int64_t reply_to;             /* the message that it answers, 0: none */
    enum compose_preview ceiling; /* the most that the operator allows to be shown */
};

enum say_method { SAY_MESSAGE, SAY_TAP, SAY_EDIT, SAY_DELETE };

/* The method's name at the Bot API. */
const char *say_method_name(enum say_method method);

/* Adds the method's parameters, a JSON object. An error: there is no such kind, or the arguments do
 * not fit. */
int say_write(struct buf *json, const struct say *say, enum say_method *ret_method)
    __attribute__((warn_unused_result));

#endif
