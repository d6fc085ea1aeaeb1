/* Wake-ups on their way out: through Redis to whichever hubs follow the users; where Redis does not
 * take them, straight to this host's hubs. A crash before that is covered by the hubs' sweep, so
 * nothing here can lose a message. */
#ifndef PERCH_NOTIFY_H
#define PERCH_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/store_user.h"

struct worker;

enum { NOTIFY_TYPING_MS = 3000, NOTIFY_TYPING_SLOTS = 256 };

struct notify_typing {
    int64_t user_id;
    int64_t peer_id;
    int64_t at; /* monotonic: when this worker last told the peer */
};

/* What this request has to tell, kept until Redis has taken it. */
struct notify {
    struct buf texts; /* NUL-terminated wake texts, one after another */
    struct buf items; /* struct notify_item */
    int count;
    struct notify_typing typing[NOTIFY_TYPING_SLOTS];
};

/* Queues. */
void notify_change(struct worker *worker, const struct store_change *change);
/* perch-notifier has something new to say: on "<prefix>n", with an empty text. It looks by itself
 * within a second. */
void notify_notifier(struct worker *worker);
void notify_passing(struct worker *worker, int64_t user_id, const char *json);
/* Also writes the tombstones that keep the sessions out of the cache, and sees to it at once. */
void notify_sessions_end(struct worker *worker, int64_t user_id, const struct store_ids *sessions);
/* Tells partners what became of a user. */
void notify_partners(struct worker *worker, const struct store_ids *partners,
                     const struct store_user *user);
/* Remembers a session that was found alive. */
void notify_session_alive(struct worker *worker, int64_t user_id, int64_t session_id);

/* Tells the peer at once that the user is typing, unless that was told within NOTIFY_TYPING_MS: by
 * any worker of any host, or without Redis by this one. */
void notify_typing(struct worker *worker, int64_t user_id, int64_t peer_id);

/* Writes what is queued to Redis, without waiting for the answers: before the reply. */
void notify_send(struct worker *worker);
/* Sees to it that it was taken: after the reply. */
void notify_settle(struct worker *worker);

void notify_release(struct notify *notify);

/* "<prefix>s:<session>", where the cache holds the session's user id, or SESSION_ENDED. */
enum { SESSION_KEY_MAX = 96, SESSION_CACHE_S = 60 };
#define SESSION_ENDED "x"
void session_key(const struct worker *worker, int64_t session_id, char ret_key[SESSION_KEY_MAX]);

#endif
