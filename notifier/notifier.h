/* What the parts of perch-notifier share. One thread, one event loop; nothing blocks.
 *
 * The program always has its loop, settings, client of the Bot API, metrics and leader. All else is
 * the *shift*: it begins when this notifier is the one that works (leader.h) and Telegram has said
 * who the bot is, and it ends, with everything that is under way, when the leadership is lost or
 * the program ends. So a part of the shift is
 *
 *   struct x *x_new(struct notifier *notifier);   begins to work; what it needs was made before it
 *   void x_free(struct x *x);                     ends its statements and calls at once, without
 *                                                 calling anybody; NULL is fine
 *
 * and keeps nothing in memory that another notifier, which takes over the next moment, would need.
 * No part ends from within another one's call.
 *
 * Where Telegram stops knowing the bot's token the shift goes on, but the pace (pace.h) stands
 * still until it knows it again. */
#ifndef PERCH_NOTIFIER_H
#define PERCH_NOTIFIER_H

#include <stdint.h>

#include "common/redis.h"
#include "metrics.h"

enum {
    NOTIFIER_END_MS = 1500, /* after TERM, for answers that are under way */
    NOTIFIER_PROBE_MS = 60 * 1000,
    NOTIFIER_USERNAME_MAX = 64,
};

struct bot_api;
struct conf;
struct event_base;
struct hint;
struct identity;
struct menu;
struct outbox;
struct pace;
struct says;
struct updates;
struct webhook;
struct wakes;

struct notifier_bot {
    int64_t id;
    char username[NOTIFIER_USERNAME_MAX + 1]; /* without "@" */
    int64_t update_offset;                    /* where getUpdates went on when the shift began */
};

struct notifier {
    struct event_base *base;
    const struct conf *conf;
    struct redis_address redis;
    struct bot_api *api;
    struct metrics metrics;
    struct identity *identity; /* NULL while another notifier works */

    /* The shift, in the order its parts are made; NULL without one. */
    struct notifier_bot bot;
    struct wakes *wakes;
    struct pace *pace;
    struct outbox *outbox;
    struct says *says;
    struct hint *hint;
    struct updates *updates; /* NULL with a webhook */
    struct webhook *webhook;
    struct menu *menu;
};

/* Runs until TERM or INT, which end it within NOTIFIER_END_MS: no request begins any more, and what
 * is under way is waited for. ERR_CONFIG, logged, when it cannot begin. */
int notifier_run(const struct conf *conf) __attribute__((warn_unused_result));

/* The client of the Bot API as it is configured. ERR_CONFIG, logged. */
int notifier_api_new(struct event_base *base, const struct conf *conf, struct bot_api **ret_api)
    __attribute__((warn_unused_result));

/* The notifier's clock: milliseconds since 1970. All that is kept goes by it; tests shift it. */
int64_t notifier_now(void);

/* Any number, for bot_error_delay_ms(). */
uint32_t notifier_random(void);

/* Telegram answered BOT_TOKEN_BAD: the pace stops, getMe is asked every NOTIFIER_PROBE_MS, and the
 * pace goes on when it is answered. From any callback, as often as you like. Answers that come
 * through the pace tell it themselves. */
void notifier_token_bad(struct notifier *notifier);

#endif
