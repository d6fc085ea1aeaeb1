/* The hub's own structures, shared by the hub_*.c files only. One thread, one loop: nothing here
 * needs a lock. */
#ifndef PERCH_HUB_STATE_H
#define PERCH_HUB_STATE_H

#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

/* uthash's usual hash falls through the cases of a switch, which clang's warning will not have. */
#define HASH_FUNCTION(key, length, hash) HASH_OAT(key, length, hash)
#include <uthash.h>

#include "child.h"
#include "common/buf.h"
#include "common/pg.h"
#include "common/wake.h"
#include "handoff.h"

enum {
    HUB_TICK_MS = 100,         /* between steps of what is spread over time */
    HUB_SWEEP_MS = 5000,       /* between looks at everybody */
    HUB_SWEEP_ALONE_MS = 1000, /* the same while Redis is away */
    HUB_FOLLOW_MS = 60000, /* how long a user is followed past the last waiter, and an ended session
                           remembered */
    HUB_TURN_MS = 1000,    /* between looks at leases, at most */
    HUB_CLAIMS_MAX = 64,   /* announced together */
    HUB_END_SIGNALS = 4,
    HUB_DESCRIPTORS = 32, /* kept for everything but waiting polls */
};

/* Does Redis tell us about this user? */
enum follow {
    FOLLOW_NO,     /* Redis is away */
    FOLLOW_ASKED,  /* SUBSCRIBE is on its way */
    FOLLOW_YES,    /* acknowledged */
    FOLLOW_LEAVING /* UNSUBSCRIBE is on its way */
};

/* One waiting poll or stream. There are thousands: every byte counts, and the texts follow the
 * struct, as long as they are. */
struct waiter {
    TAILQ_ENTRY(waiter) of_user; /* oldest first */
    LIST_ENTRY(waiter) of_slot;  /* hub_wait.c */
    struct hub_user *user;
    int64_t session_id;
    int64_t seq; /* where it stands, in the hub's epoch */
    int fd;
    uint32_t poll_id; /* of its lease; 0: none */
    uint16_t fcgi_id;
    uint8_t presence; /* enum handoff_presence */
    uint8_t tab_size; /* with its NUL */
    uint8_t pings;    /* of a stream, as long as somebody is active */
    bool stream;      /* goes on after an event; else a poll, which ends with it */
    bool owed;        /* waited when the user's news came, and was not told yet */
    char texts[];     /* the tab, then the request's id */
};

static inline const char *waiter_tab(const struct waiter *waiter)
{
    return waiter->texts;
}

static inline const char *waiter_request_id(const struct waiter *waiter)
{
    return waiter->texts + waiter->tab_size;
}

struct hub_user {
    UT_hash_handle hh;
    TAILQ_ENTRY(hub_user) in_doubt; /* only while unsure */
    int64_t id;
    int64_t known;  /* the newest position for certain, -1: unknown; only while FOLLOW_YES */
    int64_t looked; /* what a look must not find less than */
    TAILQ_HEAD(, waiter) waiters;
    int64_t idle_since;    /* monotonic; since when nobody waits */
    struct hub_news *news; /* NULL: none */
    int waiter_count;
    enum follow follow;
    bool unsure; /* wants a look, and stands in hub->doubted */
};

struct hub {
    const struct conf *conf;
    struct event_base *base;
    struct event handoff_event;
    struct event tick_event;
    struct event end_events[HUB_END_SIGNALS];
    int socket;
    bool ending;
    struct hub_user *users;                    /* uthash */
    struct hub_user *rewrite_next;             /* whose leases are written again next */
    struct hub_user *sweep_next;               /* whom the sweep comes to next; NULL: it rests */
    int64_t sweep_at;                          /* monotonic; when it began */
    int64_t sweep_step_at;                     /* the same of its last step */
    struct hub_ended *ended;                   /* uthash */
    TAILQ_HEAD(hub_doubted, hub_user) doubted; /* whom the next looks are about */
    TAILQ_HEAD(, hub_news) news;               /* those that may wake come first */
    struct hub_wait *wait;
    int waiter_count;
    int waiters_max;                  /* as many as there are descriptors for; 0: no limit */
    char epoch[CURSOR_EPOCH_MAX + 1]; /* "": not known yet */
    union handoff_message message;    /* being received */
    struct hub_redis *redis;
    struct hub_verify *verify;
    struct hub_lease *lease;
    struct hub_announce *announce;
    struct hub_house *house;
    struct hub_clean *clean;
    struct buf reply; /* being built */
};

/* Its look has begun, or nobody wants one any more. */
static inline void hub_user_trust(struct hub *hub, struct hub_user *user)
{
    if (user->unsure)
        TAILQ_REMOVE(&hub->doubted, user, in_doubt);
    user->unsure = false;
}

/* Wants a look at this user, as one of many: whoever says so starts it. */
static inline void hub_user_doubt_later(struct hub *hub, struct hub_user *user)
{
    if (user->unsure)
        return;
    user->unsure = true;
    TAILQ_INSERT_TAIL(&hub->doubted, user, in_doubt);
}

/* hub_table.c: who waits. */
void hub_park(struct hub *hub, const struct handoff_park *park, int fd);
void hub_wake(struct hub *hub, int64_t user_id, const char *text);
/* Its connection was closed; ends no other wait. */
void hub_waiter_gone(struct hub *hub, struct waiter *waiter);
/* Its time is over. */
void hub_waiter_due(struct hub *hub, struct waiter *waiter);
struct hub_user *hub_user_find(struct hub *hub, int64_t user_id);
/* A look's answer for one user and session; seq -1: the account is gone. */
void hub_verified(struct hub *hub, int64_t user_id, int64_t session_id, int64_t seq, bool alive);
/* The database began a new life: no position of before means anything. */
void hub_epoch_changed(struct hub *hub, const char *epoch);
/* Wants a look at this user soon, before those of a sweep. */
void hub_user_doubt(struct hub *hub, struct hub_user *user);
/* A step of the slow look at everybody, which begins every `round_ms` (> 0) and is spread over that
 * time: all at once would keep everybody else's statements waiting. Lets go of users nobody has
 * waited for lately. */
void hub_table_sweep(struct hub *hub, int round_ms);
/* From the first user on, with the next step. */
void hub_table_sweep_again(struct hub *hub);
/* Tells all who wait the news there are (hub_news.c). */
void hub_user_tell(struct hub *hub, struct hub_user *user);
/* Answers everybody, with a spread after_ms. */
void hub_table_drain(struct hub *hub);
void hub_user_free(struct hub *hub, struct hub_user *user);

/* hub_wait.c: closed connections and deadlines. */
struct hub_wait *hub_wait_new(struct hub *hub);
void hub_wait_free(struct hub_wait *wait);
/* ERR_BUSY, logged: the kernel watches no more connections for us. */
int hub_wait_add(struct hub_wait *wait, struct waiter *waiter, int64_t deadline_ms)
    __attribute__((warn_unused_result));
/* From now on this is its deadline. */
void hub_wait_prolong(struct hub_wait *wait, struct waiter *waiter, int64_t deadline_ms);
void hub_wait_remove(struct hub_wait *wait, struct waiter *waiter);

/* hub_ended.c: sessions that ended lately. */
void hub_ended_add(struct hub *hub, int64_t session_id);
bool hub_ended_has(const struct hub *hub, int64_t session_id);
/* Forgets those that ended HUB_FOLLOW_MS before `now`. */
void hub_ended_expire(struct hub *hub, int64_t now);

/* hub_redis.c: wake-ups. */
struct hub_redis *hub_redis_new(struct hub *hub, const struct redis_address *address);
void hub_redis_free(struct hub_redis *redis);
bool hub_redis_is_up(const struct hub_redis *redis);
/* Sets user->follow; the acknowledgement ends in hub_user_doubt(). */
void hub_redis_follow(struct hub_redis *redis, struct hub_user *user);
void hub_redis_leave(struct hub_redis *redis, struct hub_user *user);

/* hub_lease.c: who is there, as Redis knows it. */
struct hub_lease *hub_lease_new(struct hub *hub, const struct redis_address *address);
void hub_lease_free(struct hub_lease *lease);
/* A poll waits from now on. */
void hub_lease_put(struct hub_lease *lease, struct waiter *waiter, int64_t wait_ms);
/* A device will be back after this time. */
void hub_lease_seen(struct hub_lease *lease, const struct handoff_lease *device, int64_t after_ms);
/* The connection closed. */
void hub_lease_cut(struct hub_lease *lease, const struct waiter *waiter);
/* The wait ended for good. */
void hub_lease_drop(struct hub_lease *lease, const struct waiter *waiter);
/* What a worker tells. */
void hub_lease_take(struct hub_lease *lease, const struct handoff_lease *device);
void hub_lease_announce(struct hub_lease *lease, int64_t user_id, const char *state, int64_t claim,
                        const char *partners);
/* Looks after lapsed leases and changes to announce, after this time at the latest. */
void hub_lease_turn(struct hub_lease *lease, int after_ms);
/* Sends what is left to say, and waits a moment for Redis to take it. */
void hub_lease_settle(struct hub_lease *lease);

/* hub_announce.c: tells partners. */
struct hub_announce *hub_announce_new(struct hub *hub);
void hub_announce_free(struct hub_announce *announce);
bool hub_announce_is_idle(const struct hub_announce *announce);
/* Lines of lease_script_turn, or NULL. */
void hub_announce_claims(struct hub_announce *announce, const char *lines);

/* hub_news.c: what partners told. */
void hub_news_add(struct hub *hub, struct hub_user *user, const struct wake *about);
/* Wakes the user's polls, if there is something worth it and it is time. */
void hub_news_tell(struct hub *hub, struct hub_user *user);
/* Adds the news to the events of a reply; `first`: there are no others in it. */
void hub_news_render(struct buf *reply, const struct hub_user *user, bool first);
/* The same as blocks of a stream. */
void hub_news_stream(struct buf *reply, const struct hub_user *user);
/* Forgets what was given, once all who waited when it came were told or have gone. */
void hub_news_settle(struct hub_user *user);
/* For all users: wakes whose time has come, lets go of what is no longer needed. */
void hub_news_sweep(struct hub *hub);
void hub_news_free(struct hub *hub, struct hub_user *user);

/* hub_verify.c: looks at PostgreSQL. */
struct hub_verify *hub_verify_new(struct hub *hub);
void hub_verify_free(struct hub_verify *verify);
/* Looks at all users in doubt, now or as soon as the look under way has ended. */
void hub_verify_kick(struct hub_verify *verify);
/* The same for the epoch, though nobody may be waiting. */
void hub_verify_epoch(struct hub_verify *verify);
/* The log was put back to an earlier state: asks PostgreSQL for a new epoch, then looks. */
void hub_verify_renew(struct hub_verify *verify);

/* hub_clean.c: removes what is no longer needed, a batch now and then. Begins by itself. */
struct hub_clean *hub_clean_new(struct hub *hub);
void hub_clean_free(struct hub_clean *clean);

/* hub_reply.c: bytes. Polls end with any of these, and the caller closes the descriptor; so do
 * streams, unless it is said here that they go on. */
enum hub_answer { HUB_NOTHING, HUB_MORE, HUB_SUPERSEDED };
void hub_reply_poll(struct hub *hub, const struct waiter *waiter, enum hub_answer answer,
                    int after_ms);
/* One event: in the log at waiter->seq + 1, or passing (the cursor stays). True: it is a stream and
 * goes on from there. False also for a stream that does not take all of it, which its reader is too
 * slow for. */
bool hub_reply_event(struct hub *hub, const struct waiter *waiter, const char *json, bool passing);
/* Only the news (hub_news.c), which go along with every event, too; as hub_reply_event(). */
bool hub_reply_news(struct hub *hub, const struct waiter *waiter);
/* Into a stream; as hub_reply_event(). */
bool hub_reply_ping(struct hub *hub, const struct waiter *waiter);
void hub_reply_unauthorized(struct hub *hub, const struct waiter *waiter);
/* For a connection that is no waiter (yet). */
void hub_reply_park(struct hub *hub, const struct handoff_park *park, int fd, int after_ms);

#endif
