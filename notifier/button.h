/* Buttons below the bot's messages. What a tap tells the bot says what to do and no more: whose
 * dialog it is about, the chat itself decides, for a client can send any data it likes. Pure. */
#ifndef PERCH_BUTTON_H
#define PERCH_BUTTON_H

#include <stdbool.h>

#include "common/buf.h"

/* Telegram takes 64 bytes of data. */
enum { BUTTON_OFFER_MAX = 40 };

enum button_kind {
    BUTTON_UNKNOWN,
    BUTTON_MUTE,  /* everything, for `minutes` */
    BUTTON_OFFER, /* to send a text that was kept as `offer` */
};

struct button {
    enum button_kind kind;
    int minutes; /* positive */
    char offer[BUTTON_OFFER_MAX + 1];
};

/* Of the data of a tap; anything may be in it. BUTTON_UNKNOWN: none of ours. */
struct button button_read(const char *data);

/* `offer` is letters, digits and "-"; what is behind BUTTON_OFFER_MAX is cut off. */
struct button button_mute(int minutes);
struct button button_offer(const char *offer);

/* A keyboard of one row, as a member of a request's parameters: begin, up to eight buttons, end. */
void button_row_begin(struct buf *json);
void button_add(struct buf *json, const char *label, const struct button *button);
void button_add_url(struct buf *json, const char *label, const char *url);
void button_row_end(struct buf *json);

/* Would Telegram take this address for a button? It refuses the whole message else. https with a
 * name that the world can look up; addresses made of numbers are not taken, for some of them would
 * be refused. NULL is none. */
bool button_url_fits(const char *url);

#endif
