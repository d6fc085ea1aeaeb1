/* What an update of the Bot API says. Pure. Anybody can press Start, and a client can be made to
 * send what it likes: an update is read member by member, each may be missing or of another type,
 * and what cannot be made sense of is UPDATE_NONE. */
#ifndef PERCH_UPDATE_H
#define PERCH_UPDATE_H

#include <json-c/json_object.h>
#include <stdbool.h>
#include <stdint.h>

#include "button.h"
#include "command.h"
#include "common/arena.h"

enum {
    UPDATE_BODY_MAX = 4096, /* characters of a message, as fcgi-app takes them */
};

/* For getUpdates and setWebhook: what we want to hear of, a JSON array. */
extern const char update_kinds[];

enum update_kind {
    UPDATE_NONE, /* nothing to do: not from a person in a private chat, or of no use to us */
    UPDATE_COMMAND,
    UPDATE_TEXT,  /* a text that replies to nothing */
    UPDATE_REPLY, /* a text that replies to message `reply_to` of the chat */
    UPDATE_MEDIA, /* a message of another sort */
    UPDATE_EDIT,  /* the person changed what they had written */
    UPDATE_TAP,   /* on a button; must be answered, whatever it is */
    UPDATE_BLOCKED,
    UPDATE_UNBLOCKED,
};

struct update {
    int64_t id;
    enum update_kind kind;
    int64_t chat_id;
    const char *name;     /* of the person: first and last; "" if there is none */
    const char *username; /* without "@"; NULL if they have none */
    const char *locale;   /* Telegram's language tag; NULL if it is not known */

    int64_t message_id; /* the person's message */
    const char *text;
    int64_t reply_to;
    struct command command;

    const char *tap_id; /* callback_query's */
    struct button button;
};

/* Texts are in the arena, or in `object` and live as long. `bot` is the bot's user name.
 * ERR_INVALID: it has no id, so that nothing can be done with it. */
int update_read(struct json_object *object, const char *bot, struct arena *arena,
                struct update *ret_update) __attribute__((warn_unused_result));

/* Would the web take this text for a message? */
bool update_body_fits(const char *text);

#endif
