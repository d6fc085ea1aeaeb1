/* What people do in the bot's chats, and what the bot says besides notifications. As in
 * store_notify.h, nothing blocks.
 *
 * An update is applied by exactly one store_update_*: its effect, the answer (a row of
 * perch.telegram_says) and the mark that it was applied are one transaction. The result has the
 * rows of perch.change: store_notifier_status() is "repeat" for an update that is not the next one
 * (any more), of which nothing came; otherwise it is applied, whatever the status, and
 * store_notifier_wake() gives the wake-ups. An error (ERR_INTERNAL; or
 * ERR_UNAVAILABLE because it takes too long, again and again) is not: skip such an update. */
#ifndef PERCH_STORE_UPDATE_H
#define PERCH_STORE_UPDATE_H

#include "common/store.h"

/* What all updates have. Texts are UTF-8 without NUL. */
struct store_update {
    int64_t
        offset_before; /* getUpdates: update_offset as it must be; -1: from the webhook's inbox */
    int64_t offset_after; /* getUpdates: the update's id + 1; inbox: its id */
    int64_t chat_id;
    const char *locale;      /* Telegram's language_code or NULL */
    const char *callback_id; /* a button was tapped: the answer goes to it. Else NULL */
    int64_t message_id;      /* the answer replies to this message; 0: to none */
    int64_t now;
};

/* Where getUpdates goes on, when the status is "repeat": offset_after if this very update had been
 * applied. */
int64_t store_update_offset(const struct pg_result *result);

/* Nothing to do; only the mark. The other fields are not looked at. */
int store_update_skip_start(struct pg *pg, const struct store_update *update)
    __attribute__((warn_unused_result));

/* Only an answer: `kind` and `arguments` (a JSON object) as in telegram_says. */
int store_update_answer_start(struct pg *pg, const struct store_update *update, const char *kind,
                              const char *arguments) __attribute__((warn_unused_result));

/* /start or /link, with a code's hash (store_telegram_hash()) or NULL. Answers: start_asked,
 * start_unblocked, start_linked, start_code_unknown, start_unknown (all {}). `username` without "@"
 * or NULL. */
int store_update_start_start(struct pg *pg, const struct store_update *update, const char *name,
                             const char *username, const char *code_hash)
    __attribute__((warn_unused_result));

/* The chat takes messages again (my_chat_member): a blocked link is live. No answer. */
int store_update_unblock_start(struct pg *pg, const struct store_update *update, const char *name,
                               const char *username) __attribute__((warn_unused_result));

/* The chat takes nothing any more (my_chat_member). No answer. */
int store_update_block_start(struct pg *pg, const struct store_update *update)
    __attribute__((warn_unused_result));

/* Answers: unlinked_chat {}, not_linked {}. */
int store_update_unlink_start(struct pg *pg, const struct store_update *update)
    __attribute__((warn_unused_result));

/* For so many minutes; 0: not muted any more, -1: for ever. Answers: muted {"minutes"} (absent: for
 * ever), unmuted {}, not_linked {}. */
int store_update_mute_start(struct pg *pg, const struct store_update *update, int minutes)
    __attribute__((warn_unused_result));

/* Answers: status {"account", "muted_minutes" (rounded up; -1 for ever; absent: not muted), "quiet"
 * (true: quiet hours now; absent), "waiting" (how many messages wait to be told)}, not_linked {}.
 */
int store_update_status_start(struct pg *pg, const struct store_update *update)
    __attribute__((warn_unused_result));

/* A text that replies to the bot's message `reply_to`, posted as the linked person. `client_id`: a
 * UUID that is the same for the same message. Answers: reply_sent {"account", "preview"} (to
 * whom, and what the person wants to be shown; not for a message that was posted before: no
 * answer), reply_unknown {} (not a notification, or too old), reply_digest {} (of several people),
 * reply_deleted {} (that account is gone), not_linked {}. */
int store_update_reply_start(struct pg *pg, const struct store_update *update, int64_t reply_to,
                             const char *client_id, const char *body)
    __attribute__((warn_unused_result));

/* A text that replies to nothing: it is kept for a day, as one of the chat's latest twenty, and the
 * answer offers to send it to whoever was told of last. Answers: offer {"account", "preview",
 * "offer": "<at most 40 characters of A-Za-z0-9-, for callback_data>"}, offer_nobody {}, not_linked
 * {}. */
int store_update_text_start(struct pg *pg, const struct store_update *update, const char *client_id,
                            const char *body) __attribute__((warn_unused_result));

/* That offer's button. Answers: as for a reply; offer_gone {} for one that is unknown, used, too
 * old or another chat's. */
int store_update_offer_start(struct pg *pg, const struct store_update *update, const char *offer_id)
    __attribute__((warn_unused_result));

/* The webhook's inbox: updates not applied yet, oldest first. */
int store_update_inbox_start(struct pg *pg, int limit) __attribute__((warn_unused_result));
struct store_update_inbox {
    int64_t update_id;
    const char *body; /* JSON; borrowed from the result */
};
void store_update_inbox(const struct pg_result *result, int row,
                        struct store_update_inbox *ret_inbox);

/* What the bot has to say: due at `now`, one for each chat and its oldest, not to chats in `busy`,
 * nor, except for answers to taps, to those that Telegram wants left alone.
 * Besides what SQL says by itself (kinds in sql/deploy/telegram_links.sql and above) there are, for
 * a message that was deleted after it was told: delete {"message_id"} (Telegram's, to be deleted),
 * recall {"message_id", "account", "count"} (to be edited: it tells of `count` other messages, and
 * its text has to go). */
int store_say_next_start(struct pg *pg, struct arena *arena, int64_t now,
                         const struct store_ids *busy, int limit)
    __attribute__((warn_unused_result));
struct store_say {
    int64_t id;
    int64_t chat_id;
    const char *kind;        /* all texts: in the arena */
    const char *arguments;   /* a JSON object */
    const char *locale;      /* for texts_locale() */
    const char *callback_id; /* answerCallbackQuery instead of sendMessage; else NULL */
    int64_t reply_to;        /* 0: none */
    int failures;            /* for bot_error_delay_ms() */
};
struct store_say_list {
    int count;
    struct store_say *says;
    int64_t
        next_at; /* when others become due; INT64_MAX: never. Look again when one is done, too */
};
void store_say_next(struct arena *arena, const struct pg_result *result,
                    struct store_say_list *ret_list);

/* Counted before the bytes go out, as store_notify_claim() does. False: it is gone meanwhile, or
 * was asked about twice without an answer. */
int store_say_claim_start(struct pg *pg, int64_t id, int64_t now)
    __attribute__((warn_unused_result));
bool store_say_claimed(const struct pg_result *result);

/* Said, or refused for ever. */
int store_say_drop_start(struct pg *pg, int64_t id) __attribute__((warn_unused_result));

/* Refused for now: once more at retry_at. `waits`: 429, which holds for the chat's notifications,
 * too, and is no failure; bot_retry_at (or 0): for everybody's. */
int store_say_retry_start(struct pg *pg, int64_t id, int64_t retry_at, bool waits,
                          int64_t bot_retry_at) __attribute__((warn_unused_result));

#endif
