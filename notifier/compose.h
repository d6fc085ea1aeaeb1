/* What a notification says: its text, which parts are bold, and the parameters of the Bot API's
 * call. Pure; names and texts come from strangers and go through sanitize.h.
 *
 *   full     Alice: hello                     Alice: 7 new messages
 *                                             the last one
 *   sender   Alice: 1 new message             Alice: 7 new messages
 *   off      You have 1 new message           You have 7 new messages
 *
 * of several senders, in `full` and `sender`:
 *
 *   While you were away:
 *   Alice (7): the last one                   Alice: 7 new messages
 *   Bob: hello                                Bob: 1 new message
 *   … and from 3 more
 *
 * Only the senders' names are bold. `off` has nothing in it that anybody wrote, names neither.
 *
 * Below stand buttons: one that opens the page, in `full` and `sender` at the sender's dialog,
 * where Telegram would take its address; one that mutes for an hour. */
#ifndef PERCH_COMPOSE_H
#define PERCH_COMPOSE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/buf.h"
#include "texts.h"

enum {
    COMPOSE_UNITS_MAX = 4096,  /* Telegram's limit, in UTF-16 units */
    COMPOSE_BYTES_MAX = 32768, /* and of what it reads */
    COMPOSE_PLAIN_UNITS = 1000,
    COMPOSE_NAME_UNITS = 128, /* a name can be this long; 64 characters are allowed */
    COMPOSE_LINES_MAX = 30,   /* senders named in a digest */
    COMPOSE_MUTE_MINUTES = 60,
};

/* In the order of what they tell. */
enum compose_preview { COMPOSE_OFF, COMPOSE_SENDER, COMPOSE_FULL };

/* "off", "sender" or "full"; anything else, and NULL, is off. */
enum compose_preview compose_preview(const char *word);

struct compose_sender {
    const char *name;  /* NULL: the account was deleted */
    const char *body;  /* the newest message's */
    int64_t new_count; /* 1 or more: all the messages that this Telegram message tells of */
};

struct compose_news {
    enum texts_locale locale;
    enum compose_preview preview; /* what the recipient wants */
    enum compose_preview ceiling; /* the most that the operator allows */
    int sender_count;             /* 1 or more */
    const struct compose_sender *senders;
    const char *open_url; /* the page's address; NULL: it is not known */
    int64_t open_peer;    /* the one sender's id; 0 where there are several */
};

/* A bold part, in UTF-16 units. */
struct compose_entity {
    size_t offset;
    size_t length;
};

/* `= {0}` at first; may be written again. Release it. */
struct compose {
    struct buf text;
    int entity_count;
    struct compose_entity entities[COMPOSE_LINES_MAX];
    struct buf members; /* further parameters, each with a comma before it: the buttons */
};

/* Never empty, and within both limits: what is too long ends in "…". `plain` is the form for a
 * second try when Telegram found the first too long or could not parse it: COMPOSE_PLAIN_UNITS at
 * most, nothing bold, and no address. */
void compose_write(struct compose *compose, const struct compose_news *news, bool plain);

void compose_release(struct compose *compose);

/* Adds the parameters, a JSON object, of sendMessage and of editMessageText. */
void compose_add_send(struct buf *json, int64_t chat_id, const struct compose *compose);
void compose_add_edit(struct buf *json, int64_t chat_id, int64_t message_id,
                      const struct compose *compose);

#endif
