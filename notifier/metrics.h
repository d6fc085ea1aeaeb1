/* What an operator wants to know of the notifier: counters that its parts write to, and their text
 * in Prometheus' format (version 0.0.4). Pure; metrics_server.h is where one asks for it. No name,
 * text, id or token is in it. */
#ifndef PERCH_METRICS_H
#define PERCH_METRICS_H

#include <stdbool.h>
#include <stdint.h>

#include "bot_error.h"
#include "common/buf.h"

/* What a request that Telegram carried out was for. */
enum metrics_kind {
    METRICS_MESSAGE, /* a notification about one sender */
    METRICS_EDIT,
    METRICS_DIGEST,
    METRICS_SAY, /* what the bot has to say besides: answers to commands, of links that ended */
    METRICS_DELETE,
    METRICS_KINDS
};

enum { METRICS_VERDICTS = BOT_UNKNOWN + 1 };

/* Numbers since the program began. `= {0}` at first. */
struct metrics {
    bool leader;    /* works; else it stands by */
    bool ready;     /* works, and Telegram has said who the bot is */
    bool token_bad; /* Telegram does not know the token, and sending has stopped */
    uint64_t sent[METRICS_KINDS];
    uint64_t failed[METRICS_VERDICTS]; /* by enum bot_verdict; [BOT_OK] stays 0 */
    uint64_t updates;                  /* that were applied */
};

/* What waits in PostgreSQL. */
struct metrics_waiting {
    bool known;              /* PostgreSQL answered; the rest is only set then */
    int64_t queue;           /* messages that somebody may have to be told of */
    int64_t queue_oldest_ms; /* age of the oldest one; 0 where there is none */
    int64_t says;            /* what the bot has to say besides */
    int64_t says_oldest_ms;
    int64_t updates; /* that came by webhook and are not applied yet */
    int64_t dead;    /* dead letters */
};

/* Counts what a request of this kind came to. */
static inline void metrics_count(struct metrics *metrics, enum metrics_kind kind,
                                 enum bot_verdict verdict)
{
    if (verdict == BOT_OK)
        metrics->sent[kind]++;
    else
        metrics->failed[verdict]++;
}

/* Adds all of it. What is not known is left out, not shown as 0. */
void metrics_write(struct buf *buf, const struct metrics *metrics,
                   const struct metrics_waiting *waiting);

#endif
